"""All of state, read for fsck: the ledger's entries, what tasks say, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from swarmgit.app.events import parse as parse_events
from swarmgit.app.fsck.report import Violation
from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.control import Acknowledgement, Verdict
from swarmgit.model.histories import Followed
from swarmgit.model.ids import CommitId, EntryId
from swarmgit.model.queue import Entry
from swarmgit.model.status import TaskStatus
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds


@dataclass(frozen=True)
class Ledger:
    """`salvage`: ref → the file that names it. `said_landed`: file of a task → the commit it says it landed as.

    `others`: landed entries that only other states know: those that were put aside here, or fetched from a remote.
    `states`: the commits of the state branch, and of those other states, that all of this was read from.
    `followed`: file → what the target went forward to because others had pushed it.
    """

    entries: tuple[Entry, ...] = ()
    salvage: Mapping[str, str] = field(default_factory=dict)
    said_landed: Mapping[str, CommitId] = field(default_factory=dict)
    followed: Mapping[str, Followed] = field(default_factory=dict)
    others: tuple[Entry, ...] = ()
    verdicts: Mapping[EntryId, Verdict] = field(default_factory=dict)
    states: tuple[CommitId, ...] = ()
    violations: tuple[Violation, ...] = ()
    acknowledged: Mapping[str | None, Acknowledgement] = field(default_factory=dict)

    @cached_property
    def landed(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.state == "landed")

    @cached_property
    def by_session(self) -> dict[str, Entry]:
        return {entry.session: entry for entry in (*self.others, *self.landed)}

    @cached_property
    def by_commit(self) -> dict[CommitId, tuple[Entry, ...]]:
        """Return entries by the commit they landed as, or are about to: a crash may lie between move and record.

        Those that were gated together landed as one commit.
        """
        found: dict[CommitId, tuple[Entry, ...]] = {}
        pending = [(e.candidate.commit, e) for e in self.entries if e.state == "landing" and e.candidate]
        landed = ((e.landed_commit, e) for e in (*self.landed, *self.others))
        for commit, entry in (*landed, *pending):
            if commit is not None:
                found[commit] = (*found.get(commit, ()), entry)
        return found


def read_ledger(world: ReadWorld) -> Ledger:
    """Return everything on the state branch that fsck needs; a file that cannot be read is a violation."""
    head = world.state.head()
    if head is None:
        return Ledger()
    values: dict[str, Any] = {}
    violations: list[Violation] = []
    for path, entry in sorted(world.objects.walk(world.objects.commit(head).tree).items()):
        try:
            values[path] = load(path, world.objects.blob(entry.oid))
        except SwarmError as error:
            violations.append(Violation("P8", None, f"{error}; {error.hint}" if error.hint else str(error)))
        except ValueError as error:
            violations.append(Violation("P8", None, str(error)))
    entries: dict[str, Entry] = {path: value for path, value in values.items() if isinstance(value, Entry)}
    tasks = {path: value for path, value in values.items() if isinstance(value, TaskStatus)}
    violations += _landed_without_commit(entries)
    tips = _other_states(world, head)
    return Ledger(
        tuple(entries.values()),
        {
            ref: path
            for path, task in tasks.items()
            for attempt in task.attempts
            for ref in (attempt.salvage, attempt.left_out.ref if attempt.left_out else "")
            if ref
        },
        {path: task.landed_commit for path, task in tasks.items() if task.phase == "landed" and task.landed_commit},
        {path: value for path, value in values.items() if isinstance(value, Followed)},
        _others(world, tips, {entry.id for entry in entries.values() if entry.state == "landed"}),
        {value.entry: value for value in values.values() if isinstance(value, Verdict)},
        (head, *tips),
        tuple(violations),
        {value.commit: value for value in values.values() if isinstance(value, Acknowledgement)},
    )


def _other_states(world: ReadWorld, head: CommitId) -> tuple[CommitId, ...]:
    """Return the states that were put aside here or fetched from a remote, but for what the present one contains."""
    refs = {**world.objects.refs(f"{paths.KEPT}/"), **world.objects.refs("refs/remotes/")}
    branch = f"/{world.repository.state_branch}"
    names = [name for name in sorted(refs) if name.startswith(paths.KEPT) or name.endswith(branch)]
    tips = dict.fromkeys(refs[name] for name in names)
    return tuple(tip for tip in tips if not world.objects.is_ancestor(tip, head))


def _others(world: ReadWorld, tips: Sequence[CommitId], known: set[EntryId]) -> tuple[Entry, ...]:
    """Return the landed entries of other states that are not landed in this one. What is broken there stays out."""
    found: dict[EntryId, Entry] = {}
    for tip in tips:
        with suppress(SwarmError):
            files = world.objects.walk(world.objects.commit(tip).tree)
            for path in (path for path in files if kinds.at(path) is kinds.ENTRIES):
                if kinds.ENTRIES.key(path) not in known:
                    entry = kinds.ENTRIES.read(path, world.objects.blob(files[path].oid))
                    found[entry.id] = entry
    return tuple(entry for entry in found.values() if entry.state == "landed")


def _landed_without_commit(entries: Mapping[str, Entry]) -> Iterator[Violation]:
    for path, entry in entries.items():
        if entry.state == "landed" and entry.landed_commit is None:
            yield Violation("P2", None, f"{path} says that it landed, but not as which commit")


def load(path: str, data: bytes) -> object:
    """Return what a state file holds; raise SwarmError or ValueError with its place where it cannot be read."""
    kind = kinds.at(path)
    if kind is kinds.EVENTS:
        _check_events(path, data)
    return kind.read(path, data) if kind is not None else None


def _check_events(path: str, data: bytes) -> None:
    for number, line in enumerate(data.splitlines(), start=1):
        if line and not parse_events(line):
            raise ValueError(f"{path}:{number}:1: this line is no JSON object")
