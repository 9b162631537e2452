"""What the reconciler costs while it runs: memory with sessions, CPU per landed task, CPU while nothing happens."""

from __future__ import annotations

import time

from benchmarks.figures import Figure
from benchmarks.machine import cpu_s, family, rss_mb
from benchmarks.scene import scene, wait_for

SESSIONS = 30


def measure(*, quick: bool) -> list[Figure]:
    """Return the resident memory of the reconciler, alone and with its git children, while 30 sessions run."""
    count = 3 if quick else SESSIONS
    with scene(200, agents_max=count, sleep_s="60") as here:
        for number in range(count):
            here.task(f"long-{number:02d}")
        here.commit("tasks")
        with here.watching() as pid:
            here.start_times(count)
            time.sleep(1.0 if quick else 3.0)
            alone = rss_mb(pid)
            whole = sum(map(rss_mb, family(pid)))
    return [
        Figure(f"memory of the reconciler, {count} sessions", "MB", (alone,), 80.0),
        Figure(f"  … with its git children, {count} sessions", "MB", (whole,)),
    ]


def measure_cpu(*, quick: bool) -> list[Figure]:
    """Return the CPU of swarmgit, with all git it starts and without agents, per landed task; one gate each."""
    count = 3 if quick else 30
    with scene(200, agents_max=8, gates=1) as here, here.watching() as pid:
        begin = cpu_s(pid)
        for number in range(count):
            here.task(f"task-{number:02d}")
        here.commit("tasks")
        if not wait_for(lambda: here.landed() >= count, 120.0):
            raise RuntimeError(f"only {here.landed()} of {count} landed{here.failures()}")
        time.sleep(1.0)
        used_ms = (cpu_s(pid) - begin) * 1e3
    return [Figure(f"CPU of swarmgit per landed task, {count} tasks, one gate", "ms", (used_ms / count,), 150.0)]


def measure_idle(*, quick: bool) -> list[Figure]:
    """Return the share of one processor that an idle `--watch` uses."""
    span_s = 3.0 if quick else 30.0
    with scene(200) as here, here.watching() as pid:
        time.sleep(2.0)
        begin = cpu_s(pid)
        time.sleep(span_s)
        used_s = cpu_s(pid) - begin
    return [Figure("idle --watch, share of one processor", "%", (used_s / span_s * 100,), 0.1)]
