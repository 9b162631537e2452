"""What a sandbox adds to the start of a program."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.machine import timed
from swarmgit.adapters.live_cache import FileCache
from swarmgit.adapters.sandbox.confine import Confiner
from swarmgit.adapters.sandbox.probe import search
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.policy import Policy
from swarmgit.model.runtimes import Command
from swarmgit.model.sessions import SessionSpec
from swarmgit.ports.sandbox import Confined, Confinement

BUDGET_MS = 60.0
KINDS = {
    "bubblewrap": ("bubblewrap", Policy()),
    "bubblewrap, a list of programs": ("bubblewrap", Policy(commands={"default": ("python3", "git", "make")})),
    "bubblewrap, named hosts": ("bubblewrap", Policy(network=("api.example.org",))),
    "landlock": ("landlock", Policy()),
}


def measure(*, quick: bool) -> list[Figure]:
    """Return the milliseconds that each kind adds to running `/bin/true`, deciding what is visible included."""
    figures = []
    rounds = 3 if quick else 25
    with tempfile.TemporaryDirectory(prefix="swarmgit-bench-") as name:
        for what, (kind, policy) in KINDS.items():
            if not search((kind,)).kind:
                print(f"skipped: {kind} is not available here", file=sys.stderr)
                continue
            figures.append(_added(what, kind, policy, Path(name), rounds))
    return figures


def _added(what: str, kind: str, policy: Policy, root: Path, rounds: int) -> Figure:
    folder = Path(tempfile.mkdtemp(dir=root))
    confiner = Confiner(FileCache(folder / "cache"), Vault(folder / "secrets"), folder, (), dict(os.environ), (kind,))
    for part in ("home", "outbox", "tmp", "tree"):
        (folder / part).mkdir()
    spec = SessionSpec(SessionId("bench"), "gate", CommitId("a" * 40), datetime.now(UTC), 1)
    where = Confinement(spec, "gate", folder / "tree", folder)
    command = Command(("/bin/true",), {"PATH": os.environ["PATH"], "SWARM_SESSION": "bench"})
    confiner.confine(command, policy, where)  # the probe and the view of programs, once a reconcile
    bare, boxed = [], []
    for _ in range(rounds):
        bare.append(timed(lambda: subprocess.run(command.argv, env=dict(command.env), check=True)))
        boxed.append(timed(lambda: _run(confiner.confine(command, policy, where))))
    base = statistics.median(bare)
    return Figure(f"added to a start: {what}", "ms", tuple(each - base for each in boxed), BUDGET_MS)


def _run(confined: Confined) -> None:
    for name, content in confined.files.items():
        (confined.folder / name).write_bytes(content)
    subprocess.run(confined.argv, env=dict(confined.env), check=True)
