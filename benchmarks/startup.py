"""What a command costs from the shell: start-up, and the look at a repository with 100 tasks."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from benchmarks.figures import Figure
from benchmarks.machine import cost_of, timed
from benchmarks.scene import Scene, command, scene
from benchmarks.stored import store_statuses

COMMANDS: Sequence[tuple[tuple[str, ...], float | None]] = (
    (("--version",), 60.0),
    (("status", "--json"), 100.0),
    (("plan", "--json"), None),
    (("why", "task-050"), None),
    (("queue", "list"), None),
    (("agents",), None),
    (("gates",), None),
    (("log",), None),
)
RSS_MB_MAX = 45.0
TASKS = 100


def measure(*, quick: bool) -> list[Figure]:
    """Return the wall time of each command, with CPU time and peak memory beside it."""
    rounds = 3 if quick else 15
    figures = []
    with scene(200) as here:
        for number in range(TASKS):
            here.task(f"task-{number:03d}")
        here.commit("tasks")
        store_statuses(here, [f"task-{number:03d}" for number in range(TASKS)], phase="waiting")
        for args, budget in COMMANDS[:2] if quick else COMMANDS:
            figures += _one(here, args, budget, rounds)
    return figures


def _one(here: Scene, args: tuple[str, ...], budget_ms: float | None, rounds: int) -> list[Figure]:
    argv = [*command(), *args]
    name = " ".join(args)
    for _ in range(2):  # fills the caches; not counted
        subprocess.run(argv, cwd=here.top, env=here.environ, capture_output=True, check=False)
    costs = [cost_of(argv, here.top, here.environ) for _ in range(min(rounds, 5))]
    codes = {cost.code for cost in costs}
    if codes != {0}:
        raise RuntimeError(f"{name} ended with {sorted(codes)}")
    walls = tuple(
        timed(lambda: subprocess.run(argv, cwd=here.top, env=here.environ, capture_output=True, check=False))
        for _ in range(rounds)
    )
    cpu_ms = min(cost.cpu_s for cost in costs) * 1e3
    note = f"cpu {cpu_ms:.0f} ms"
    figures = [Figure(f"{name} ({TASKS} tasks)", "ms", walls, budget_ms, note)]
    if args[0] == "status":
        figures.append(Figure(f"{name}: peak memory", "MB", tuple(cost.rss_mb for cost in costs), RSS_MB_MAX))
    return figures
