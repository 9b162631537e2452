"""The table of kinds of state: every kind is described, read, written, archived and found by its row alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
import yaml

from swarmgit.app.fsck.ledger import load
from swarmgit.documents import schemas
from swarmgit.errors import SwarmError
from swarmgit.model import control
from swarmgit.model.actions import Document
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.failures import FailedStep, Failures, Step
from swarmgit.model.git import TreeEntry
from swarmgit.model.histories import Followed, GateHistory
from swarmgit.model.ids import CommitId
from swarmgit.model.incidents import Incident, IncidentControl
from swarmgit.model.mail import Letter, Mail, MailControl
from swarmgit.model.queue import Entry
from swarmgit.model.status import Difference, Identity, TaskStatus
from swarmgit.state import kinds
from swarmgit.state.archive import archived, find, newest

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
HEAD = CommitId("head")
NAME = "same"
FAILED = FailedStep(Step("Land", NAME), "s", "m", AT, AT)
SAMPLES: Mapping[type, Any] = {
    type(value): value
    for value in (
        TaskStatus(NAME, "A task", "landed", finished=AT),
        Entry(NAME, NAME, "s1", "builder-01", 1, "c1", "c0", AT),
        Identity(NAME, "builder", AT),
        GateHistory(NAME, passed=1),
        ConvoyStatus(NAME, "A convoy", "closed"),
        Incident(NAME, "sig", "An incident", AT, "gate"),
        Failures(NAME, (FAILED,)),
        Followed("origin", "main", "c0", "c1"),
        Mail(NAME, "builder-01", NAME, "question", "s", AT, NAME),
        control.Verdict(NAME, NAME, "pass", "pat", "terminal", AT, 1, "c1", Difference("d", "f", "g"), "p"),
        control.Freeze("pat", AT),
        control.QueueControl(paused=True),
        control.TaskControl(paused=True),
        control.EntryControl(urgent=True),
        control.LandingControl(NAME, "reopen"),
        IncidentControl(NAME, is_closed=True),
        MailControl(Letter((NAME,), "s")),
        control.Acknowledgement("c1", "pat"),
    )
}
"""A value of each kind; whatever has a name is called the same."""

OF_VALUES = [kind for kind in kinds.KINDS if kind.schema]
ARCHIVED = [kind for kind in OF_VALUES if kind.archived is not None]
FORMATS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def name_of(kind: kinds.Kind[Any]) -> str:
    return kind.place


def path_of(kind: kinds.Kind[Any]) -> str:
    return kind.path(SAMPLES[kind.value]) if kind.name is not None else kind.file(NAME)


class Branch:
    """The state branch at one commit, as the readers ask for it: files by path, each its own object id."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def resolve(self, spec: str) -> str | None:
        path = spec.removeprefix(f"{HEAD}:")
        return path if any(each == path or each.startswith(f"{path}/") for each in self.files) else None

    def walk(self, oid: str, prefix: str = "") -> dict[str, TreeEntry]:
        assert oid == prefix
        return {p: TreeEntry("100644", "blob", p, p) for p in self.files if p.startswith(f"{prefix}/")}

    def blob(self, oid: str) -> bytes:
        return self.files[oid]


def full_archive() -> Branch:
    """Return a branch where one thing of each kind is archived, all of the same name and on the same day."""
    return Branch({k.archive_path(SAMPLES[k.value], AT): k.dump(SAMPLES[k.value]) for k in ARCHIVED})


def test_whatever_a_tick_may_save_has_its_row_and_every_row_its_sample() -> None:
    assert set(get_args(Document)) <= {kind.value for kind in OF_VALUES}
    assert {kind.value for kind in OF_VALUES} == SAMPLES.keys()
    assert len({kind.place for kind in kinds.KINDS}) == len(kinds.KINDS)


@pytest.mark.parametrize("kind", kinds.KINDS, ids=name_of)
def test_every_kind_has_its_row_in_the_papers(kind: kinds.Kind[Any]) -> None:
    first = f"`{kind.schema}`" if kind.schema else "\u2013"
    files = re.findall(rf"^\| {first} \| `([^`]+)`", FORMATS, re.MULTILINE)
    assert [file for file in files if kind.holds(re.sub(r"<.+?>", "x", file))] != []


def test_the_papers_say_what_is_archived() -> None:
    (row,) = re.findall(r"^\|(.+?)\| `archive/", FORMATS, re.MULTILINE)
    assert set(re.findall(r"`(.+?)`", row)) == {each.schema for each in ARCHIVED}


@pytest.mark.parametrize("kind", OF_VALUES, ids=name_of)
def test_a_value_keeps_its_schema_and_comes_back_the_same(kind: kinds.Kind[Any]) -> None:
    value, path = SAMPLES[kind.value], path_of(kind)
    data = kind.dump(value)
    assert kinds.of(value) is kind
    assert kind.read(path, data) == value
    facts = data.decode().removeprefix("---\n").partition("\n---\n")[0]
    plain = json.loads(json.dumps(yaml.safe_load(facts), default=str))
    jsonschema.validate(plain, json.loads(schemas.text(kind.schema)))
    assert msgspec.json.decode(msgspec.json.encode(value), type=kind.value) == value, "the cache keeps it"


@pytest.mark.parametrize("kind", OF_VALUES, ids=name_of)
def test_fsck_reads_it_where_it_is_and_in_the_archive(kind: kinds.Kind[Any]) -> None:
    value, path = SAMPLES[kind.value], path_of(kind)
    places = [path, kind.archive_path(value, AT)] if kind.archived is not None else [path]
    for place in places:
        assert kinds.at(place) is kind
        assert load(place, kind.dump(value)) == value
        with pytest.raises(SwarmError, match=re.escape(place)):
            load(place, b"nonsense: 1\n")


def test_what_is_no_file_of_ours_is_of_no_kind() -> None:
    for path in ("README.md", "control/odd.yaml", "tasks/a.txt", "archive/2026-11/22/odd/a.yaml", "archive/x"):
        assert kinds.at(path) is None
        assert load(path, b"nonsense") is None


@pytest.mark.parametrize("kind", ARCHIVED, ids=name_of)
def test_what_is_archived_is_found_by_its_own_kind_whatever_else_is_called_so(kind: kinds.Kind[Any]) -> None:
    branch = full_archive()
    assert find(branch, HEAD, kind, NAME) == SAMPLES[kind.value]
    assert list(archived(branch, HEAD, kind)) == [kind.archive_path(SAMPLES[kind.value], AT)]
    assert find(branch, HEAD, kind, "other") is None


def test_a_cancelled_task_is_found_too_and_of_several_the_newest() -> None:
    old = TaskStatus(NAME, "A task", "cancelled", finished=AT)
    new = TaskStatus(NAME, "A task", "landed", finished=AT.replace(month=12))
    write = {kinds.TASKS.archive_path(each, each.finished): kinds.TASKS.dump(each) for each in (old,)}
    assert find(Branch(write), HEAD, kinds.TASKS, NAME) == old
    write |= {kinds.TASKS.archive_path(new, new.finished): kinds.TASKS.dump(new)}
    assert find(Branch(write), HEAD, kinds.TASKS, NAME) == new
    assert list(newest(Branch(write), HEAD, kinds.TASKS)) == [new]
    hot = TaskStatus(NAME, "A task", "running")
    write |= {kinds.TASKS.path(hot): kinds.TASKS.dump(hot)}
    assert find(Branch(write), HEAD, kinds.TASKS, NAME) == hot
