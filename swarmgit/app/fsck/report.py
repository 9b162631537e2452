"""What fsck found."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Violation(Struct, frozen=True):
    """A broken promise (DESIGN §13, MERGE-QUEUE Promises). `commit` None: it is not about one commit."""

    promise: str
    commit: str | None
    message: str


class Report(Struct, frozen=True):
    """`checked`: how many commits of swarmgit on the target were judged."""

    checked: int
    violations: tuple[Violation, ...]

    @property
    def is_ok(self) -> bool:
        return not self.violations

    def document(self) -> dict[str, Any]:
        """Return `fsck --json`."""
        return {
            "version": 1,
            "ok": self.is_ok,
            "checked": self.checked,
            "violations": [
                {"promise": each.promise, "commit": each.commit, "message": each.message} for each in self.violations
            ],
        }
