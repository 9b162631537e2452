"""Causes that are known from a session's last words: what to call them, and how each is repaired. Pure."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from swarmgit.model.ids import TaskId
from swarmgit.model.incidents import Report
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Attempt
from swarmgit.model.work import NO_WORKTREE

ENDS = frozenset({"error", "failed", "lost"})
TAIL_CHARS = 2000


class Cause(Struct, frozen=True):
    """`said`: by which words it is known. `repair`: the commands that mend it."""

    name: str
    said: re.Pattern[str]
    title: str
    cause: str
    prevention: tuple[str, ...]
    repair: tuple[str, ...]


KNOWN = (
    Cause(
        "disk-full",
        re.compile(
            r"no space left on device|no space is left on the disk|\bENOSPC\b"
            r"|disk quota exceeded|disk quota is used up",
            re.IGNORECASE,
        ),
        "the disk is full",
        "There is no room left where sessions work.",
        (
            "infrastructure: more room, or fewer agents at once",
            "watchdog threshold: watchdog.disk_mb",
        ),
        ("swarmgit gc", "swarmgit doctor"),
    ),
    Cause(
        "set-up",
        re.compile(r"^the worktree's set-up failed"),
        "a worktree could not be set up",
        "A command of worktree.setup did not succeed in a fresh worktree.",
        ("infrastructure: do the commands of worktree.setup run on this machine, in the sandbox?",),
        ("swarmgit doctor",),
    ),
    Cause(
        "worktree",
        re.compile(f"^{NO_WORKTREE}"),
        "a worktree could not be made",
        "The place where worktrees are does not take a new one.",
        ("infrastructure: room, permissions and quota where worktrees are; XDG_STATE_HOME moves them",),
        ("swarmgit gc", "swarmgit doctor"),
    ),
    Cause(
        "port",
        re.compile(r"address already in use|\bEADDRINUSE\b", re.IGNORECASE),
        "a session found its port taken",
        "It used another port than those it was given, or somebody else listens on one of these.",
        ("specification: servers listen on $SWARM_PORT_0 and the following, never on a fixed port",),
        ("swarmgit status", "swarmgit doctor"),
    ),
)


def of(attempt: Attempt, session: ProgramSession | None) -> Cause | None:
    """Return the first known cause that an attempt's reason or its session's last words name."""
    texts = [attempt.reason]
    if session is not None:
        texts += [session.stderr_tail[-TAIL_CHARS:], session.stream.text_tail[-TAIL_CHARS:]]
    return named(*texts)


def named(*texts: str) -> Cause | None:
    """Return the first known cause that one of these texts names."""
    return next((cause for cause in KNOWN if any(cause.said.search(text) for text in texts)), None)


def whose(task: TaskId, attempt: Attempt) -> dict[str, Any]:
    """Return what every report of an attempt says of it: agent, task and session."""
    return {"agent": attempt.agent, "task": task, "session": attempt.session}


def report(cause: Cause, task: TaskId, attempt: Attempt) -> Report:
    """Return what is reported of an attempt that ended by a known cause."""
    return Report(
        signature=f"cause/{cause.name}",
        key=attempt.session,
        title=cause.title,
        what=f"{attempt.agent}, attempt {attempt.number} at {task}: {attempt.reason}",
        detection="session",
        **whose(task, attempt),
        cause=cause.cause,
        prevention=cause.prevention,
        answers=(f"swarmgit logs {attempt.session} --stderr", *cause.repair),
    )
