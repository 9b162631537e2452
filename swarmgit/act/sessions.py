"""Sessions and gate runs: place them in a worktree, start, stop, take their work in, let them go."""

from __future__ import annotations

import json
import shlex
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from swarmgit.documents import paths
from swarmgit.documents.state import to_json
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model import trailers
from swarmgit.model.actions import FinishSession, Retire, RunGate, StartSession, StopSession
from swarmgit.model.desired import Policy, Task, WorktreeConfig
from swarmgit.model.ids import SessionId
from swarmgit.model.outcomes import Done, Outcome
from swarmgit.model.work import Capture, SessionSpec, Taken
from swarmgit.ports import Command, Identity, Lease, Placement, StartSpec, World

PORT_FIRST = 10240
PORT_REGIONS = 55
PORTS_PER_REGION = 400
MESSAGE_BYTES_MAX = 16 << 10
SETUP_BYTES_MAX = 4 << 20

GATE_SCRIPT = (
    'rm -f -- "$2"; /bin/sh -c "$1"; code=$?; '
    'if [ -n "$2" ] && [ -f "$2" ] && [ ! -L "$2" ]; then cp -- "$2" "$3"; fi; exit $code'
)
"""Runs the gate's command, then brings the report that it wrote into the session folder."""


def start(action: StartSession, world: World, policy: Policy) -> Outcome:
    """Start an agent's session; what cannot start leaves a folder that says why, and is observed like any other end."""
    spec = action.spec
    try:
        lease = world.worktrees.lease(spec.id, spec.base, action.worktree, "agents", _only(action))
        if action.carry is not None:
            world.worktrees.carry(spec.id, spec.base, action.carry, action.carry_paths)
        ports = _ports(lease, action.ports)
        environ = {**world.host_env, **_credentials(spec.runtime, world, policy)}
        placement = Placement(spec, lease.tree, world.executor.folder(spec.id), ports, environ)
        command = world.confine(world.command_for(action.runtime, placement), policy, lease.tree)
    except SwarmError as error:
        world.executor.refuse(spec, error.message)
        return Done(action)
    setup = _setup(action.worktree, lease, world.executor.folder(spec.id))
    return _run(action, StartSpec(spec, command.argv, str(lease.tree), command.env, setup, _files(action)), world)


def _credentials(runtime: str, world: World, policy: Policy) -> dict[str, str]:
    """Return the variables of the person's environment that policy names for a runtime, those that are set."""
    found = {name: world.credential(name) for name in policy.credentials.get(runtime, ())}
    return {name: value for name, value in found.items() if value is not None}


def _run(action: StartSession | RunGate, spec: StartSpec, world: World) -> Outcome:
    try:
        world.executor.start(spec)
    except PersonMustAct as error:
        world.executor.refuse(spec.spec, error.message)
    return Done(action)


def _only(action: StartSession) -> tuple[str, ...]:
    """Return what a sparse worktree holds: what the task may change or reads, what set-up hangs on, and the intent."""
    if not action.worktree.sparse:
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


def _ports(lease: Lease, count: int) -> tuple[int, ...]:
    """Return the ports of a session: by its worktree's slot, so that no two live sessions of a repository share one.

    Each repository has a region of its own (chosen by its store's path) below the ephemeral ports of Linux.
    """
    pool, _, slot = lease.slot.rpartition("/")
    store = str(lease.tree).partition(f"/{pool}/{slot}/")[0]
    region = zlib.crc32(store.encode("utf-8", "surrogateescape")) % PORT_REGIONS
    offset = region * PORTS_PER_REGION + (int(slot) - 1) * count
    return tuple(PORT_FIRST + (offset + number) % (PORT_REGIONS * PORTS_PER_REGION) for number in range(count))


def run_gate(action: RunGate, world: World, policy: Policy) -> Outcome:
    """Start a gate run on a checkout of exactly the tree in question."""
    spec = action.spec
    try:
        lease = world.worktrees.lease(spec.id, spec.base, action.worktree, "gates")
    except SwarmError as error:
        world.executor.refuse(spec, error.message)
        return Done(action)
    folder = world.executor.folder(spec.id)
    argv = ("/bin/sh", "-c", GATE_SCRIPT, "gate", spec.command, spec.junit or "", str(folder / paths.JUNIT_FILE))
    env = {**world.host_env, "SWARM_SESSION": spec.id, "SWARM_GATE": spec.gate or "", "CI": "true"}
    command = world.confine(Command(argv, env), policy, lease.tree)
    setup = _setup(action.worktree, lease, folder)
    return _run(action, StartSpec(spec, command.argv, str(lease.tree), command.env, setup), world)


def stop(action: StopSession, world: World) -> Outcome:
    world.executor.cancel(action.session, action.reason, action.grace_s)
    return Done(action)


def finish(action: FinishSession, world: World) -> Outcome:
    """Take a session's work in. `capture.json` is written last: with it the session is finished, whatever comes."""
    spec = action.spec
    world.executor.reap(spec.id)
    capture = _capture(action, world) if world.worktrees.path(spec.id) is not None else None
    world.fault("capture")
    world.executor.write(spec.id, paths.CAPTURE_FILE, to_json(Taken(capture)))
    return Done(action)


def _capture(action: FinishSession, world: World) -> Capture:
    spec = action.spec
    assert spec.task is not None
    assert spec.agent is not None
    _remember_setup(spec.id, world)
    maker = trailers.Maker(spec.task, spec.agent, spec.id, spec.model or spec.runtime, spec.attempt)
    subject, body = _words(action, world)
    author = Identity(spec.agent, f"{spec.agent}@{trailers.AGENT_DOMAIN}")
    capture = world.worktrees.capture(spec.id, trailers.message(subject, body, maker), author, _ended(spec, world))
    world.engine.pin(paths.captured_ref(spec.task, spec.id), capture.commit)
    salvage = None
    if action.salvage and capture.changes:
        salvage = paths.salvage_ref(spec.task, spec.id)
        world.engine.salvage(salvage, capture.commit)
    return replace(capture, gate_inputs=world.engine.gate_inputs(capture.commit, action.gates), salvage=salvage)


def _words(action: FinishSession, world: World) -> tuple[str, str]:
    """Return subject and body of the commit: from the agent's outbox, else of its own last commit, else the title."""
    raw = world.executor.read(action.spec.id, paths.MESSAGE_FILE, 0, MESSAGE_BYTES_MAX)
    said = raw.decode("utf-8", "replace") or world.worktrees.agent_message(action.spec.id) or ""
    text = said.replace("\0", "").strip()
    lines = [line for line in text.splitlines() if not line.startswith("Swarm-")]
    if not lines:
        return action.title, ""
    return lines[0], "\n".join(lines[1:])


def _ended(spec: SessionSpec, world: World) -> datetime:
    """Return when a session ended: the capture must be the same commit however often it is made."""
    job = world.executor.poll([spec.id]).get(spec.id)
    at = (job.ended or job.last_output) if job else None
    return (at or spec.started).astimezone(UTC).replace(microsecond=0)


def _setup(config: WorktreeConfig, lease: Lease, folder: Path) -> tuple[str, ...]:
    """Return the set-up commands to run, the last of which lists what they made, before anybody else makes files."""
    if not lease.needs_setup:
        return ()
    listed = shlex.quote(str(folder / paths.SETUP_FILE))
    return (*config.setup, f"{{ printf 'done\\0'; git ls-files --others --directory -z; }} > {listed}")


def _remember_setup(session: SessionId, world: World) -> None:
    raw = world.executor.read(session, paths.SETUP_FILE, 0, SETUP_BYTES_MAX)
    done, *outputs = raw.split(b"\0")
    if done == b"done" and world.worktrees.path(session) is not None:
        names = [name.decode("utf-8", "surrogateescape").rstrip("/") for name in outputs if name]
        world.worktrees.setup_done(session, [name for name in names if name != ".git"])


def retire(action: Retire, world: World) -> Outcome:
    """Let a session go: its processes are gone and its facts are recorded."""
    world.executor.reap(action.session)
    _remember_setup(action.session, world)
    world.worktrees.release(action.session)
    world.executor.forget(action.session)
    return Done(action)
