"""A person's machine with something to steal and something to break, and an agent that tries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

from swarmgit.adapters.sandbox.landlock import abi
from swarmgit.adapters.sandbox.probe import search
from tests.conftest import Repo

CANARY = "canary-7f3a9c"
RUNNER = """
import os, sys
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.environ["SWARM_TASK"] + ".py")
OUT = os.environ["SWARM_OUTBOX"]
def loot(*what):
    with open(os.path.join(OUT, "loot.txt"), "a") as file:
        print(*what, file=file)
def attempt(what, act):
    try:
        loot(what, "GOT", act())
    except BaseException as error:
        loot(what, "refused", repr(error))
exec(compile(open(path).read(), path, "exec"), {"loot": loot, "attempt": attempt, "OUT": OUT, "__name__": "__main__"})
"""
FULL = search(("bubblewrap",)).kind == "bubblewrap"
REDUCED = abi() > 0


class Stage(Repo):
    """`outside`: a folder of the person's beside the repository. `mode`: sandboxed, reduced or off."""

    def __init__(self, root: Path, mode: str) -> None:
        super().__init__(root)
        self.mode = mode
        (self.agents / "run.py").write_text(RUNNER)
        self.swarm["runtimes"]["script"] = {
            "adapter": "command",
            "run": [sys.executable, "-I", "-S", str(self.agents / "run.py")],
            "files": [str(self.agents)],
        }
        self.swarm["attempts_max"] = 1
        self.swarm["minutes_per_session"] = 1
        self.policy = {"sandbox": "off" if mode == "off" else "required"}
        self.sandboxes = ("landlock",) if mode == "reduced" else ("bubblewrap",)
        self.outside = root / "outside"
        self.outside.mkdir()
        (self.outside / "diary.txt").write_text(f"{CANARY} diary\n")
        home = Path(os.environ["HOME"])
        (home / ".ssh").mkdir(exist_ok=True)
        (home / ".ssh" / "id_ed25519").write_text(f"{CANARY} key\n")
        self.home = home

    def open(self, files: dict[str, str] | None = None) -> Stage:
        """Commit the settings, put something to steal into the person's git settings, and remember how all is."""
        self.start(files)
        self.git("config", "swarm.canary", CANARY)
        return self

    def attacker(self, script: str, name: str = "evil", **fields: Any) -> None:
        """Commit a task whose agent does this, in Python with `loot` and `attempt`."""
        self.task(name, **fields)
        (self.agents / f"{name}.py").write_text(dedent(script))
        self.commit(message=f"ask for {name}")

    def run(self, *, timeout_s: float = 60) -> None:
        self.before = self.picture()
        self.reconcile(timeout_s=timeout_s)
        self.after = self.picture()

    def picture(self) -> dict[str, object]:
        """Return what must not change by an agent's doing."""
        git = self.root / ".git"
        return {
            "outside": {path.name: path.read_bytes() for path in sorted(self.outside.rglob("*")) if path.is_file()},
            "home": sorted(str(path) for top in self.home.iterdir() if top.name != "state" for path in top.rglob("*")),
            "config": (git / "config").read_bytes(),
            "hooks": sorted(path.name for path in (git / "hooks").iterdir()) if (git / "hooks").is_dir() else [],
            "head": (git / "HEAD").read_text(),
            "agents": {path.name: path.read_bytes() for path in sorted(self.agents.iterdir())},
        }

    def loot(self, name: str = "loot.txt") -> str:
        """Return what agents wrote into their outboxes."""
        sessions = self.root / ".git" / "swarmgit" / "sessions"
        return "".join(path.read_text(errors="replace") for path in sorted(sessions.glob(f"*/outbox/{name}")))

    def assert_nothing_was_had(self, *, tried: int) -> None:
        """Nothing stolen, nothing changed, and the agent did try: a suite that attacks nothing proves nothing."""
        text = self.loot()
        assert text.count("refused") + text.count("GOT") >= tried, text or self.stderr()
        assert CANARY not in text, text
        assert "GOT" not in text, text
        assert self.before == self.after

    def stderr(self) -> str:
        sessions = self.root / ".git" / "swarmgit" / "sessions"
        return "".join(path.read_text(errors="replace")[-2000:] for path in sessions.glob("*/stderr.log"))

    def session_of(self, task: str) -> str:
        return self.status(task).attempts[-1].session

    def record(self, task: str) -> dict[str, Any]:
        """Return `session.yaml` of a task's last session."""
        folder = self.root / ".git" / "swarmgit" / "sessions" / self.session_of(task)
        return json.loads((folder / "session.yaml").read_text())


def processes_with(word: str) -> list[str]:
    """Return the command lines on this machine that hold a word, but this test's own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line and str(os.getpid()) != path.parent.name:
            found.append(line)
    return found


def wait_until_gone(word: str, timeout_s: float = 5) -> list[str]:
    end = time.monotonic() + timeout_s
    while (left := processes_with(word)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def has_program(name: str) -> bool:
    return subprocess.run(["/bin/sh", "-c", f"command -v {name}"], capture_output=True, check=False).returncode == 0
