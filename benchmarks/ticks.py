"""What the loop itself costs: a tick with nothing to do, and writing down what happened."""

from __future__ import annotations

import os
from datetime import timedelta

from benchmarks.figures import Figure
from benchmarks.machine import cpu_s, family, scheduled_s, timed
from benchmarks.scene import Scene, scene
from benchmarks.stored import BEGIN, store_finished
from swarmgit.app.look import loader
from swarmgit.app.tick import Ticker
from swarmgit.observe.snapshot import Observer

LIVE = 100
RUNNING = 8


def measure(*, quick: bool) -> list[Figure]:
    """Return the milliseconds of a tick with nothing to do, by the number of finished tasks."""
    return [_idle_tick(finished, 10 if quick else 100) for finished in ((0,) if quick else (0, 10_000))]


def measure_commits(*, quick: bool) -> list[Figure]:
    """Return the CPU milliseconds of a state commit that changes two files, by the number of files of state."""
    return [_state_commit(files, 5 if quick else 50) for files in ((100,) if quick else (100, 10_000))]


def _idle_tick(finished: int, rounds: int) -> Figure:
    with scene(200, agents_max=RUNNING, sleep_s="120") as here:
        for number in range(LIVE):
            here.task(f"live-{number:03d}")
        here.commit("tasks")
        store_finished(here, finished)
        world = here.world(lead=True)
        try:
            ticker = Ticker(world, loader(world), Observer(world))
            for _ in range(50):
                if not ticker.tick().plan.actions:
                    break
            here.start_times(RUNNING)
            ticker.tick()
            walls = tuple(timed(ticker.tick) for _ in range(rounds))
            begin = cpu_s(os.getpid())
            for _ in range(rounds):
                ticker.tick()
            cpu_ms = (cpu_s(os.getpid()) - begin) / rounds * 1e3
        finally:
            world.close()
    what = f"tick with nothing to do, {LIVE} live ({RUNNING} running), {finished:,} finished"
    return Figure(what, "ms", walls, 10.0, f"cpu {cpu_ms:.1f} ms")


def _state_commit(files: int, rounds: int) -> Figure:
    with scene(200) as here:
        store_finished(here, files)
        walls, costs = _write_many(here, rounds)
    note = f"wall {sorted(walls)[len(walls) // 2]:.1f} ms"
    return Figure(f"state commit, CPU, {files:,} files of state", "ms", tuple(costs), 3.0, note)


def _write_many(here: Scene, rounds: int) -> tuple[list[float], list[float]]:
    world = here.world(lead=True)
    walls, costs = [], []
    try:
        world.state.write({"tasks/warm.yaml": b"version: 1\n"}, "warm", BEGIN)
        processes = family(os.getpid())
        for number in range(rounds):
            text = f"version: 1\nnumber: {number}\n".encode() * 20
            changes = {"tasks/a.yaml": text, "merge-queue/2026-01/b.yaml": text + b"#\n"}
            begin = _cpu_ms(processes)
            walls.append(timed(lambda c=changes, n=number: world.state.write(c, f"tick {n}", BEGIN + timedelta(n))))
            costs.append(_cpu_ms(processes) - begin)
    finally:
        world.close()
    return walls, costs


def _cpu_ms(processes: list[int]) -> float:
    """Return the CPU time of these processes so far: we and our git children, which live as long."""
    return sum(map(scheduled_s, processes)) * 1e3
