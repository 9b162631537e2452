"""Which kinds of file a task's work may hold, and where an existing file may become another one."""

from __future__ import annotations

from collections.abc import Iterable

from swarmgit.model.desired import Task
from swarmgit.model.status import Rejection
from swarmgit.model.work import Capture, Change
from swarmgit.plan.patterns import matches
from swarmgit.plan.refusal import refusal

ABSENT = "000000"
LINK = "120000"
GITLINK = "160000"
KNOWN_MODES = frozenset({ABSENT, "100644", "100755", LINK, GITLINK})
PLAIN_MODES = frozenset({"100644", "100755", LINK})
MODES_GRANT = "a task may only change that where its scope.modes lists the file"


def kinds_of_file(capture: Capture, task: Task) -> Iterable[Rejection]:
    """Yield what is refused for the kind that a file is or has become."""
    submodules = [change.path for change in capture.changes if GITLINK in {change.old_mode, change.new_mode}]
    if submodules:
        yield refusal(
            "scope",
            submodules,
            "{count} taken in as another repository (gitlink) changed",
            "Keep plain files there: no nested repository, and submodules left as they are.",
        )
    granted = [change.path for change in capture.changes if _may_change_kind(change, task)]
    swapped = [
        change.path
        for change in capture.changes
        if _is_swapped(change) and change.path not in submodules and change.path not in granted
    ]
    if swapped:
        yield refusal(
            "scope",
            swapped,
            "{count} turned into another kind of file (a link, a folder or a special file)",
            f"Restore the kind of file that was there; {MODES_GRANT}.",
        )
    named = {*task.scope.owns, *granted}
    modes = [change.path for change in capture.changes if _is_other_mode(change) and change.path not in named]
    if modes:
        yield refusal(
            "scope",
            modes,
            "{count} that existed before got another file mode",
            f"Give these files their old mode back (for example the executable bit); {MODES_GRANT}.",
        )


def _may_change_kind(change: Change, task: Task) -> bool:
    """Return whether the task's file lets a path be another kind of file: plain, executable or link, nothing else."""
    return {change.old_mode, change.new_mode} <= PLAIN_MODES and matches(change.path, task.scope.modes)


def _is_swapped(change: Change) -> bool:
    modes = {change.old_mode, change.new_mode}
    return change.status == "T" or not modes <= KNOWN_MODES or (LINK in modes and len(modes - {ABSENT}) > 1)


def _is_other_mode(change: Change) -> bool:
    modes = {change.old_mode, change.new_mode}
    return len(modes) == 2 and modes <= {"100644", "100755"}
