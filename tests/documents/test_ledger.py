"""Events of the ledger: each kind is a type, and the file is what it always was."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from swarmgit.documents import as_json, places, schemas
from swarmgit.errors import PersonMustAct
from swarmgit.model.queue import Gating, Held, Queued, Red, Rejected, Resolved, Unknown, Unresolved
from swarmgit.state import ledger
from swarmgit.state.kinds import ENTRIES

PATH = "merge-queue/2026-11/e1.yaml"
EVERY_EVENT = (Path(__file__).parent / "every_event.yaml").read_bytes()
"""Written by swarmgit when events were plain data; each kind, with and without the keys that it need not have."""

HEAD = """version: 1
id: e1
task: api
session: s1
agent: builder-01
attempt: 1
head: c1
base: b1
enqueued: "2026-11-22T08:00:00.123Z"
events:
"""


def entry_with(*events: str) -> bytes:
    """Return an entry's text with these events, each given as its kind and data in one line of YAML."""
    return (HEAD + "".join(f'  - {{at: "2026-11-22T08:00:00.123Z", {event}}}\n' for event in events)).encode()


def test_every_kind_is_written_exactly_as_it_was() -> None:
    entry = ENTRIES.read(PATH, EVERY_EVENT)
    assert ENTRIES.dump(entry) == EVERY_EVENT
    assert {type(event) for event in entry.events} == set(ledger.TYPES.values())
    assert not any(event.more for event in entry.events)


def test_an_entry_comes_back_the_same_from_the_cache() -> None:
    entry = ENTRIES.read(PATH, EVERY_EVENT)
    assert as_json.from_json(as_json.to_json(entry), type(entry)) == entry


def test_every_kind_keeps_the_published_schema_and_the_schema_names_no_other() -> None:
    schema = json.loads(schemas.text("entry"))
    node, _ = places.read(PATH, EVERY_EVENT)
    jsonschema.validate(node.data, schema)
    assert set(schema["properties"]["events"]["items"]["properties"]["kind"]["examples"]) == set(ledger.TYPES)


def test_keys_and_kinds_of_a_newer_version_are_kept_and_nothing_is_decided_by_them() -> None:
    data = "data: {base: b2, code_tree: t1, commit: d1, mood: [good, {x: 1}], stack: [e1], why: exact}"
    text = entry_with(f"kind: gating, {data}", "kind: blessed, data: {kind: odd, by: Ann}", "kind: bare")
    entry = ENTRIES.read(PATH, text)
    gating, *others = entry.events
    assert (gating.stack, gating.more) == (("e1",), {"mood": ["good", {"x": 1}]})
    assert [(type(event), event.kind) for event in others] == [(Unknown, "blessed"), (Unknown, "bare")]
    node, _ = places.read(PATH, text)
    written, _ = places.read(PATH, ENTRIES.dump(entry))
    assert written.data == node.data


def test_events_of_earlier_versions_lack_what_came_later() -> None:
    text = entry_with(
        "kind: queued, data: {head: c1, base: b1}",
        "kind: gating, data: {base: b1, commit: d1, code_tree: t1}",
        "kind: rejected, data: {kind: gate, reason: red, gate: test, outcome: fail, key: k1}",
        "kind: unresolved, data: {way: ai, session: m1, tokens: 5}",
    )
    with pytest.raises(PersonMustAct, match="event 4, unresolved: Object missing required field `reason`"):
        ENTRIES.read(PATH, text)
    entry = ENTRIES.read(PATH, text.replace(b"tokens: 5", b"tokens: 5, reason: why"))
    assert entry.last(Queued).tier is None
    assert entry.last(Gating).stack == ()
    assert entry.last(Rejected).green is None
    written, _ = places.read(PATH, ENTRIES.dump(entry))
    assert [list(event["data"]) for event in written.data["events"]] == [
        ["base", "head"],
        ["base", "code_tree", "commit"],
        ["gate", "key", "kind", "outcome", "reason"],
        ["reason", "session", "tokens", "way"],
    ]


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (b"why: exact", b"why: maybe", f"{PATH}:55:7: event 6, gating: Invalid enum value 'maybe'"),
        (
            b"      commit: d2\n",
            b"      x: y\n",
            f"{PATH}:274:5: event 24, landed: Object missing required field `commit`",
        ),
        (b"kind: landed\n", b"knd: landed\n", f"{PATH}:272:5: event 24: Object contains unknown field `knd`"),
        (b"        - e0\n", b"        - 7\n", f"{PATH}:64:11: event 7, gating: Expected `str`, got `int`"),
        (b'  - at: "', b'  - at: "x', f"{PATH}:11:5: event 1: Invalid RFC3339 encoded datetime"),
        (b"        guarded: g1\n", b"", f"{PATH}:34:7: event 4, reviewed: Object missing required field `guarded`"),
    ],
)
def test_an_event_that_cannot_be_read_is_named_with_its_file_and_place(good: bytes, bad: bytes, said: str) -> None:
    with pytest.raises(PersonMustAct) as caught:
        ENTRIES.read(PATH, EVERY_EVENT.replace(good, bad, 1))
    assert caught.value.message == said


def test_the_newest_event_of_some_kinds_is_found_by_their_types() -> None:
    entry = ENTRIES.read(PATH, EVERY_EVENT)
    assert entry.last(Held).why == "it has moved"
    assert isinstance(entry.last(Red, Rejected), Rejected)
    assert entry.resolved is None, "nothing stands in the place of the task's own work"
    assert [event.outcome for event in entry.every(Unresolved)] == ["failed", None]
    assert entry.last(Resolved).usd is None
