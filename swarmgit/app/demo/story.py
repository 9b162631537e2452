"""What the demo is to show, and whether it has. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from swarmgit.model.endings import AttemptOutcome
from swarmgit.model.ids import TaskId
from swarmgit.model.status import TaskStatus

SHARING = (TaskId("title-case"), TaskId("wrap-text"))


class Scene(Struct, frozen=True):
    """One thing to see: `told` says it in a sentence, `look` is the task to look at."""

    told: str
    look: TaskId
    has_happened: bool


def scenes(statuses: Mapping[TaskId, TaskStatus]) -> tuple[Scene, ...]:
    """Return every scene of the demo, judged by the recorded state alone."""
    played = _Played(statuses)
    redone = next((task for task in SHARING if "conflict" in played.outcomes(task)), SHARING[1])
    first = next(task for task in SHARING if task != redone)
    return (
        played.scene("count-words", "landed at the first attempt", "landed", ["landed"]),
        played.scene(
            "slugify", "was refused by gate lint, read its feedback and landed", "landed", ["rejected", "landed"]
        ),
        played.scene(first, f"and {redone} changed the same line; it came first and landed", "landed", ["landed"]),
        played.scene(redone, "conflicted, and was done again on the new base", "landed", ["conflict", "landed"]),
        played.scene(
            "search-index",
            "hung, was stopped at its time limit with all its processes, and landed when it was tried again",
            "landed",
            played.stalls("search-index"),
        ),
        played.scene("docstrings", "said that no change was needed, and the gates agreed", "unchanged", ["unchanged"]),
        played.scene(
            "quiet-lint",
            "changed the linter, which is outside its scope: refused twice, nothing landed, its work is kept",
            "failed",
            ["rejected", "rejected"],
        ),
        played.scene("report", "waited for count-words and slugify, then landed", "landed", ["landed"]),
    )


class _Played(Struct, frozen=True):
    statuses: Mapping[TaskId, TaskStatus]

    def outcomes(self, task: TaskId) -> list[AttemptOutcome]:
        """Return how its attempts ended, without those that the machine ended: they are not part of the story."""
        status = self.statuses.get(task)
        attempts = status.attempts if status else ()
        return [attempt.outcome for attempt in attempts if attempt.outcome not in {"lost", "error"}]

    def told(self, name: str) -> str:
        """Return what really came of a task, for a scene that was played differently."""
        status = self.statuses.get(TaskId(name))
        attempts = status.attempts if status else ()
        seen = ", ".join(f"{a.outcome} ({a.reason})" if a.reason else a.outcome for a in attempts)
        return f"it is {status.phase if status else 'not there'}; its attempts: {seen or 'none'}"

    def stalls(self, name: str) -> list[AttemptOutcome]:
        """Return what is expected of the task that hangs once: on a very busy machine its time is short again."""
        stalls: list[AttemptOutcome] = ["timeout"] * max(1, self.outcomes(TaskId(name)).count("timeout"))
        return [*stalls, "landed"]

    def scene(self, name: str, told: str, phase: str, outcomes: Sequence[AttemptOutcome]) -> Scene:
        task = TaskId(name)
        status = self.statuses.get(task)
        is_so = status is not None and status.phase == phase and self.outcomes(task) == list(outcomes)
        return Scene(told if is_so else f"{told}: not this time, {self.told(name)}", task, is_so)
