"""A scratch repository with tasks and agents, and swarmgit run in it the way a person runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from swarmgit.ports.world import World
from swarmgit.wiring import open_world

GITCONFIG = (
    "[user]\n\tname = Pat Person\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n[commit]\n"
    "\tgpgsign = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
)
AGENT = (
    "#!/bin/sh\n"
    ': > "$BENCH_STARTED/$SWARM_TASK" || exit 1\n'
    '[ -z "$BENCH_SLEEP_S" ] || sleep "$BENCH_SLEEP_S"\n'
    'echo "$SWARM_TASK" > "$SWARM_TASK.txt"\n'
)
"""Says that it runs (the file's time is read), then changes one file."""

FILES_PER_FOLDER = 100
FAILURES_SHOWN = 5


class Scene:
    """`files`: how many the repository has. `sleep_s`: how long each agent works."""

    def __init__(self, root: Path, files: int, *, agents_max: int = 8, sleep_s: str = "", gates: int = 0) -> None:
        self.root = root
        self.top = root / "repo"
        self.started = root / "started"
        agents = root / "agents"  # all that sessions see of this folder, besides `started`
        for folder in (root / "home", self.top, self.started, agents):
            folder.mkdir(parents=True)
        (root / "home" / ".gitconfig").write_text(GITCONFIG)
        self.environ = _environment(root)
        agent = agents / "agent.sh"
        agent.write_text(AGENT)
        self.swarm: dict[str, Any] = {
            "version": 1,
            "target": "main",
            "agents_max": agents_max,
            "tiers": {name: {"runtime": "script"} for name in ("frontier", "standard", "fast")},
            "runtimes": {
                "script": {
                    "adapter": "command",
                    "run": ["/bin/sh", str(agent)],
                    "files": [str(agents)],
                    "env": {"BENCH_STARTED": str(self.started), "BENCH_SLEEP_S": sleep_s},
                }
            },
        }
        self.gates = [{"name": f"gate-{number}", "run": "true"} for number in range(gates)]
        self.git("init", "-q")
        self._fill(files)

    # --- the person -------------------------------------------------------------------------------------------------

    def git(self, *args: str, stdin: bytes | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.top, env=self.environ, input=stdin, capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode().strip()

    def engine_git(self, *args: str, stdin: bytes | None = None) -> str:
        """Run git on swarmgit's own repository."""
        engine = self.top / ".git" / "swarmgit" / "engine.git"
        return self.git(f"--git-dir={engine}", *args, stdin=stdin)

    def task(self, name: str, **fields: object) -> None:
        """Write a task file (JSON, which is YAML), not committed."""
        document = {
            "version": 1,
            "title": f"Do {name}",
            "description": f"Write the file of {name}.",
            "scope": {"owns": [f"{name}.txt"]},
            **fields,
        }
        path = self.top / ".swarm" / "tasks" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def configure(self) -> None:
        folder = self.top / ".swarm"
        folder.mkdir(exist_ok=True)
        (folder / "swarm.yaml").write_text(_with_target_line(self.swarm))
        (folder / "gates.yaml").write_text(json.dumps({"version": 1, "gates": self.gates}))
        policy = {"version": 1, "sandbox": "preferred", "filesystem": {"write": [str(self.started)]}}
        (folder / "policy.yaml").write_text(json.dumps(policy))
        (folder / ".gitignore").write_text("state/\nrun\n")

    def commit(self, message: str = "work") -> int:
        """Commit what is under `.swarm/`; return when the branch moved, in ns since the epoch, by the file system."""
        wait_for(lambda: not (self.top / ".git" / "index.lock").exists(), 5.0)  # a landing brings our files along
        self.git("add", ".swarm")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return (self.top / ".git" / "refs" / "heads" / "main").stat().st_mtime_ns

    def _fill(self, files: int) -> None:
        """Make the first commit: small source files, a hundred a folder, and the settings of the swarm."""
        self.configure()
        lines = [b"commit refs/heads/main\ncommitter Pat Person <pat@example.org> 1700000000 +0000\ndata 5\nfirst\n"]
        for number in range(files):
            text = f"def answer_{number}() -> int:\n    return {number}\n".encode() * 10
            lines.append(b"M 100644 inline src/%03d/%02d.py\n" % divmod(number, FILES_PER_FOLDER))
            lines.append(b"data %d\n%s\n" % (len(text), text))
        self.git("fast-import", "--quiet", stdin=b"".join(lines))
        self.git("reset", "-q", "--hard", "main")
        self.commit("settings")

    # --- swarmgit ---------------------------------------------------------------------------------------------------

    def world(self, *, lead: bool = False) -> World:
        return open_world(self.top, self.environ, lead=lead)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command(), *args], cwd=self.top, env=self.environ, capture_output=True, text=True, check=False
        )

    def reconcile(self, *args: str) -> None:
        """Run until all tasks have landed; RuntimeError where it ended in any other way: then nothing was measured."""
        done = self.run("reconcile", *args)
        if done.returncode:
            raise RuntimeError(
                f"reconcile ended with {done.returncode}:\n{done.stdout}\n{done.stderr}{self.failures()}"
            )

    @contextmanager
    def watching(self) -> Iterator[int]:
        """Keep `reconcile --watch` running meanwhile; yields its process id."""
        log = (self.root / "watch.log").open("ab")
        process = subprocess.Popen(
            [*command(), "reconcile", "--watch"],
            cwd=self.top,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(lambda: _listens(process.pid), 10.0)
            time.sleep(0.5)  # its first look
            yield process.pid
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()

    def start_times(self, count: int, timeout_s: float = 30.0) -> dict[str, int]:
        """Wait until `count` agents have said that they run; return when each did, in ns since the epoch."""
        if not wait_for(lambda: sum(1 for _ in self.started.iterdir()) >= count, timeout_s):
            ran = sum(1 for _ in self.started.iterdir())
            raise RuntimeError(f"only {ran} of {count} agents ran{self.failures()}")
        return {path.name: path.stat().st_mtime_ns for path in self.started.iterdir()}

    def failures(self) -> str:
        """Return what swarmgit says of tasks that did not get on, for the error of a measurement that failed."""
        done = self.run("status", "--json")
        try:
            tasks = json.loads(done.stdout)["tasks"]
        except (ValueError, KeyError):
            return f"\nstatus ended with {done.returncode}: {done.stderr.strip()}"
        stuck = [f"{task['id']}: {task['phase']}, {task['reason']}" for task in tasks if task["phase"] != "landed"]
        return "".join(f"\n{line}" for line in stuck[:FAILURES_SHOWN])

    def landed(self) -> int:
        """Return how many landings the target's history shows."""
        out = self.git("log", "--first-parent", "--format=%(trailers:key=Swarm-Task,valueonly)", "main")
        return sum(bool(line) for line in out.splitlines())

    def stop_agents(self) -> None:
        """End every session that is left."""
        world = self.world()
        for session in world.executor.poll():
            world.executor.cancel(session, "the benchmark is over", 0.0)
            world.executor.cancel(session, "the benchmark is over", 0.0)
        world.close()


@contextmanager
def scene(files: int = 200, **options: Any) -> Iterator[Scene]:
    """Make a scene in a scratch folder and remove it with all that still runs there."""
    root = Path(tempfile.mkdtemp(prefix="swarmgit-bench-"))
    try:
        made = Scene(root, files, **options)
        try:
            yield made
        finally:
            made.stop_agents()
    finally:
        for _ in range(20):
            shutil.rmtree(root, ignore_errors=True)
            if not root.exists():
                break
            time.sleep(0.1)


def wait_for(holds: Callable[[], bool], timeout_s: float) -> bool:
    """Look every millisecond until it holds; False when it does not within the time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def _listens(pid: int) -> bool:
    """Return whether a process has asked the kernel for file notifications: it is about to look for the first time."""
    try:
        return any("inotify" in str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def command() -> list[str]:
    """Return how a person starts swarmgit: the installed script beside this Python, else the module."""
    script = Path(sys.executable).with_name("swarmgit")
    return [str(script)] if script.exists() else [sys.executable, "-m", "swarmgit"]


def _environment(root: Path) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ}
    home = root / "home"
    return {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "USER": "pat",
    }


def _with_target_line(swarm: Mapping[str, Any]) -> str:
    """Return the settings as YAML whose `target:` stands on a line of its own, as people write it."""
    rest = "".join(f"{key}: {json.dumps(value)}\n" for key, value in swarm.items() if key not in {"version", "target"})
    return f"version: 1\ntarget: {swarm['target']}\n{rest}"
