"""What fsck found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise (DESIGN §13, MERGE-QUEUE Promises). `commit` None: it is not about one commit."""

    promise: str
    commit: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Report:
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
