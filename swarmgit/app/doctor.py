"""Is this machine and this repository in order? Each check says what is wrong and the command that repairs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from swarmgit.app.fsck.ledger import read_ledger
from swarmgit.app.gc import stale_candidates
from swarmgit.app.look import Look, look
from swarmgit.app.validate import warnings
from swarmgit.app.views.words import counted
from swarmgit.app.world import World
from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.plan import full_runs, pushes
from swarmgit.ports import SandboxReport

Level = Literal["ok", "warn", "fail"]
GIT_MIN = (2, 38)
PYTHON_MIN = (3, 11)
FREE_BYTES_FEW = 2 << 30
WATCHES_FEW = 8192
SHOWN_FILES_MAX = 300


class Check(Struct, frozen=True):
    """`repair`: a command or what to do; '' when there is nothing to repair."""

    name: str
    level: Level
    message: str
    repair: str = ""


class Report(Struct, frozen=True):
    checks: tuple[Check, ...]

    @property
    def is_healthy(self) -> bool:
        return all(check.level != "fail" for check in self.checks)

    def document(self) -> dict[str, Any]:
        """Return `doctor --json`."""
        return {"version": 1, "ok": self.is_healthy, "checks": [asdict(check) for check in self.checks]}


class MachineFacts(Protocol):
    """What a real machine answers."""

    @property
    def git(self) -> tuple[int, int]:
        """Return git's version, (0, 0) where there is none."""

    @property
    def python(self) -> tuple[int, int]:
        """Return the version of Python."""

    @property
    def inotify(self) -> Mapping[str, int] | None:
        """Return the limits on watching files, None where the system has none."""

    @property
    def sandbox(self) -> SandboxReport:
        """Return the best sandbox of this machine."""

    def free_bytes(self, path: Path) -> int:
        """Return the room where `path` is or will be."""

    def lock_holder(self, lock: Path) -> str | None:
        """Return who leads, None when nobody does."""


def examine(open_world: Callable[[], World], machine: MachineFacts) -> Report:
    """Run every check; those that need a repository only where there is one."""
    checks = list(_machine(machine))
    try:
        world = open_world()
    except SwarmError as error:
        checks.append(Check("repository", "fail", error.message, error.hint or "git init"))
        return Report(tuple(checks))
    checks += _safely("state", lambda: _state(world))
    checks += _safely("live", lambda: _live(world, machine))
    checks += _safely("intent", lambda: _seen(world))
    checks += _safely("signing", lambda: _signing(world))
    return Report(tuple(checks))


def _safely(name: str, run: Callable[[], Iterator[Check]]) -> list[Check]:
    """Return a group's checks; an expected failure becomes one of them."""
    try:
        return list(run())
    except SwarmError as error:
        return [Check(name, "fail", error.message, error.hint or "")]


def _machine(machine: MachineFacts) -> Iterator[Check]:
    git = ".".join(map(str, machine.git))
    is_new = machine.git >= GIT_MIN
    yield Check("git", "ok" if is_new else "fail", f"git {git}", "" if is_new else "install git 2.38 or newer")
    python = ".".join(map(str, machine.python))
    is_new = machine.python >= PYTHON_MIN
    yield Check("python", "ok" if is_new else "fail", f"Python {python}", "" if is_new else "use Python 3.11 or newer")
    yield _sandbox(machine.sandbox)
    limits = machine.inotify
    watches = limits.get("max_user_watches", WATCHES_FEW) if limits else None
    if watches is None:
        yield Check("inotify", "ok", "this system watches files in another way")
    elif watches < WATCHES_FEW:
        yield Check("inotify", "warn", f"only {watches} watches a user", "sysctl fs.inotify.max_user_watches=65536")
    else:
        yield Check("inotify", "ok", f"{watches} watches a user")


def _sandbox(found: SandboxReport) -> Check:
    if found.strength == "full":
        return Check("sandbox", "ok", found.text)
    repair = "install bubblewrap and allow user namespaces, as docs/security.md says"
    return Check("sandbox", "warn", found.text, repair)


def _signing(world: World) -> Iterator[Check]:
    """Say whether what has to be signed can be; asking about a commit needs the same program."""
    seen = look(world)
    head = seen.desired.commit
    if head is not None and seen.desired.swarm is not None and seen.desired.swarm.merge.sign is not None:
        world.signatures.verify((head,), b"")
        yield Check("signing", "ok", "what lands is signed with its agent's ssh key")


def _state(world: World) -> Iterator[Check]:
    head = world.state.head()
    if head is None:
        yield Check("state", "ok", "the state branch is not there yet; the first reconcile makes it")
        return
    broken = [violation.message for violation in read_ledger(world).violations]
    for message in broken:
        yield Check("state", "fail", message, "git log -p swarm/state shows what changed it; then: swarmgit fsck")
    if not broken:
        yield Check("state", "ok", f"the state branch is readable, at {head[:10]}")
    yield _checkout(world)


def _checkout(world: World) -> Check:
    top, head = world.repository.top, world.state.head()
    if top is None or head is None:
        return Check("checkout", "ok", "there is no working tree to show the state branch in")
    folder = top / paths.STATE_CHECKOUT
    if not folder.is_dir():
        return Check("checkout", "warn", f"{paths.STATE_CHECKOUT} is missing", "swarmgit reconcile checks it out again")
    files = sorted(world.objects.walk(world.objects.commit(head).tree).items())[:SHOWN_FILES_MAX]
    stale = [path for path, entry in files if _differs(folder / path, world.objects.blob(entry.oid))]
    if stale:
        message = f"{paths.STATE_CHECKOUT} is behind the state branch, first in {stale[0]}"
        return Check("checkout", "warn", message, "swarmgit reconcile brings it along")
    return Check("checkout", "ok", f"{paths.STATE_CHECKOUT} shows the state branch")


def _differs(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() != content
    except OSError:
        return True


def _live(world: World, machine: MachineFacts) -> Iterator[Check]:
    live = world.repository.live
    if not live.is_dir():
        yield Check("live", "ok", "nothing has run here yet")
    else:
        holder = machine.lock_holder(live / paths.LOCK)
        yield Check("live", "ok", f"{live}; " + (f"a reconcile leads ({holder})" if holder else "no reconcile runs"))
        engine = live / paths.ENGINE
        is_whole = not engine.exists() or (engine / "objects" / "info" / "alternates").is_file()
        message = f"{engine} is whole" if is_whole else f"{engine} has lost its link to the repository's objects"
        yield Check("engine", "ok" if is_whole else "fail", message, "" if is_whole else f"rm -r {engine}")
    free = machine.free_bytes(world.repository.store)
    is_roomy = free >= FREE_BYTES_FEW
    where = f"{free / (1 << 30):.1f} GiB free for worktrees in {world.repository.store}"
    yield Check("disk", "ok" if is_roomy else "warn", where, "" if is_roomy else "swarmgit gc, or set XDG_STATE_HOME")


def _seen(world: World) -> Iterator[Check]:
    seen = look(world)
    yield from _intent(seen)
    stale = stale_candidates(world, seen)
    if stale:
        yield Check("leftovers", "warn", f"{counted(len(stale), 'candidate')} of finished entries kept", "swarmgit gc")
    else:
        yield Check("leftovers", "ok", "nothing is left over")
    policy = seen.desired.policy
    if policy.sandbox == "off":
        yield Check("policy", "warn", "policy.yaml switches the sandbox off", "set sandbox: preferred")
    elif policy.sandbox == "required" and world.sandbox(policy).strength == "none":
        yield Check("policy", "fail", "policy.yaml requires a sandbox, so nothing starts", "install bubblewrap")
    for warning in warnings(seen.desired, seen.observed.unreachable):
        yield Check("runtimes", "warn", warning, "swarmgit validate")
    for problem in full_runs.problems(seen.desired, seen.observed):
        yield Check("gates", "fail", str(problem), "add what is missing to the gate's inputs, or repair the target")
    standing = pushes.standing(seen.desired.swarm, seen.observed) if seen.desired.swarm else None
    if standing and standing.state in {"refused", "unreachable", "diverged"}:
        yield Check("push", "warn", standing.text, f"git ls-remote {standing.remote}")
    if seen.observed.freeze:
        yield Check("freeze", "warn", f"frozen by {seen.observed.freeze.by}", "swarmgit thaw")


def _intent(seen: Look) -> Iterator[Check]:
    for problem in seen.desired.problems:
        yield Check("intent", "fail", str(problem), "swarmgit validate")
    if seen.desired.swarm is None and not seen.desired.problems:
        yield Check("intent", "fail", f"there is no {paths.SWARM_YAML} on a target branch", "swarmgit init")
    elif not seen.desired.problems:
        yield Check(
            "intent",
            "ok",
            f"{counted(len(seen.desired.tasks), 'task')}, {counted(len(seen.desired.gates), 'gate')}, no problems",
        )
