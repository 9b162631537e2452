"""What fsck found."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from swarmgit.app.views.times import stamp_or_none
from swarmgit.model.control import Acknowledgement


class Violation(Struct, frozen=True):
    """A broken promise (DESIGN §13, MERGE-QUEUE Promises). `commit` None: it is not about one commit."""

    promise: str
    commit: str | None
    message: str


class Report(Struct, frozen=True):
    """`checked`: how many commits of swarmgit on the target were judged. `acknowledged`: what people have taken note
    of, each with who said what.
    """

    checked: int
    violations: tuple[Violation, ...]
    acknowledged: tuple[tuple[Violation, Acknowledgement], ...] = ()

    @property
    def is_ok(self) -> bool:
        return not self.violations

    def document(self) -> dict[str, Any]:
        """Return `fsck --json`; `acknowledged` only where there is something to show there."""
        known = [
            {**_row(each), "by": said.by, "reason": said.reason, "at": stamp_or_none(said.at)}
            for each, said in self.acknowledged
        ]
        return {
            "version": 1,
            "ok": self.is_ok,
            "checked": self.checked,
            "violations": [_row(each) for each in self.violations],
            **({"acknowledged": known} if known else {}),
        }


def _row(each: Violation) -> dict[str, Any]:
    return {"promise": each.promise, "commit": each.commit, "message": each.message}
