"""What landing costs besides gates: entries that stand in the queue until all of them are in the target."""

from __future__ import annotations

from benchmarks.figures import Figure
from benchmarks.machine import timed
from benchmarks.scene import scene
from benchmarks.stored import FIRST, SHARED, store_queue

BATCH_MAX = 50
BUDGETS = {(200, 200): 8.0, (20_000, 200): 12.0}
CONFLICT_BUDGET = 15.0


def measure(*, quick: bool) -> list[Figure]:
    """Return the milliseconds per entry, by files of the repository and entries; `batch_max` is set to 50 and 8."""
    if quick:
        return [_land(200, 8, 8), _land(200, 8, 8, clash=True)]
    cases = (
        (200, 10, BATCH_MAX),
        (200, 50, BATCH_MAX),
        (200, 200, BATCH_MAX),
        (200, 1000, BATCH_MAX),
        (200, 200, 8),
        (20_000, 200, BATCH_MAX),
    )
    return [*(_land(*case) for case in cases), _land(200, 50, BATCH_MAX, clash=True)]


def _land(files: int, entries: int, batch_max: int, *, clash: bool = False) -> Figure:
    names = [f"task-{number:03d}" for number in range(entries)]
    with scene(files) as here:
        here.swarm["merge"] = {"batch_max": batch_max}
        here.configure()
        for name in names:
            here.task(name)
        if clash:
            (here.top / SHARED).write_text(FIRST)
            here.git("add", SHARED)
        here.commit("tasks")
        here.world().close()  # makes the engine
        store_queue(here, names, clash=clash)
        total_ms = timed(lambda: here.reconcile("-q", "--timeout", "120"))
        landed = here.landed()
        if landed < entries:
            raise RuntimeError(f"only {landed} of {entries} landed{here.failures()}")
    what = f"landing, per entry, {files:,} files, {entries} entries, batches of {batch_max}"
    if clash:
        what += ", each conflicts with the ones before it"
    budget = CONFLICT_BUDGET if clash else BUDGETS.get((files, entries))
    return Figure(what, "ms", (total_ms / landed,), budget)
