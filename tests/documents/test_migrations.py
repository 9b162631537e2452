"""What an earlier version wrote is read as what it meant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from swarmgit.model.endings import Cause
from swarmgit.model.ids import AgentName, BlobId, CommitId, SessionId, TaskId
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.state import kinds

AT = datetime(2026, 3, 4, 8, 12, tzinfo=UTC)
ATTEMPT = Attempt(1, SessionId("s1"), AgentName("ada"), "command", CommitId("a" * 40), BlobId("b" * 40), AT)


@pytest.mark.parametrize(
    ("outcome", "reason", "cause"),
    [
        ("timeout", "time limit of 5 minutes", "time-limit"),
        ("timeout", "watchdog: it has said nothing for 16 minutes and uses no processor", "watchdog"),
        ("handed-over", "watchdog: handoff: it has printed the same for 900 lines, and goes on", "watchdog-handoff"),
        ("handed-over", "handoff: 90 of 100 tokens of its context window are used", "handoff"),
        ("over-budget", "budget: 1200 tokens of 1000 for one session are used", "budget"),
        ("lost", "its program was killed from outside, or killed itself", "program-killed"),
        ("lost", "its processes were killed from outside", ""),
        ("landed", "", ""),
    ],
)
def test_a_reason_stands_for_its_cause(outcome: str, reason: str, cause: Cause) -> None:
    old = replace(ATTEMPT, outcome=outcome, reason=reason)
    text = kinds.TASKS.dump(TaskStatus(TaskId("a"), "A", attempts=(old,)))
    assert b"cause" not in text

    (attempt,) = kinds.TASKS.read("tasks/a.yaml", text).attempts

    assert attempt == replace(old, cause=cause)
