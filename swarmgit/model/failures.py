"""Failures of single steps: whose they are, in which words, and how often the same one came in a row."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.model.ids import EntryId, SessionId, TaskId


class Step(Struct, frozen=True):
    """One kind of action for one owner: what is tried again when it fails. `kind`: the action's name.

    `part`: what tells steps of one kind and owner apart (a gate). None of the owners: it is nobody's alone.
    """

    kind: str
    task: TaskId | None = None
    entry: EntryId | None = None
    session: SessionId | None = None
    part: str = ""

    @property
    def owner(self) -> str:
        """Return whose it is in words, '' where it is nobody's alone."""
        named = (("task", self.task), ("entry", self.entry), ("session", self.session))
        return next((f"{kind} {name}" for kind, name in named if name), "")
