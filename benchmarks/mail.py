"""Mail: from one session's outbox into another's inbox, many at once, and what a look costs when much is stored."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.machine import cpu_s, timed
from benchmarks.scene import Scene, command, scene, wait_for
from benchmarks.stored import BEGIN
from swarmgit.app.desk import Desk
from swarmgit.app.look import loader
from swarmgit.app.tick import Ticker
from swarmgit.model.ids import SessionId
from swarmgit.model.mail import Mail, mail_id, origin_of
from swarmgit.observe.snapshot import Observer
from swarmgit.ports.world import World
from swarmgit.state import kinds

COMMS = [{"from": "role:builder", "to": "role:builder"}]
EACH = 200
"""Messages that every agent sends: 50 agents, 10,000 messages."""


def measure(*, quick: bool) -> list[Figure]:
    """Return latency, the time for a thousand messages, and what looks cost with nothing and with much stored."""
    figures = [_latency(3 if quick else 30)]
    figures += _exchange(4 if quick else 50, 20 if quick else EACH)
    for stored in (0, 1000) if quick else (0, 100_000):
        figures += _looks(stored, 3 if quick else 15)
    return figures


def _latency(rounds: int) -> Figure:
    with _at_work(2) as here, here.watching():
        here.commit("tasks")
        here.start_times(2)
        one, other = _desks(here)[:2]
        found = []
        for number in range(rounds):
            known = set(_names(other))
            begin = time.perf_counter()
            one.send({"to": ["builder-02"], "subject": f"n{number}"})
            if not wait_for(lambda k=known: bool(_new(other, k)), 10.0):
                raise RuntimeError(f"message {number} did not arrive")
            found.append((time.perf_counter() - begin) * 1e3)
            time.sleep(0.05)
    return Figure("mail: sent in a session → in the recipient's inbox", "ms", tuple(found), 50.0)


def _exchange(agents: int, each: int) -> list[Figure]:
    """Let every agent write to the next one, all at once, and tick until everything has arrived."""
    with _at_work(agents) as here:
        here.commit("tasks")
        world = here.world(lead=True)
        try:
            ticker = Ticker(world, loader(world), Observer(world))
            for _ in range(400):
                if len(list(here.started.iterdir())) >= agents and not ticker.tick().plan.actions:
                    break
                ticker.tick()
            here.start_times(agents)
            desks = _desks(here)
            count = agents * each
            before, commits = _objects_kb(here), _commits(here)
            _write_all(desks, each)
            begin, cpu = time.perf_counter(), cpu_s(os.getpid())
            wait_for(lambda: bool(ticker.tick()) and _arrived(desks) >= count, 120.0)
            wall_s, used_s = time.perf_counter() - begin, cpu_s(os.getpid()) - cpu
            arrived, ticks, grown = _arrived(desks), _commits(here) - commits, _objects_kb(here) - before
            if arrived < count:
                raise RuntimeError(f"only {arrived} of {count} messages arrived")
        finally:
            world.close()
    note = f"{arrived / wall_s:,.0f} a second, {ticks} commits, +{grown / 1024:.1f} MB"
    what = f"mail: {agents} agents, {count:,} messages"
    return [
        Figure(f"{what}: a thousand, all at once", "ms", (wall_s / count * 1e6,), 1000.0, note),
        Figure(f"{what}: CPU of the reconciler, a thousand", "ms", (used_s / count * 1e6,)),
    ]


def _looks(stored: int, rounds: int) -> list[Figure]:
    """Return what a check in a session, a tick with nothing to do and a person's look cost with so much stored."""
    with _at_work(2) as here:
        here.commit("tasks")
        world = here.world(lead=True)
        try:
            ticker = Ticker(world, loader(world), Observer(world))
            wait_for(lambda: bool(ticker.tick()) and len(list(here.started.iterdir())) >= 2, 20.0)
            here.start_times(2)
            _store(world, stored)
            for _ in range(5):
                ticker.tick()
            ticks = tuple(timed(ticker.tick) for _ in range(rounds))
        finally:
            world.close()
        env = _session_env(here)
        checks = tuple(_command_ms(here, ("mail", "check"), env) for _ in range(rounds))
        sends = tuple(_command_ms(here, ("mail", "send", "human", "-s", "hello"), env) for _ in range(rounds))
        lists = tuple(_command_ms(here, ("mail", "list", "--json"), here.environ) for _ in range(rounds))
    tail = f"{stored:,} stored"
    return [
        Figure(f"mail check in a session (empty), {tail}", "ms", checks, 60.0),
        Figure(f"mail send in a session, {tail}", "ms", sends, 70.0),
        Figure(f"mail list of a person, {tail}", "ms", lists),
        Figure(f"tick with nothing to do, 2 sessions, {tail}", "ms", ticks, 10.0),
    ]


def _at_work(agents: int):
    return _Working(agents)


class _Working:
    """A scene in which so many agents will be at work for two minutes, and may write to each other."""

    def __init__(self, agents: int) -> None:
        self._scene = scene(200, agents_max=agents, sleep_s="120")
        self._agents = agents

    def __enter__(self) -> Scene:
        here = self._scene.__enter__()
        policy = here.top / ".swarm" / "policy.yaml"
        policy.write_text(json.dumps({**json.loads(policy.read_text()), "comms": COMMS}))
        for number in range(self._agents):
            here.task(f"task-{number:03d}")
        return here

    def __exit__(self, *reason: object) -> None:
        self._scene.__exit__(*reason)  # type: ignore[arg-type]


def _desks(here: Scene) -> list[Desk]:
    """Return the desks of all live sessions, by the names of their agents."""
    world = here.world()
    try:
        agents = {job.spec.agent or "": id_ for id_, job in world.executor.poll().items() if job.spec.kind == "agent"}
        folders = [world.executor.folder(SessionId(agents[name])) for name in sorted(agents)]
    finally:
        world.close()
    return [Desk(f"{folder}/inbox", f"{folder}/outbox") for folder in folders]


def _write_all(desks: list[Desk], each: int) -> None:
    for number in range(each):
        for position, desk in enumerate(desks):
            to = f"builder-{(position + 1) % len(desks) + 1:02d}"
            desk.send({"to": [to], "subject": f"n{number}", "body": "What is the port of the service? " * 5})


def _arrived(desks: list[Desk]) -> int:
    return sum(name.endswith(".yaml") for desk in desks for name in _names(desk))


def _new(desk: Desk, known: set[str]) -> list[str]:
    return [name for name in _names(desk) if name.endswith(".yaml") and name not in known]


def _names(desk: Desk) -> list[str]:
    return os.listdir(desk.inbox)  # noqa: PTH208 - names only, thousands of them


def _store(world: World, count: int) -> None:
    """Store so many read messages: as many as fit into 50 hot mailboxes there, the rest in the archive."""
    changes: dict[str, bytes | None] = {}
    for number in range(count):
        at = BEGIN + timedelta(seconds=number * 30)
        to = f"builder-{number % 50 + 1:02d}"
        id_ = mail_id(at, number, origin_of(str(number)))
        mail = Mail(id_, "builder-99", to, "answer", f"n{number}", at, id_, read_at=at, body="words " * 20)
        hot = number >= count - 50 * EACH
        path = kinds.MAIL.path(mail) if hot else kinds.MAIL.archive_path(mail, at)
        changes[path] = kinds.MAIL.dump(mail)
        if len(changes) == 5000:
            world.state.write(changes, "mail", at)
            changes = {}
    if changes:
        world.state.write(changes, "mail", BEGIN)


def _session_env(here: Scene) -> Mapping[str, str]:
    folder = Path(tempfile.mkdtemp(dir=here.root))
    for name in ("inbox", "outbox/read"):
        (folder / name).mkdir(parents=True)
    names = {"SWARM_INBOX": str(folder / "inbox"), "SWARM_OUTBOX": str(folder / "outbox"), "SWARM_SESSION": "01bench"}
    return {**here.environ, **names}


def _command_ms(here: Scene, args: tuple[str, ...], env: Mapping[str, str]) -> float:
    argv = [*command(), *args]
    return timed(lambda: subprocess.run(argv, cwd=here.top, env=env, capture_output=True, check=True))


def _objects_kb(here: Scene) -> int:
    out = dict(line.split(": ") for line in here.git("count-objects", "-v").splitlines())
    return int(out["size"]) + int(out["size-pack"])


def _commits(here: Scene) -> int:
    return int(here.git("rev-list", "--count", "swarm/state"))
