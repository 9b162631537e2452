"""Messages that cannot be read. Each version of a mailbox is gone through once; then only what is new in it is."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from swarmgit.errors import SwarmError
from swarmgit.model.desired import Problem
from swarmgit.model.ids import MailId
from swarmgit.observe.mailboxes import Mailboxes
from swarmgit.ports.repository import Objects
from swarmgit.ports.store import LiveCache

CACHE_NAME = "mail-checked.json"


class _Checked(Struct, frozen=True):
    """A mailbox as it was gone through: its tree, and what was broken in it, by the message's id."""

    tree: str = ""
    problems: dict[str, Problem] = field(default_factory=dict)


def broken_mail(boxes: Mailboxes, objects: Objects, cache: LiveCache) -> tuple[Problem, ...]:
    """Return every message in the mailboxes that cannot be read."""
    before = _saved(cache)
    now = {name: _checked(boxes, name, before.get(name, _Checked()), objects) for name in boxes}
    if now != before:
        cache.write(CACHE_NAME, msgspec.json.encode(now))
    return tuple(problem for name in sorted(now) for _, problem in sorted(now[name].problems.items()))


def _checked(boxes: Mailboxes, name: str, before: _Checked, objects: Objects) -> _Checked:
    tree = boxes.trees[name]
    if tree == before.tree:
        return before
    bad = {f"{id_}.yaml" for id_ in before.problems}
    good = {blob for blob in _blobs(before.tree, objects) if blob[0] not in bad}
    box = boxes[name]
    for entry in objects.tree(tree):
        if entry.kind == "blob" and (entry.name, entry.oid) not in good:
            box.get(MailId(entry.name.removesuffix(".yaml")))
    return _Checked(tree, {str(id_): problem for id_, problem in box.problems.items()})


def _blobs(tree: str, objects: Objects) -> set[tuple[str, str]]:
    try:
        return {(entry.name, entry.oid) for entry in objects.tree(tree)} if tree else set()
    except SwarmError:  # collected since
        return set()


def _saved(cache: LiveCache) -> dict[str, _Checked]:
    try:
        return msgspec.json.decode(cache.read(CACHE_NAME) or b"{}", type=dict[str, _Checked])
    except msgspec.MsgspecError:
        return {}
