"""A real repository with real agents: what the end-to-end tests stand on."""

from __future__ import annotations

import fnmatch
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from swarmgit.app.run import Options, Result, TickReport, reconcile
from swarmgit.model.endings import Stop
from swarmgit.model.ids import TaskId
from swarmgit.model.queue import Entry
from swarmgit.model.status import TaskStatus
from swarmgit.ports.machine import Clock
from swarmgit.ports.world import World
from swarmgit.state import kinds
from swarmgit.wiring import open_world
from tests.calls import Called, call
from tests.published import problems

SETTLED_S_MAX = 60.0
OWN_PROCESS = {"reconcile", "demo", "run", "init", "gc"}

HOLD = """
exec 7>> "$held"
if command -v flock > /dev/null && ! flock -n 7; then
    echo "$SWARM_TASK: $SWARM_SESSION while another one runs" >> "$overlaps"
fi
"""
"""Shell: hold a task's file for as long as a process of this session lives, and tell when another one still does.

A lock, because sessions see neither each other's processes nor their numbers.
"""

GATE_OK = {"name": "check", "run": "test ! -e BROKEN"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all cases of a test as slow but for those that its `default_cases` names, by shell patterns of their ids."""
    for item in items:
        marked = item.get_closest_marker("default_cases")
        case = getattr(item, "callspec", None)
        if marked and case and not any(fnmatch.fnmatchcase(case.id, pattern) for pattern in marked.args):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _refuse_the_real_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may read or write this machine's own settings."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("GIT_", "SWARM", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Pat Person\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n"
        '[commit]\n\tgpgsign = false\n[protocol "file"]\n\tallow = always\n'
    )


class Repo:
    """A person's repository. `agent(task, script)` says what the agent of a task does, in shell."""

    def __init__(self, root: Path, *, bare: bool = False) -> None:
        self.root = root / "repo"
        self.agents = root / "agents"
        self.agents.mkdir(parents=True)
        self.root.mkdir()
        self.git("init", "-q", *(["--bare"] if bare else []))
        runner = self.agents / "run.sh"
        runner.write_text(f'exec /bin/sh "{self.agents}/$SWARM_TASK.sh"\n')
        self.swarm: dict[str, Any] = {
            "version": 1,
            "target": "main",
            "agents_max": 4,
            "stop_grace_seconds": 0.3,
            "tiers": {name: {"runtime": "script"} for name in ("frontier", "standard", "fast")},
            "runtimes": {
                "script": {"adapter": "command", "run": ["/bin/sh", str(runner)], "files": [str(self.agents)]}
            },
        }
        self.policy: dict[str, Any] = {"filesystem": {"write": [str(self.agents)]}}
        self.gates: list[dict[str, Any]] = [GATE_OK]
        self.sandboxes: tuple[str, ...] | None = None
        self.clock: Clock | None = None

    # --- the person -------------------------------------------------------------------------------------------------

    def git(self, *args: str, check: bool = True, cwd: Path | None = None) -> str:
        done = subprocess.run(["git", *args], cwd=cwd or self.root, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))

    def commit(self, files: dict[str, str] | None = None, message: str = "work") -> str:
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def start(self, files: dict[str, str] | None = None) -> Repo:
        """Commit the first files and the swarm's settings."""
        self.write(files or {"README.md": "hello\n"})
        self.configure()
        self.commit(message="start")
        return self

    def configure(self) -> None:
        self.write(
            {
                ".swarm/swarm.yaml": yaml.safe_dump(self.swarm),
                ".swarm/gates.yaml": yaml.safe_dump({"version": 1, "gates": self.gates}),
                ".swarm/policy.yaml": yaml.safe_dump({"version": 1, **self.policy}),
                ".swarm/.gitignore": "state/\nrun\n",
            }
        )

    def task(self, name: str, script: str | None = None, **fields: Any) -> None:
        """Write a task file (not committed) and what its agent does."""
        owns = fields.pop("owns", [f"{name}.txt"])
        scope = {"owns": owns, **({"shares": fields.pop("shares")} if "shares" in fields else {})}
        document = {
            "version": 1,
            "title": f"Do {name}",
            "description": f"Do what {name} says.",
            "scope": scope,
            **fields,
        }
        self.write({f".swarm/tasks/{name}.yaml": yaml.safe_dump(document, sort_keys=False)})
        self.agent(name, script if script is not None else f"echo {name} > {name}.txt")

    def agent(self, name: str, script: str) -> None:
        (self.agents / f"{name}.sh").write_text(dedent(script))

    # --- swarmgit ---------------------------------------------------------------------------------------------------

    def world(self, *, lead: bool = False, fault: Callable[[str], None] | None = None) -> World:
        extra: dict[str, Any] = {"fault": fault} if fault else {}
        if self.clock is not None:
            extra["clock"] = self.clock
        if self.sandboxes is not None:
            extra["sandboxes"] = self.sandboxes
        return open_world(self.root, os.environ, lead=lead, **extra)

    def reconcile(
        self,
        *,
        timeout_s: float | None = None,
        fault: Callable[[str], None] | None = None,
        on_tick: Callable[[TickReport], None] = lambda _: None,
        interrupted: threading.Event | None = None,
        **options: Any,
    ) -> Result:
        """Run it. Where no test asked for an end by time, an end by time is an error: nothing may keep it going."""
        world = self.world(lead=True, fault=fault)
        ticks: deque[TickReport] = deque(maxlen=3)

        def seen(report: TickReport) -> None:
            ticks.append(report)
            on_tick(report)

        try:
            limits = Options(timeout_s=SETTLED_S_MAX if timeout_s is None else timeout_s, **options)
            result = reconcile(world, limits, seen, interrupted or threading.Event())
            if timeout_s is None and result.reason.startswith("not settled after"):
                raise AssertionError(f"{result.reason}\n" + "\n".join(map(_told, ticks)))
            return result
        finally:
            for thread in threading.enumerate():  # a run that ends early leaves them to the end of its process
                if thread.name.startswith("swarmgit-"):
                    thread.join(10)
            world.close()

    def swarmgit(self, *args: str, check: bool = True, timeout_s: float = 60) -> Called:
        """Run the command line: what runs on in a process of its own, the rest in this one, which is much quicker."""
        if args[0] not in OWN_PROCESS:
            called = call(self, *args, check=False)
            if check and called.returncode:
                raise AssertionError(f"swarmgit {' '.join(args)}: {called}")
            return called
        done = subprocess.run(
            [sys.executable, "-m", "swarmgit", *args],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"swarmgit {' '.join(args)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return Called(done.returncode, done.stdout, done.stderr)

    # --- what came of it --------------------------------------------------------------------------------------------

    def status(self, task: str) -> TaskStatus:
        raw = self.git("show", f"swarm/state:tasks/{task}.yaml")
        return kinds.TASKS.read(f"tasks/{task}.yaml", (raw + "\n").encode())

    def phases(self) -> dict[str, str]:
        names = self.git("ls-tree", "--name-only", "swarm/state:tasks").splitlines()
        return {name.removesuffix(".yaml"): self.status(name.removesuffix(".yaml")).phase for name in names}

    def entries(self) -> list[Entry]:
        paths = self.git("ls-tree", "-r", "--name-only", "swarm/state", "merge-queue").splitlines()
        return [kinds.ENTRIES.read(p, (self.git("show", f"swarm/state:{p}") + "\n").encode()) for p in paths]

    def show(self, path: str, rev: str = "main") -> str:
        return self.git("show", f"{rev}:{path}")

    def landed(self) -> list[str]:
        """Return the tasks that landed, oldest first, by the trailers on the target's first-parent line."""
        out = self.git("log", "--first-parent", "--reverse", "--format=%(trailers:key=Swarm-Task,valueonly)", "main")
        return [line for line in out.splitlines() if line]


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Repo]:
    made = Repo(tmp_path)
    yield made
    world_ids = made.root / ".git" / "swarmgit" / "active"
    if world_ids.is_dir():
        world = made.world()
        for session in world.executor.poll():
            world.executor.cancel(session, Stop("the test is over"), 0.0)
        world.close()


@pytest.fixture
def settled(repo: Repo) -> Repo:
    """Return a repository in which task `one` has landed and nothing is left to do."""
    repo.start()
    repo.task("one")
    repo.commit()
    assert repo.reconcile().code == 0
    return repo


@pytest.fixture
def published(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold every file of state that a test's repository ends with, or ever had, against the published schemas."""
    yield
    made = request.node.funcargs.get("repo")
    if isinstance(made, Repo) and made.git("for-each-ref", "refs/heads/swarm/state"):
        assert problems(made.root) == []


def _told(tick: TickReport) -> str:
    """Return what a tick saw and did, for an error that says why nothing settled."""
    heard = {id_: (one.state, one.hearing) for id_, one in tick.look.observed.sessions.items()}
    plan = tick.look.plan
    return f"tick {tick.number}: {tick.outcomes} {heard} {plan.is_settled=} {plan.wake_in_s=} {plan.failing=}"


def task_id(name: str) -> TaskId:
    return TaskId(name)


def unpack(git_dir: Path) -> None:
    """Give every object of a repository a file of its own, so that a test can damage it."""
    for pack in sorted((git_dir / "objects" / "pack").glob("*.pack")):
        aside = git_dir / pack.name
        pack.rename(aside)
        for rest in pack.parent.glob(f"{pack.stem}.*"):
            rest.unlink()
        with aside.open("rb") as content:
            subprocess.run(["git", "--git-dir", str(git_dir), "unpack-objects", "-q"], stdin=content, check=True)
        aside.unlink()
