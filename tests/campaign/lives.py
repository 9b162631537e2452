"""One life of a reconciler: a forked process that is really killed, at a place that was chosen beforehand.

The process runs the product's own loop. It dies by SIGKILL at a named seam, at an audit event, after an fsync, at an
instant that the parent chooses, or by SIGXFSZ in the middle of a write.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from swarmgit.adapters.git import loose
from swarmgit.app.run import Options, reconcile
from swarmgit.wiring import open_world
from tests.campaign.judge import processes
from tests.campaign.stage import Stage

EVENTS = frozenset({
    "open", "os.rename", "os.remove", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.rmdir",
    "os.fork", "os.exec", "os.posix_spawn", "os.kill", "subprocess.Popen",
})  # fmt: skip
KILLS_PER_TASK = 2
"""Sessions of one task that are killed: fewer than the product's own bound for lost sessions."""
LIFE_S_MAX = 25.0
WRITE_S_MAX = 0.08
SETTLED = (0, 4)

INSIDE = ("seam", "event", "fsync", "write")
OUTSIDE = ("reconciler", "agent", "wrapper", "gate", "git", "everything")


@dataclass(frozen=True)
class Plan:
    """How a life ends. `count`: of what is counted inside. `strike_s`: when it is killed from outside all the same."""

    way: str
    strike_s: float
    count: int = 0


@dataclass
class Kills:
    """Kills that hit a live target, by way; and by task, how many of its sessions were killed."""

    by_way: Counter[str] = field(default_factory=Counter)
    by_task: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(self.by_way.values())


def choose(dice: random.Random) -> Plan:
    """Return how the next life ends: one in three from outside, early places more often than late ones.

    No life is long: one that waits for an agent, and so does not come to its place inside, is killed from outside.
    """
    if dice.random() < 0.35:
        return Plan(dice.choice((*OUTSIDE, "reconciler")), dice.uniform(0.05, 0.9))
    way = dice.choice(INSIDE)
    most = {"seam": 40, "event": 500, "fsync": 20, "write": 400}[way]  # what about three ticks do
    return Plan(way, dice.uniform(0.4, 1.2), 1 + int(most * dice.random() ** 1.5))


def live(stage: Stage, plan: Plan, kills: Kills, dice: random.Random) -> int | None:
    """Run one life. Return its exit code, None where it was killed."""
    pid = fork(stage, plan)
    deadline = time.monotonic() + LIFE_S_MAX
    struck = False
    strike: float | None = time.monotonic() + plan.strike_s
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if strike is not None and time.monotonic() >= strike:
            strike = None
            struck = True
            _strike(stage, plan.way if plan.way in OUTSIDE else "reconciler", pid, kills)
        elif time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    if os.WIFSIGNALED(status):
        if not struck:
            kills.by_way["event" if os.WTERMSIG(status) == signal.SIGALRM else plan.way] += 1
        return None
    return os.waitstatus_to_exitcode(status)


def fork(stage: Stage, plan: Plan | None = None) -> int:
    """Start a reconciler in a process of its own; without a plan nothing happens to it."""
    pid = os.fork()
    if pid:
        return pid
    code = 3
    try:
        os.setsid()
        os.chdir(stage.top)
        log = os.open(stage.root / "lives.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = _reconcile(stage, plan)
    except BaseException:  # noqa: BLE001  the child must not go on as its parent
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
    raise AssertionError("unreachable")


def _reconcile(stage: Stage, plan: Plan | None) -> int:
    environ = stage.environ()
    os.environ.clear()
    os.environ.update(environ)
    seam = _arm(plan) if plan else _nothing
    world = open_world(stage.top, environ, lead=True, fault=seam)
    try:
        result = reconcile(world, Options(timeout_s=LIFE_S_MAX - 5), lambda _: None, threading.Event())
    finally:
        world.close()
    os.write(2, f"{result.code} {result.reason}\n".encode())
    return int(result.code)


def _nothing(_: str) -> None:
    return


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Countdown:
    """Does something at its count, once."""

    def __init__(self, count: int, then: Callable[[], None]) -> None:
        self.left = count
        self.then = then

    def step(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            self.then()


def _arm(plan: Plan) -> Callable[[str], None]:
    """Prepare this process's end; return what is called at each named seam."""
    countdown = _Countdown(plan.count, _die if plan.way != "write" else _no_more_writes)
    if plan.way == "seam":
        return countdown.step
    for number in (signal.SIGXFSZ, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)  # here: a tick is not in the main thread
    if plan.way in {"event", "write"}:
        sys.addaudithook(lambda name, _: countdown.step() if name in EVENTS else None)
    elif plan.way == "fsync":
        loose._sync_file_range = lambda: None  # as on file systems that need a sync of each object
        for name in ("fsync", "fdatasync"):
            setattr(os, name, _after(getattr(os, name), countdown))
    return _nothing


def _after(sync: Callable[[int], None], countdown: _Countdown) -> Callable[[int], None]:
    def synced(descriptor: int) -> None:
        sync(descriptor)
        countdown.step()

    return synced


def _no_more_writes() -> None:
    """From here on a file may not grow past some bytes: the write that would is cut short, the next one kills.

    Where nothing is written soon the process ends all the same: its children have the same limit, and their failures
    would be the test's.
    """
    signal.setitimer(signal.ITIMER_REAL, WRITE_S_MAX)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40 + os.getpid() % 900, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _strike(stage: Stage, way: str, leader: int, kills: Kills) -> None:
    """Kill from outside: one process of a kind, or all there are. A kill counts where its target was alive."""
    if way == "reconciler":
        kills.by_way[way] += _kill(leader)
        return
    found = processes(stage.root)
    if way == "everything":
        tasks = {task for pid in found if (task := _task(pid))}
        if any(kills.by_task[task] >= KILLS_PER_TASK for task in tasks):
            kills.by_way["reconciler"] += _kill(leader)
            return
        kills.by_task.update(tasks)
        kills.by_way[way] += sum(map(_kill, (leader, *found)))
        return
    targets = [pid for pid, words in found.items() if pid != leader and _is(way, pid, words)]
    for pid in targets[:1]:
        task = _task(pid)
        if task and (kills.by_task[task] >= KILLS_PER_TASK or (way == "agent" and kills.by_task[task])):
            continue
        if _kill(pid):
            kills.by_way[way] += 1
            kills.by_task.update([task] if task else [])
    time.sleep(0.02)
    kills.by_way["reconciler"] += _kill(leader)


def _is(way: str, pid: int, words: str) -> bool:
    names = _names(pid)
    if way == "git":
        return "SWARM_SESSION" not in names and words.split(" ")[0].endswith("git")
    if way == "wrapper":
        return "SWARM_SESSION" in names and "wrapper.sh" in words
    wanted = "SWARM_GATE" if way == "gate" else "SWARM_TASK"
    return wanted in names and "wrapper.sh" not in words


def _names(pid: int) -> dict[str, str]:
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _task(pid: int) -> str:
    return _names(pid).get("SWARM_TASK", "")


def _kill(pid: int) -> bool:
    """Kill one of our own processes; False where it was over already."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    if state in "ZX":
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def end_all(stage: Stage) -> None:
    """End every process of a stage that is over."""
    for _ in range(50):
        found: Iterable[int] = processes(stage.root)
        if not found:
            return
        for pid in found:
            _kill(pid)
        time.sleep(0.02)
