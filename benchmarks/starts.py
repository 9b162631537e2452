"""From a commit to a running agent: one alone, thirty at once, a large repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.machine import timed
from benchmarks.scene import Scene, scene, wait_for

SMALL, LARGE = 200, 20_000
AGENTS = 30


def measure(*, quick: bool) -> list[Figure]:
    """Return the milliseconds from the move of the branch to the first line of the agent's program."""
    figures = _one_after_the_other(SMALL, 2 if quick else 9)
    if not quick:
        figures += _one_after_the_other(LARGE, 5)
    return figures


def measure_thirty(*, quick: bool) -> list[Figure]:
    """Return how long thirty agents of one commit take until the last one runs."""
    seconds, again = [], []
    for _ in range(1 if quick else 3):
        with scene(SMALL, agents_max=AGENTS, sleep_s="4") as here, here.watching():
            for turn, found in ((1, seconds), (2, again)):
                names = [f"many-{turn}-{number:02d}" for number in range(AGENTS)]
                for name in names:
                    here.task(name)
                at = here.commit("thirty tasks")
                times = here.start_times(AGENTS * turn)
                found.append((max(times[name] for name in names) - at) / 1e9)
                if quick:
                    break
                if not wait_for(lambda t=turn: here.landed() >= AGENTS * t, 60.0):
                    raise RuntimeError(f"only {here.landed()} landed{here.failures()}")
    figures = [Figure("30 agents from one commit: last one started, new worktrees", "s", tuple(seconds), 1.0)]
    if again:
        figures.append(Figure("30 agents from one commit: last one started, recycled", "s", tuple(again), 1.0))
    return figures


def _one_after_the_other(files: int, rounds: int) -> list[Figure]:
    with scene(files) as here:
        peer = tuple(_worktree_add_ms(here) for _ in range(3))
        with here.watching():
            new_ms, *recycled_ms = [_start_ms(here, number) for number in range(rounds + 1)]
    size = f"{files:,} files"
    limit = 150.0 if files == LARGE else 60.0
    peer_ms = sorted(peer)[len(peer) // 2]
    ratio = (new_ms / peer_ms,)
    return [
        Figure(f"commit → process started, {size}, recycled", "ms", tuple(recycled_ms), limit),
        Figure(f"git worktree add, {size}", "ms", peer),
        Figure(f"commit → process started, {size}, new worktree", "ms", (new_ms,)),
        Figure(f"  … divided by git worktree add, {size}", "x", ratio, 1.2 if files == LARGE else None),
    ]


def _start_ms(here: Scene, number: int) -> float:
    """Commit one task, see it start, and wait until it has landed and all is quiet."""
    name = f"task-{number:03d}"
    here.task(name)
    at = here.commit(name)
    begun = here.start_times(number + 1)[name]
    if not wait_for(lambda: here.landed() > number, 30.0):
        raise RuntimeError(f"{name} did not land{here.failures()}")
    wait_for(lambda: _is_quiet(here), 5.0)
    return (begun - at) / 1e6


def _is_quiet(here: Scene) -> bool:
    active = here.top / ".git" / "swarmgit" / "active"
    return not any(active.iterdir())


def _worktree_add_ms(here: Scene) -> float:
    goal = Path(here.root) / "peer"
    try:
        return timed(lambda: here.git("worktree", "add", "-q", "--detach", str(goal)))
    finally:
        shutil.rmtree(goal, ignore_errors=True)
        here.git("worktree", "prune")
