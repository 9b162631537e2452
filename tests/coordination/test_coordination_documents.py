"""The documents of mail, convoys and incidents: schema, value and text say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import yaml
from msgspec.structs import fields

from swarmgit.documents import letters, schemas
from swarmgit.errors import PersonMustAct
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.ids import AgentName, ConvoyId, MailId, SessionId, TaskId
from swarmgit.model.incidents import Incident, IncidentControl, Note, Occurrence
from swarmgit.model.mail import PRIORITIES, TYPES, Letter, Mail, MailControl
from swarmgit.state import incidents, kinds

AT = datetime(2026, 11, 22, 8, 0, 0, 123_000, UTC)
MAIL = Mail(
    MailId("01a"),
    "builder-01",
    "human",
    "question",
    "yes: no",
    AT,
    MailId("01a"),
    task=TaskId("a"),
    read_at=AT,
    body="- a\n# b\n",
)
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "mail": (MAIL, kinds.MAIL.dump, kinds.MAIL.read),
    "mail-control": (MailControl(Letter(("a", "@all"), "s"), (MailId("01b"),), "pat", AT), kinds.MAIL_CONTROL.dump, kinds.MAIL_CONTROL.read),
    "convoy-status": (
        ConvoyStatus(ConvoyId("cv"), "t", "incomplete", 1, 2, "why", {TaskId("a"): "landed"}, AT),
        kinds.CONVOYS.dump,
        kinds.CONVOYS.read,
    ),
    "incident-control": (
        IncidentControl("i", "t", "x", "c", ("gate: p",), True, "pat", AT),
        kinds.INCIDENT_CONTROL.dump,
        kinds.INCIDENT_CONTROL.read,
    ),
    "incident": (
        Incident(
            "2026-11-22-01-x", "s", "t", AT, "gate", "closed", 2, (Occurrence(AT, "k", "---\nw"),), (AgentName("a"),), (TaskId("b"),),
            (SessionId("c"),), "why", "how", ("gate: x",), ("cmd",), ("2026-11-21-01-x",), (Note(AT, "p", "n"),), AT, "pat",
        ),
        incidents.dump,
        incidents.load,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_what_is_written_comes_back_the_same_and_keeps_its_schema(kind: str) -> None:
    value, dump, load = VALUES[kind]
    data = dump(value)
    assert load(f"{kind}.x", data) == value
    assert dump(load(f"{kind}.x", data)) == data
    facts = data.decode().removeprefix("---\n").partition("\n---\n")[0]
    plain = yaml.safe_load(facts)
    jsonschema.validate(json.loads(json.dumps(plain, default=str)), json.loads(schemas.text(kind)))


@pytest.mark.parametrize("kind", VALUES)
def test_a_schema_has_exactly_the_fields_of_its_value(kind: str) -> None:
    names = {"from" if (kind, field.name) == ("mail", "sender") else field.name for field in fields(VALUES[kind][0])}
    assert set(json.loads(schemas.text(kind))["properties"]) - {"version"} == names


def test_the_schema_of_a_letter_is_what_is_read() -> None:
    schema = json.loads(schemas.text("letter"))["properties"]
    assert set(schema) == set(letters.KEYS)
    assert (tuple(schema["type"]["enum"]), tuple(schema["priority"]["enum"])) == (TYPES, PRIORITIES)
    assert {"sender" if key == "from" else key for key in schema} - {"version"} == {
        field.name for field in fields(Letter)
    }


def test_the_text_of_a_message_is_exactly_this() -> None:
    assert kinds.MAIL.dump(MAIL).decode() == (
        'version: 1\nid: 01a\nfrom: builder-01\nto: human\ntype: question\nsubject: "yes: no"\n'
        'created: "2026-11-22T08:00:00.123Z"\nthread: 01a\ntask: a\nread_at: "2026-11-22T08:00:00.123Z"\nbody: |\n  - a\n  # b\n'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\nid: 01a\nsender: me\n", "unknown key 'sender'; it is called 'from'"),
        ("version: 1\nid: 01a\nfrom: [x]\n", "mail.yaml:3:"),
        ("version: 2\n", "the version is not 1"),
    ],
)
def test_a_broken_message_says_where(text: str, message: str) -> None:
    with pytest.raises(PersonMustAct) as caught:
        kinds.MAIL.read("mail.yaml", text.encode())
    assert message in caught.value.message
