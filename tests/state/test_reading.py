"""Reading the state branch: parsed once per file, whatever else has the same bytes, and kept for the next process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from swarmgit.model.control import EntryControl, TaskControl
from swarmgit.model.observed import Stored
from swarmgit.ports.world import World
from swarmgit.state import kinds
from swarmgit.state.reading import StateReader
from tests.conftest import Repo

AT = datetime(2026, 12, 1, tzinfo=UTC)
SAME = b"version: 1\nby: pat\n"


@pytest.fixture
def world(older: Repo) -> Iterator[World]:
    opened = older.world()
    yield opened
    opened.close()


def read(world: World, reader: StateReader | None = None) -> Stored:
    return (reader or StateReader(world.objects, world.cache, keeps=False)).read(world.state.head())


def test_equal_bytes_in_files_of_two_kinds_are_two_values(world: World) -> None:
    world.state.write({kinds.TASK_CONTROL.file("a"): SAME, kinds.ENTRY_CONTROL.file("a"): SAME}, "same", AT)
    stored = read(world)
    assert stored.controls["a"] == TaskControl(by="pat")
    assert stored.entry_controls["a"] == EntryControl(by="pat")


def test_a_copy_of_a_file_under_another_name_is_a_problem_and_nobody_elses(world: World) -> None:
    path = kinds.AGENTS.file("builder-01")
    oid = world.objects.resolve(f"swarm/state:{path}")
    assert oid is not None
    copies = {kinds.AGENTS.file("zoe"): world.objects.blob(oid), kinds.AGENTS.file("aaa"): world.objects.blob(oid)}
    world.state.write(copies, "copies", AT)
    for _ in range(2):
        stored = read(world)
        assert {"aaa", "zoe"} & stored.identities.keys() == set()
        assert "builder-01" in stored.identities
        assert {problem.file for problem in stored.problems} == copies.keys()


def test_what_was_parsed_is_kept_and_says_the_same(world: World) -> None:
    before = StateReader(world.objects, world.cache)
    stored = before.read(world.state.head())
    before.keep(stored)
    again = StateReader(world.objects, world.cache)
    told = read(world, again)
    for name in ("statuses", "entries", "identities", "gate_histories", "convoys", "incidents", "queue_control"):
        assert getattr(told, name) == getattr(stored, name)
    again.keep(told)
    assert world.cache.read("state.json") is not None


@pytest.mark.parametrize("kept", [b"{", b"[]", b'{"status": {"x": 1}}', b'{"status": []}'])
def test_what_was_kept_otherwise_is_not_believed(world: World, kept: bytes) -> None:
    whole = read(world)
    world.cache.write("state.json", kept)
    assert read(world).statuses == whole.statuses
