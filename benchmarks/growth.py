"""How the repository grows with landed tasks: the state branch after gc, scaled to ten thousand tasks."""

from __future__ import annotations

from benchmarks.figures import Figure
from benchmarks.scene import Scene, scene

SCALED_TO = 10_000


def measure(*, quick: bool) -> list[Figure]:
    """Land real tasks one batch after the other, then count what the state branch alone takes in a packed clone."""
    count = 5 if quick else 100
    with scene(50, agents_max=8) as here:
        for number in range(count):
            here.task(f"task-{number:04d}")
        here.commit("tasks")
        here.reconcile("-q", "--timeout", "300")
        landed = here.landed()
        if landed < count:
            raise RuntimeError(f"only {landed} of {count} landed{here.failures()}")
        commits = int(here.git("rev-list", "--count", "swarm/state"))
        kilobytes = _packed_kb(here)
    scaled = kilobytes / landed * SCALED_TO / 1024
    note = f"{landed} landed, {commits} state commits, {kilobytes:.0f} KB"
    return [Figure(f"state after gc, {landed} landed tasks scaled to {SCALED_TO:,}", "MB", (scaled,), 30.0, note)]


def _packed_kb(here: Scene) -> float:
    goal = here.root / "packed"
    here.git("clone", "-q", "--bare", "--no-local", "--single-branch", "--branch", "swarm/state", ".", str(goal))
    here.git("-C", str(goal), "gc", "-q", "--prune=now")
    facts = here.git("-C", str(goal), "count-objects", "-v").splitlines()
    return float(next(line.split()[1] for line in facts if line.startswith("size-pack:")))
