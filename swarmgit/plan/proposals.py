"""Task files that an agent writes: they are looked at like all work, but can never grant protected paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmgit.documents import paths, quoting
from swarmgit.model.policy import Policy
from swarmgit.model.status import Rejection
from swarmgit.model.work import Capture
from swarmgit.plan.protected import protected_rule

ABSENT = "000000"
SHOWN_MAX = 50
WILD = "*?["


def judge(capture: Capture, policy: Policy, obeyed: Sequence[str]) -> Iterator[Rejection]:
    """Yield why tasks that were proposed may not land: they would own protected paths, or nobody can read that."""
    granting: dict[str, str] = {}
    for change in capture.changes:
        if change.new_mode == ABSENT or not change.path.startswith(f"{paths.TASKS}/"):
            continue
        owns = capture.proposed.get(change.path)
        if owns is None:
            granting[change.path] = "what cannot be read"
            continue
        asked = [each for each in owns if protected_rule(_example(each), policy.protected_paths, obeyed) is not None]
        if asked:
            granting[change.path] = ", ".join(asked[:3])
    if granting:
        said = "; ".join(f"{path} would own {what}" for path, what in list(granting.items())[:3])
        yield Rejection(
            kind="protected",
            summary=quoting.line(f"a task that an agent proposes cannot be given protected paths: {said}"),
            next_step="Propose the task without these paths; a person adds them to its file where they are needed.",
            paths=tuple(map(quoting.spelled, granting))[:SHOWN_MAX],
        )


def _example(pattern: str) -> str:
    """Return a path that a pattern names: what it says out loud, with anything in place of what it leaves open."""
    parts = [part for part in pattern.strip("/").split("/") if part]
    return "/".join("x" if any(letter in part for letter in WILD) else part for part in parts) or "x"
