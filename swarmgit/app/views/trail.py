"""The JSON shape of `log`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from swarmgit.app.views.times import stamp

if TYPE_CHECKING:
    from swarmgit.app.trail import LogLine


def log_document(commits: Iterable[LogLine]) -> dict[str, Any]:
    """Return `log --json`, newest commit first."""
    return {
        "version": 1,
        "commits": [
            {"commit": each.commit, "at": stamp(each.at), "message": each.message, "changed": list(each.changed)}
            for each in commits
        ],
    }
