"""The mailboxes of the state branch. A message is read when somebody asks for it, and once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping

import msgspec
from msgspec import Struct, field

from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.desired import Problem
from swarmgit.model.ids import MailId
from swarmgit.model.mail import Mail
from swarmgit.ports.repository import Objects
from swarmgit.ports.store import LiveCache
from swarmgit.state import kinds
from swarmgit.state.text import problem_of

PARSED_MAX = 50_000
CHECKED_NAME = "mail-checked.json"


class Mailbox(Mapping[MailId, Mail]):
    """One recipient's messages by id. The ids come from the tree alone; a message that is broken is not there."""

    def __init__(self, objects: Objects, path: str, tree: str, parsed: MutableMapping[str, Mail]) -> None:
        self._objects = objects
        self._path = path
        self._parsed = parsed
        self._blobs = {
            MailId(kinds.MAIL.key(entry.name)): entry.oid
            for entry in objects.tree(tree)
            if entry.kind == "blob" and entry.name.endswith(".yaml")
        }
        self.problems: dict[MailId, Problem] = {}

    def __getitem__(self, id_: MailId) -> Mail:
        oid = self._blobs[id_]
        known = self._parsed.get(oid)
        if known is None:
            known = self._load(id_, oid)
        if known.id != id_:  # equal bytes under another name: whose it is, the name says
            path = f"{self._path}/{id_}.yaml"
            words = f"it is message {known.id}; a message's file is named after its id: {paths.history_of(path)}"
            self.problems[id_] = Problem(path, 0, 0, words)
            raise KeyError(id_)
        return known

    def _load(self, id_: MailId, oid: str) -> Mail:
        path = f"{self._path}/{id_}.yaml"
        try:
            mail = kinds.MAIL.read(path, self._objects.blob(oid))
        except SwarmError as error:
            self.problems[id_] = problem_of(path, error)
            raise KeyError(id_) from error
        if len(self._parsed) > PARSED_MAX:
            self._parsed.clear()
        self._parsed[oid] = mail
        return mail

    def __iter__(self) -> Iterator[MailId]:
        return iter(self._blobs)

    def __len__(self) -> int:
        return len(self._blobs)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._blobs


class Mailboxes(Mapping[str, Mapping[MailId, Mail]]):
    """All mailboxes by recipient, the dead letters under `dead`; one whose tree is the same is the same object."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._parsed: dict[str, Mail] = {}
        self._boxes: dict[str, Mailbox] = {}
        self._trees: dict[str, str] = {}

    @property
    def trees(self) -> Mapping[str, str]:
        """Return the tree of each mailbox."""
        return self._trees

    def at(self, tree: str | None) -> Mailboxes:
        """Return the mailboxes of another version of the folder `mail/`; what is the same is shared."""
        entries = self._objects.tree(tree) if tree else ()
        trees = {entry.name: entry.oid for entry in entries if entry.kind == "tree"}
        if trees == self._trees:
            return self
        other = Mailboxes(self._objects)
        other._parsed, other._trees = self._parsed, trees
        other._boxes = {name: box for name, box in self._boxes.items() if trees.get(name) == self._trees[name]}
        return other

    def __getitem__(self, name: str) -> Mailbox:
        box = self._boxes.get(name)
        if box is None:
            path = f"{kinds.MAIL.place}/{name}"
            box = self._boxes[name] = Mailbox(self._objects, path, self._trees[name], self._parsed)
        return box

    def __iter__(self) -> Iterator[str]:
        return iter(self._trees)

    def __len__(self) -> int:
        return len(self._trees)


# --- messages that cannot be read: each version of a mailbox is gone through once -----------------------------------


class _Checked(Struct, frozen=True):
    """A mailbox as it was gone through: its tree, and what was broken in it, by the message's id."""

    tree: str = ""
    problems: dict[str, Problem] = field(default_factory=dict)


def broken_mail(boxes: Mailboxes, objects: Objects, cache: LiveCache) -> tuple[Problem, ...]:
    """Return every message in the mailboxes that cannot be read."""
    before = _saved(cache)
    now = {name: _checked(boxes, name, before.get(name, _Checked()), objects) for name in boxes}
    if now != before:
        cache.write(CHECKED_NAME, msgspec.json.encode(now))
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
            box.get(MailId(kinds.MAIL.key(entry.name)))
    return _Checked(tree, {str(id_): problem for id_, problem in box.problems.items()})


def _blobs(tree: str, objects: Objects) -> set[tuple[str, str]]:
    try:
        return {(entry.name, entry.oid) for entry in objects.tree(tree)} if tree else set()
    except SwarmError:  # collected since
        return set()


def _saved(cache: LiveCache) -> dict[str, _Checked]:
    try:
        return msgspec.json.decode(cache.read(CHECKED_NAME) or b"{}", type=dict[str, _Checked])
    except msgspec.MsgspecError:
        return {}
