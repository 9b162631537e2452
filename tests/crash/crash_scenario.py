"""A small swarm whose end is known: what the crash tests kill at every step, and what must come of it all the same."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from swarmgit.app.fsck import check
from tests.conftest import HOLD, Repo

RUNNER = """held="{root}/held/$SWARM_TASK" overlaps="{root}/overlaps"
{hold}
echo "$SWARM_TASK $SWARM_ATTEMPT" >> "{root}/starts"
/bin/sh "{root}/$SWARM_TASK.sh"
exit $?
"""

PHASES = {
    "base": "landed",
    "dep": "landed",
    "left": "landed",
    "right": "landed",
    "redo": "landed",
    "noop": "unchanged",
    "nosy": "failed",
}
FILES = {"base.txt": "base", "dep.txt": "base and dep", "redo.txt": "good", "left.txt": "left", "right.txt": "right"}


STRIDE = int(os.environ.get("SWARMGIT_CRASH_STRIDE", "0"))
"""Kill at each so many steps; 0: as each suite thinks is worth its time, 1: at every step."""


def steps(first: int, count: int, stride: int) -> range:
    """Return the steps of one part of a sweep. Parts begin at different places, so that all kinds of steps are met."""
    width = STRIDE or stride
    return range(first + first // count % width, first + count, width)


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Called before each effect and between its steps; kills at the call number `at`, and from then on whatever comes.

    A dead process does nothing more, so nothing that is done on the way out may count.
    """

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.names: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self._lock:
            self.names.append(name)
            if self.at is not None and len(self.names) >= self.at:
                raise Killed(f"{self.at}: {self.names[self.at - 1]}")


def begin(repo: Repo, sleep_s: float = 0.0) -> Repo:
    """Commit the tasks: a dependency, a rejection and its rework, a conflict, no change, and work out of scope."""
    runner = repo.agents / "run.sh"
    (repo.agents / "held").mkdir()
    runner.write_text(RUNNER.format(root=repo.agents, hold=HOLD))
    repo.gates = [{"name": "check", "run": "! grep -q bad *.txt"}]
    repo.start({"README.md": "hello\n", "shared.txt": "one\n", ".swarm/policy.yaml": 'version: 1\nsandbox: "off"\n'})
    nap = f"sleep {sleep_s}; " if sleep_s else ""
    both = f'sed -i "s/$/ $SWARM_TASK/" shared.txt; echo $SWARM_TASK > $SWARM_TASK.txt; sleep {max(0.1, sleep_s)}'
    repo.task("base", f"{nap}echo base > base.txt")
    repo.task("dep", f'{nap}echo "$(cat base.txt) and dep" > dep.txt', depends_on=["base"])
    repo.task("left", both, shares=["shared.txt"])
    repo.task("right", both, shares=["shared.txt"])
    repo.task("redo", f'{nap}if [ -s "$SWARM_FEEDBACK_FILE" ] && grep -q gate "$SWARM_FEEDBACK_FILE"; '
              "then echo good > redo.txt; else echo bad > redo.txt; fi")  # fmt: skip
    repo.task("noop", nap + """printf '{"type": "no_change", "reason": "it is there"}\\n'""", allow_no_change=True)
    repo.task("nosy", f"{nap}echo nosy > nosy.txt; echo pwned > README.md", budget={"attempts": 1})
    repo.commit(message="ask")
    return repo


def try_to_run(repo: Repo, at: int | None = None) -> Fuse:
    """Reconcile until it settles, or is killed at the fuse's call `at`."""
    fuse = Fuse(at)
    try:
        result = repo.reconcile(fault=fuse)
    except Killed:
        return fuse
    assert (result.code, result.reason) == (4, "settled; some tasks need a person")
    return fuse


@dataclass(frozen=True, slots=True)
class Settled:
    """Everything that a further reconcile must leave as it is."""

    refs: str
    worktree: str
    active: tuple[str, ...]


def settled(repo: Repo) -> Settled:
    """Return it. A mark of a session that was never made is nothing: it is dropped when it is a minute old."""
    live = repo.root / ".git" / "swarmgit"
    active = tuple(p.name for p in (live / "active").iterdir() if (live / "sessions" / p.name).exists())
    return Settled(repo.git("for-each-ref"), repo.git("status", "--porcelain"), active)


def assert_same_end(repo: Repo) -> None:
    """The end that the scenario has when nobody is killed; then one more reconcile changes nothing."""
    assert repo.phases() == PHASES
    assert sorted(repo.landed()) == ["base", "dep", "left", "redo", "right"]
    assert {name: repo.show(name) for name in FILES} == FILES
    assert sorted(repo.show("shared.txt").split()) == ["left", "one", "right"]
    assert repo.show("README.md") == "hello"
    assert not (repo.agents / "overlaps").exists(), (repo.agents / "overlaps").read_text()
    assert_sound(repo)
    assert_no_leftovers(repo)
    before = settled(repo)
    assert before.active == ()
    assert before.worktree == ""
    assert repo.reconcile().code == 4
    assert settled(repo) == before


def assert_sound(repo: Repo) -> None:
    """Git and swarmgit find nothing wrong in the history."""
    lines = repo.git("fsck", "--full").splitlines()
    assert [line for line in lines if not line.startswith("dangling")] == [], lines
    world = repo.world()
    try:
        violations = check(world).violations
        assert violations == (), violations
    finally:
        world.close()


def assert_no_leftovers(repo: Repo) -> None:
    world = repo.world()
    try:
        assert world.worktrees.leases() == {}
        assert world.executor.poll() == {}
    finally:
        world.close()
    assert [p.name for p in locks(repo.root / ".git")] == []
    assert repo.git("for-each-ref", "refs/swarm/candidate") == ""


def locks(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.lock") if path.is_file()]


def crash_once(repo: Repo, at: int, go_on: Callable[[Repo], None]) -> bool:
    """Kill at step `at`, then start again and look at the end (`go_on`); return whether there was such a step."""
    fuse = Fuse(at)
    try:
        repo.reconcile(fault=fuse)
    except Killed as killed:
        print("killed at", killed)
        go_on(repo)
        return True
    return False


def sweep(root: Path, steps: range, begin: Callable[[Repo], Repo], go_on: Callable[[Repo], None]) -> bool:
    """Kill at each of these steps, in a repository of its own; return whether the scenario ended before the last."""
    for at in steps:
        place = root / str(at)
        place.mkdir()
        if not crash_once(begin(Repo(place)), at, go_on):
            return True
    return False
