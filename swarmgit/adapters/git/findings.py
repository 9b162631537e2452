"""What a scan of a session's tree may find, and how much of it is taken in."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct, field

from swarmgit.documents import quoting
from swarmgit.model.intake import Intake

OBJECTIONS_MAX = 200
WITHOUT_END = "has patterns that git cannot compare with the names here in a reasonable time"


class Limits(Struct, frozen=True):
    """How much one session may hand in: sizes in bytes. `patterns_cpu_s`: what git may use where it compares the names
    with patterns that are part of the work. `excludes`: the person's own ignore patterns. `besides`: whether to look
    for commits that are in no file."""

    patterns_cpu_s: int = 5
    intake: Intake = Intake()
    excludes: Path = Path(os.devnull)
    besides: bool = True
    total_size: int = 2 << 30
    files: int = 200_000


DEFAULT_LIMITS = Limits()


class Findings(Struct):
    """Paths are bytes below the tree. `present`: to take in, with sizes; `absent`: to take out.

    `left`: new files outside of the scope, which are saved and not taken in; `left_odd`: what cannot even be saved.
    `is_raw`: git must not be asked for attributes here.
    `linked`: files with more names than are known here; an objection only where one turns out to have changed.
    """

    present: dict[bytes, int] = field(default_factory=dict)
    absent: set[bytes] = field(default_factory=set)
    left: dict[bytes, int] = field(default_factory=dict)
    left_odd: list[bytes] = field(default_factory=list)
    is_raw: bool = False
    linked: list[bytes] = field(default_factory=list)
    objections: list[str] = field(default_factory=list)

    def object_to_attributes(self) -> None:
        """Note, once, that the attributes of the work cannot be evaluated; its files are taken in as they are."""
        if not self.is_raw:
            self.is_raw = True
            self.object(b".gitattributes", WITHOUT_END)

    def object(self, path: bytes, complaint: str) -> None:
        """Note what is wrong with a path, up to a bound."""
        if len(self.objections) < OBJECTIONS_MAX:
            self.objections.append(f"{shown(path)} {complaint}")
        elif len(self.objections) == OBJECTIONS_MAX:
            self.objections.append("and more of the kind")


def shown(path: bytes) -> str:
    """Return a path as text, with everything that is not plain text written out."""
    return quoting.spelled(path.decode("utf-8", "backslashreplace"))


def told(path: str) -> str:
    """Return a path of git's in the form in which captured changes name it: bytes that are no text are written out."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
