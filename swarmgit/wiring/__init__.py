"""The only place that picks real adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from msgspec.structs import replace

from swarmgit import runtimes
from swarmgit.adapters import prices
from swarmgit.adapters.background import Threads
from swarmgit.adapters.clock import SystemClock, awake_s
from swarmgit.adapters.deferred import Deferred
from swarmgit.adapters.drafts import drafts
from swarmgit.adapters.failures import FailureNotes
from swarmgit.adapters.git.discover import FoundRepository, discover, find_target
from swarmgit.adapters.git.engine import GitEngine, engine_git, mend
from swarmgit.adapters.git.history import GitHistory
from swarmgit.adapters.git.integrity import GitIntegrity
from swarmgit.adapters.git.memory import Memory
from swarmgit.adapters.git.mergeprograms import merge_program
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.readonly import engine_to_read
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.state import GitStateStore
from swarmgit.adapters.git.statecheckout import StateCheckout
from swarmgit.adapters.git.voices import Voices
from swarmgit.adapters.live_cache import FileCache
from swarmgit.adapters.lock import ReconcilerLock
from swarmgit.adapters.notes import Notes
from swarmgit.adapters.processes.children import end_own
from swarmgit.adapters.processes.executor import LocalExecutor
from swarmgit.adapters.redacted import RedactedState
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.adapters.secrets.guard import Guard
from swarmgit.adapters.surroundings import (
    Surroundings,
    has_entries,
    keep_surroundings,
    recorded,
    seen_from,
    surroundings,
)
from swarmgit.adapters.tamper import fingerprint
from swarmgit.documents import paths
from swarmgit.model.desired import Desired
from swarmgit.model.incidents import Alert
from swarmgit.ports.engine import Conflicts, Signatures, Upkeep
from swarmgit.ports.machine import Clock
from swarmgit.ports.repository import Landing, Repository
from swarmgit.ports.sessions import Doorbell
from swarmgit.ports.store import Transcripts
from swarmgit.ports.worktrees import Worktrees
from swarmgit.ports.world import World
from swarmgit.wiring import late
from swarmgit.wiring.programs import PASSED_ON, outlook
from swarmgit.wiring.state_branch import state_branch

TARGET_NAME = "target"


CLOSING_S_MAX, ENDED_S_MAX = 0.2, 0.5
"""So long work in the background may still take to end by itself; then the git processes of it are ended."""

SANDBOXES = ("bubblewrap", "landlock", "sandbox-exec")
"""The kinds of sandbox, the best first."""


class Closable(Protocol):
    def close(self) -> None: ...


def no_fault(name: str) -> None:
    """Do nothing; the crash tests raise here."""


def open_world(
    cwd: Path,
    environ: Mapping[str, str],
    *,
    lead: bool | None = False,
    clock: Clock | None = None,
    fault: Callable[[str], None] = no_fault,
    sandboxes: Sequence[str] = SANDBOXES,
) -> World:
    """Return the world of the repository around `cwd`.

    `lead`: take the reconciler's lock first, so that every child that moves refs inherits it; None: only read, and
    write nothing, not even a cache. Who does not lead sees the surroundings of who led last. `sandboxes`: the kinds of
    sandbox to look for, the best first.
    """
    found, place = _found(cwd, environ, lead=bool(lead))
    keeps = lead is not None
    the_clock = clock or SystemClock()
    lock = ReconcilerLock(found.live / paths.LOCK, the_clock)
    if lead:
        lock.acquire()
        place = keep_surroundings(found.live, environ, found.store)
    fds = (lock.fd,) if lead else ()
    objects = GitObjects(Git(found.common_dir, pass_fds=fds), found.algorithm)
    cache = FileCache(found.live / paths.CACHE, keeps=keeps)
    vault = Vault(found.live / paths.SECRETS)
    guard = Guard(vault, found.live / paths.LEAKS)
    notices = Notes(found.live / paths.NOTICES, Alert)
    target, former = _target(objects, cache)
    branch = state_branch(objects, cache, target, lead=bool(lead))
    memory = Memory(found.live / paths.RESOLUTIONS)
    voices = Voices(str(found.live / paths.RESOLUTIONS), merge_program(environ.get("PATH")))
    engine = GitEngine(_engine_git(found, fds, keeps=keeps), objects, voices, keeps=keeps)
    state = _state(found, objects, engine, branch, lead=bool(lead), fault=fault)
    landing = Deferred(lambda: late.landing(found, objects, engine, environ, fault))
    confiner = Deferred(lambda: late.confiner(found, cache, vault, seen_from(environ, place), sandboxes))
    worktrees = Deferred(
        lambda: late.worktrees(found, (engine, objects), target, fault, notices, environ if lead else None)
    )
    transcripts = Deferred(lambda: late.transcripts(objects))
    if lead:  # load them now and not between a commit and the start of its first agent
        landing.ready()
        worktrees.ready()
        confiner.ready()

    background = Threads(lambda: _ring(found.live))
    integrity = GitIntegrity(engine.objects, lambda: _mend(found), background, is_leader=bool(lead))

    return World(
        repository=Repository(found.common_dir, found.top, found.live, found.store, target, former),
        clock=the_clock,
        awake_s=awake_s,
        objects=objects,
        state=RedactedState(state, guard),
        engine=engine,
        integrity=integrity,
        upkeep=cast(Upkeep, Deferred(lambda: late.upkeep(objects, engine))),
        conflicts=cast(Conflicts, Deferred(lambda: late.conflicts(engine, voices, memory))),
        signatures=cast(Signatures, Deferred(lambda: late.signatures(found, engine))),
        worktrees=cast(Worktrees, worktrees),
        landing=cast(Landing, landing),
        executor=LocalExecutor(found.live, the_clock, fault),
        cache=cache,
        lock=lock,
        doorbell=lambda: _doorbell(found, (target, branch)),
        stream_reader=runtimes.stream_reader,
        command_for=runtimes.command_for,
        confine=lambda *given: confiner.confine(*given),  # noqa: PLW0108 - it is made when it is needed
        granted=lambda *given: confiner.granted(*given),  # noqa: PLW0108 - as above
        adapters=runtimes.names,
        obeyed=runtimes.obeyed,
        price=prices.price,
        outlook=outlook,
        unreachable=lambda policy, runtime, model: confiner.unreachable(
            policy, runtime.name, runtimes.hosts_needed(runtime, model)
        ),
        settings=lambda: fingerprint(found.common_dir),
        secrets=guard,
        notices=notices,
        background=background,
        failures=FailureNotes(found.live / paths.FAILURES, f"{paths.RUN_LINK}/{paths.FAILURES}"),
        port_is_free=_port_is_free,
        transcripts=cast(Transcripts, transcripts),
        push_command=lambda push: late.push_command(found, environ, push),
        history=GitHistory(objects),
        drafts=lambda desired: _drafts(found, objects, desired),
        state_branch=branch,
        sandbox=lambda policy: confiner.describe(policy),  # noqa: PLW0108
        environment=place.fingerprint if place else surroundings(environ),
        host_env={name: environ[name] for name in PASSED_ON if name in environ},
        fault=fault,
        only_reads=not keeps,
        abandon=end_own,
        close=lambda: _close(background, (landing, transcripts, state, engine, objects), lock),
    )


def _close(background: Threads, parts: Sequence[Closable], lock: ReconcilerLock) -> None:
    if not background.wait(CLOSING_S_MAX):
        end_own(ENDED_S_MAX)
    for part in parts:
        part.close()
    lock.release()


def _found(cwd: Path, environ: Mapping[str, str], *, lead: bool) -> tuple[FoundRepository, Surroundings | None]:
    """Return the repository with its worktrees' place, and for who does not lead the surroundings of who led last.

    A new place for worktrees counts once no session is left that has one in the old place.
    """
    found = discover(cwd, environ)
    place = recorded(found.live)
    if place is None or (lead and not has_entries(found.live / paths.ACTIVE)):
        return found, None
    return replace(found, store=Path(place.store)), None if lead else place


def _engine_git(found: FoundRepository, fds: tuple[int, ...], *, keeps: bool) -> Git:
    if not keeps:
        return engine_to_read(found.live, found.common_dir, found.algorithm)
    return engine_git(found.live, found.common_dir, found.algorithm, fds)


def _target(objects: GitObjects, cache: FileCache) -> tuple[str | None, str | None]:
    """Return the target branch, remembered so that a person may be on any branch, and what it was before."""
    remembered = (cache.read(TARGET_NAME) or b"").decode("utf-8", "replace").strip() or None
    target = find_target(objects, remembered)
    if target is not None and target != remembered:
        cache.write(TARGET_NAME, target.encode())
    return target, remembered


def _mend(found: FoundRepository) -> None:
    mend(found.live / paths.ENGINE, found.common_dir, found.algorithm)


def _state(
    found: FoundRepository,
    objects: GitObjects,
    engine: GitEngine,
    branch: str,
    *,
    lead: bool,
    fault: Callable[[str], None],
) -> GitStateStore:
    checkout = StateCheckout(objects, engine.git, found.top, found.live, branch) if found.top else None
    return GitStateStore(objects, branch, checkout, is_leader=lambda: lead, fault=fault)


def _port_is_free(port: int) -> bool:
    from swarmgit.adapters.loopback import is_free

    return is_free(port)


def _ring(live: Path) -> None:
    """Ring as the end of a session does: a file of that folder is written."""
    (live / paths.BELL).mkdir(parents=True, exist_ok=True, mode=0o700)
    (live / paths.BELL / paths.BACKGROUND).write_bytes(b"")


def _doorbell(found: FoundRepository, branches: Sequence[str | None]) -> Doorbell:
    from swarmgit.adapters.doorbell import WatchdogDoorbell

    return WatchdogDoorbell(_bells(found, branches))


def _bells(found: FoundRepository, branches: Sequence[str | None]) -> list[Path]:
    """Return the folders that ring: sessions that end, the target's and the state's refs, and packed refs."""
    heads = found.common_dir / "refs" / "heads"
    refs = [heads / branch for branch in branches if branch]
    return [found.live / paths.BELL, *(ref.parent for ref in refs)]


def _drafts(found: FoundRepository, objects: GitObjects, desired: Desired) -> tuple[str, ...]:
    """Return uncommitted intent where the target is checked out here; on another branch differences mean nothing."""
    if found.top is None or desired.commit is None or objects.resolve("HEAD^{commit}") is None:
        return ()
    head = (found.git_dir / "HEAD").read_text("utf-8", "surrogateescape").strip()
    if desired.swarm is None or head != f"ref: {paths.branch_ref(desired.swarm.target)}":
        return ()
    tree = objects.resolve(f"{desired.commit}:{paths.SWARM}")
    return drafts(found.top, objects.walk(tree, paths.SWARM) if tree else {})
