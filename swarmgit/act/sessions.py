"""Sessions and gate runs: place them in a worktree, start, stop, take their work in, let them go."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from swarmgit.act import tampering
from swarmgit.act.capture import SETUP_BYTES_MAX, remember_setup
from swarmgit.act.conflicts import conflict_files
from swarmgit.act.predictions import show_work, work_of
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.actions import Retire, RunGate, StartSession, StopSession
from swarmgit.model.conflicts import LaidOut
from swarmgit.model.desired import Task, WorktreeConfig
from swarmgit.model.failures import SetAside
from swarmgit.model.faults import fault_of
from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.jobs import StartSpec
from swarmgit.model.outcomes import Done, Outcome, Underway
from swarmgit.model.policy import Policy
from swarmgit.model.runtimes import Command
from swarmgit.model.sessions import MergeSpec, SessionSpec, TriageSpec
from swarmgit.model.work import Capture
from swarmgit.ports.runtimes import Placement
from swarmgit.ports.sandbox import Confined, Confinement
from swarmgit.ports.worktrees import Lease
from swarmgit.ports.world import World

POOL = {"triage": "triage"}

SETUP_LIST = "git ls-files --others --directory -z && printf 'done\\0'"
GATE_SCRIPT = (
    'rm -f -- "$2"; /bin/sh -c "$1"; code=$?; '
    'if [ -n "$2" ] && [ -f "$2" ] && [ ! -L "$2" ]; then cp -- "$2" "$3"; fi; exit $code'
)
"""Runs the gate's command, then brings the report that it wrote into the session folder."""


def start(action: StartSession, world: World, policy: Policy) -> Outcome:
    """Start an agent's session. Where it cannot start, that is a failure of this step, and nothing of it is left.

    A triage session is refused instead: then nobody waits for its answer.
    """
    spec = action.spec
    try:
        seen = _see(action, world)
        if seen is None:
            return Underway(action)
        with _undone(spec, world):
            files, lease, confined = _prepare(action, world, policy, seen)
            world.executor.start(_start_spec(spec, confined, lease, action.worktree, files))
    except SwarmError as error:
        if spec.kind != "triage":
            raise
        world.executor.refuse(spec, error.message)
    return Done(action)


@contextmanager
def _undone(spec: SessionSpec, world: World) -> Iterator[None]:
    """Take a start back that comes to nothing: the next try is another session, with a worktree of its own.

    One that a crash had cut off is known already, and is tried again as it is.
    """
    is_known = world.executor.folder(spec.id).exists()
    try:
        yield
    except Exception:
        if not is_known:
            for undo in (world.worktrees.release, world.executor.withdraw):
                with suppress(SwarmError, OSError):
                    undo(spec.id)
        raise


class _Seen(Struct, frozen=True):
    """What agents' content decides the time of: a conflict laid out, or the work of a session that is looked at."""

    laid: LaidOut | None = None
    work: Capture | None = None


def _see(action: StartSession, world: World) -> _Seen | None:
    """Look at what others wrote, in the background; None while that goes on."""
    match action.spec:
        case MergeSpec(id=id_, base=base, head=head):
            lay_out = partial(world.engine.conflicts.lay_out, base, head, action.auto)
            return world.background.run(f"conflict {id_}", (base, head), lambda: _Seen(laid=lay_out()))
        case TriageSpec(base=base, attempt=attempt, watched=watched):
            what = ("triage", base, attempt)
            return world.background.run(f"triage {watched}", what, lambda: _Seen(work=work_of(watched, world)))
        case _:
            return _Seen()


def _prepare(
    action: StartSession, world: World, policy: Policy, seen: _Seen
) -> tuple[dict[str, bytes], Lease, Confined]:
    """Return what a session finds in its folder, its worktree, and how its program is run."""
    spec = action.spec
    laid = seen.laid
    base = laid.commit if laid is not None else spec.base
    lease = _lease(spec.id, base, action, world)
    if seen.work is not None:
        show_work(spec.id, base, seen.work, world)
    if action.carry is not None:
        world.worktrees.carry(spec.id, spec.base, action.carry, action.carry_paths)
    folder = world.executor.folder(spec.id)
    keys = world.sandbox.granted(policy, action.runtime.name)
    listed = policy.programs_of(action.task.role)
    placement = Placement(spec, lease.tree, folder, spec.ports, world.machine.host_env, keys, listed)
    named = (action.runtime.run, *_shell_texts(action.worktree.setup))
    where = Confinement(spec, action.task.role, lease.tree, folder, action.runtime.name, named, action.runtime.files)
    confined = world.sandbox.confine(world.runtimes.command_for(action.runtime, placement), policy, where)
    files = _files(action) if laid is None else {**_files(action), **conflict_files(action.prompt, laid)}
    watched = tampering.before(world, confined.sandbox.strength)
    if watched is not None:
        files[paths.SETTINGS_FILE] = _json(watched)
    return files, lease, confined


def _lease(session: SessionId, base: CommitId, action: StartSession | RunGate, world: World) -> Lease:
    """Return a session's worktree."""
    pool = "gates" if isinstance(action, RunGate) else POOL.get(action.spec.kind, "agents")
    only = () if isinstance(action, RunGate) else _only(action)
    try:
        return world.worktrees.lease(session, base, action.worktree, pool, only)
    except OSError as error:
        fault = fault_of(error) or PersonMustAct(str(error), "swarmgit doctor")
        raise _no_worktree(fault) from error
    except SwarmError as error:
        raise _no_worktree(error) from error


def _no_worktree(error: SwarmError) -> PersonMustAct:
    said = f"its worktree could not be made: {error.message}"
    return PersonMustAct(said, error.hint, error.cause or "cause/worktree")


def _start_spec(
    spec: SessionSpec, confined: Confined, lease: Lease, config: WorktreeConfig, files: Mapping[str, bytes]
) -> StartSpec:
    named = replace(
        spec,
        sandbox=confined.sandbox.text,
        credentials_end=confined.expires,
        output_bytes_max=confined.output_bytes_max,
    )
    setup = _setup(config, lease, confined)
    return StartSpec(named, confined.argv, str(lease.tree), confined.env, setup, {**files, **confined.files})


def _shell_texts(commands: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(("/bin/sh", "-c", command) for command in commands)


def _only(action: StartSession) -> tuple[str, ...]:
    """Return what a sparse worktree holds: what the task may change or reads, what set-up hangs on, and the intent."""
    if not action.worktree.sparse or action.spec.kind == "merge":
        return ()
    scope, config = action.task.scope, action.worktree
    return (*scope.owns, *scope.shares, *scope.reads, *config.setup_key, f"{paths.SWARM}/**", ".git*")


def _files(action: StartSession) -> dict[str, bytes]:
    feedback = msgspec.to_builtins(action.feedback) if action.feedback else None
    return {
        "prompt.md": action.prompt.encode(),
        "task.json": _json(_task_document(action.task)),
        "feedback.json": _json(feedback),
    }


def _task_document(task: Task) -> object:
    plain = msgspec.to_builtins(task)
    return {"version": 1, **{key: value for key, value in plain.items() if key != "path"}}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def run_gate(action: RunGate, world: World, policy: Policy) -> Outcome:
    """Start a gate run on a checkout of exactly the tree in question, with nothing that an earlier run has left.

    Where it cannot start nothing was said of the tree: that is a failure of this step.
    """
    spec = action.spec
    config = replace(action.worktree, share=())
    action = replace(action, worktree=config)
    with _undone(spec, world):
        lease = _lease(spec.id, spec.base, action, world)
        folder = world.executor.folder(spec.id)
        argv = ("/bin/sh", "-c", GATE_SCRIPT, "gate", spec.command, spec.junit or "", str(folder / paths.JUNIT_FILE))
        env = {**world.machine.host_env, "SWARM_SESSION": spec.id, "SWARM_GATE": spec.gate, "CI": "true"}
        named = _shell_texts((spec.command, *config.setup))
        where = Confinement(spec, "gate", lease.tree, folder, named=named)
        confined = world.sandbox.confine(Command(argv, env), policy, where)
        world.executor.start(_start_spec(spec, confined, lease, config, {}))
    return Done(action)


def stop(action: StopSession, world: World) -> Outcome:
    if action.excess is not None:  # before the stop, which the session may end by
        world.executor.write(action.session, paths.EXCESS_FILE, _json(msgspec.to_builtins(action.excess)))
    world.executor.cancel(action.session, action.stop, action.grace_s)
    return Done(action)


def _setup(config: WorktreeConfig, lease: Lease, confined: Confined) -> tuple[str, ...]:
    """Return the set-up commands to run; the last two list what they made and keep a copy, before anybody else comes.

    They run in the sandbox: part of what they run may be an agent's work. The list and the copy are written outside
    of it, where nothing that runs inside can change them; the list comes through a pipe, or who makes it could.
    """
    if not lease.needs_setup:
        return ()
    listed = str(confined.folder / paths.SETUP_FILE)
    return (
        *(_inside(confined.around, command) for command in config.setup),
        f"{_inside(confined.beside, SETUP_LIST)} | head -c {SETUP_BYTES_MAX} > {shlex.quote(listed)}",
        shlex.join((*lease.keep_setup, listed)),
    )


def _inside(around: tuple[str, ...], command: str) -> str:
    """Return the shell's text that runs a shell's text in the sandbox."""
    return shlex.join((*around, "/bin/sh", "-c", command))


def retire(action: Retire, world: World) -> Outcome:
    """Let a session go: its processes are gone and its facts are recorded."""
    world.executor.reap(action.session)
    remember_setup(action.session, world)
    world.worktrees.release(action.session)
    world.executor.forget(action.session)
    return Done(action)


def set_aside(action: SetAside, world: World) -> Outcome:
    """Stop following a session whose work cannot be taken in. No process of it is left; its worktree stays as it is.

    A later `reconcile` finds a worktree without a session, and saves what is in it before it gives it back.
    """
    world.executor.end(action.session)
    world.executor.forget(action.session)
    return Done(action)
