"""The attribution trail: who did what to which file, when, with which model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from swarmgit.app.trail import changes
from swarmgit.model.git import TreeEntry
from swarmgit.model.ids import CommitId
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds

Event = dict[str, Any]
WAKE_S = 2.0


def last_events(world: ReadWorld, count: int) -> list[Event]:
    """Return the last `count` events on the state branch in the order of time; only the newest days are read."""
    head = world.state.head()
    if head is None or count == 0:
        return []
    found: list[Event] = []
    for day in _days_newest_first(world, head):
        for entry in world.objects.tree(day):
            found += parse(world.objects.blob(entry.oid)) if entry.kind == "blob" else []
        if len(found) >= count:
            break
    return sorted(found, key=_when)[-count:]


def _days_newest_first(world: ReadWorld, head: CommitId) -> Iterator[str]:
    root = _child(world.objects.tree(world.objects.commit(head).tree), kinds.EVENTS.place)
    for month in _newest_first(world.objects.tree(root.oid)) if root else ():
        for day in _newest_first(world.objects.tree(month.oid)):
            yield day.oid


def _newest_first(entries: tuple[TreeEntry, ...]) -> list[TreeEntry]:
    return sorted((entry for entry in entries if entry.kind == "tree"), key=lambda entry: entry.name, reverse=True)


def _child(entries: tuple[TreeEntry, ...], name: str) -> TreeEntry | None:
    return next((entry for entry in entries if entry.name == name and entry.kind == "tree"), None)


def follow_events(world: ReadWorld, count: int, wait: Callable[[float], bool] | None = None) -> Iterator[Event]:
    """Yield the last `count` events, and then each one that is committed, without end."""
    bell = world.machine.doorbell() if wait is None else None
    pause = bell.wait if bell else wait
    assert pause is not None
    try:
        head = world.state.head()
        yield from last_events(world, count)
        while True:
            pause(WAKE_S)
            old, head = head, world.state.head()
            if head is not None and head != old:
                yield from _between(world, old, head)
    finally:
        if bell:
            bell.close()


def _between(world: ReadWorld, old: CommitId | None, new: CommitId) -> list[Event]:
    """Return the events of `new` that `old` had not: files only grow, so what is new is what comes after."""
    found: list[Event] = []
    for path, (was, is_now) in changes(world, old, new):
        if kinds.at(path) is kinds.EVENTS and is_now:
            seen = world.objects.blob(was) if was else b""
            found += parse(world.objects.blob(is_now)[len(seen) :])
    return sorted(found, key=_when)


def parse(text: bytes) -> list[Event]:
    """Return the JSON objects of a text, one per line; a line that is none is left out, it harms nothing else."""
    found = []
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def _when(event: Event) -> str:
    return str(event.get("timestamp", ""))
