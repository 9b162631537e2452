"""Take a session's work in once it has ended, in the background: what an agent wrote decides how long that takes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from swarmgit.act import tampering, transcripts
from swarmgit.documents import paths
from swarmgit.documents.as_json import to_json
from swarmgit.documents.commit_words import landed_words
from swarmgit.model import trailers
from swarmgit.model.actions import FinishSession
from swarmgit.model.git import Identity
from swarmgit.model.ids import SessionId
from swarmgit.model.intake import Intake, LeftOut
from swarmgit.model.outcomes import Done, Outcome, Underway
from swarmgit.model.policy import Policy
from swarmgit.model.secrets import Secret
from swarmgit.model.sessions import SessionSpec
from swarmgit.model.work import Capture, Taken
from swarmgit.ports.world import World

MESSAGE_BYTES_MAX = 16 << 10
SETUP_BYTES_MAX = 4 << 20


def finish(action: FinishSession, world: World, policy: Policy) -> Outcome:
    """Take a session's work in, in the background."""
    taken = world.background.run(action.spec.id, "capture", lambda: _finish(action, world, policy))
    return taken or Underway(action)


def _finish(action: FinishSession, world: World, policy: Policy) -> Done:
    """Take a session's work in. `capture.json` is written last: with it the session is finished, whatever comes."""
    spec = action.spec
    world.executor.reap(spec.id)
    capture = _capture(action, world, policy) if world.worktrees.path(spec.id) is not None else None
    world.fault("capture")
    transcript = transcripts.keep(spec, _ended(spec, world), world) if policy.transcripts else None
    world.fault("transcript")
    world.executor.write(spec.id, paths.CAPTURE_FILE, to_json(Taken(capture, transcript)))
    return Done(action)


def _capture(action: FinishSession, world: World, policy: Policy) -> Capture:
    spec = action.spec
    remember_setup(spec.id, world)
    settings, tampered = tampering.found(spec.id, world)  # before the engine's settings are mended
    maker = trailers.Maker(spec.task, spec.agent, spec.id, spec.model or spec.runtime, spec.attempt)
    subject, body = _words(action, world)
    own_subject = subject if subject != action.title else ""
    author = Identity(spec.agent, f"{spec.agent}@{trailers.AGENT_DOMAIN}")
    message = trailers.message(subject, body, maker)
    if action.without_base:
        capture = world.worktrees.rescue(spec.id, message, author, _ended(spec, world))
    else:
        file_bytes = int(policy.limits.work_file_mb * (1 << 20))
        intake = Intake(action.scope, policy.protected_paths, tuple(world.runtimes.obeyed()), file_bytes)
        capture = world.worktrees.capture(spec.id, message, author, _ended(spec, world), intake)
    if spec.kind == "merge" and not action.without_base:
        proposal = world.engine.conflicts.propose(capture.commit, action.auto)
        capture = replace(capture, commit=proposal.commit, markers=proposal.markers, undecided=proposal.undecided)
    secrets = _secrets(capture, spec.id, world, policy)
    objections = (*capture.objections, *settings)
    capture = replace(capture, secrets=secrets, tampered=tampered, objections=objections, subject=own_subject)
    capture = replace(capture, left_out=_keep(capture.left_out, spec, world))
    world.engine.pin({paths.captured_ref(spec.task, spec.id): capture.commit})
    salvage = None
    if action.without_base or (action.salvage and capture.changes):
        salvage = paths.salvage_ref(spec.task, spec.id)
        world.engine.salvage(salvage, capture.commit)
    return replace(capture, gate_inputs=world.engine.gate_inputs(capture.commit, action.gates), salvage=salvage)


def _keep(left: LeftOut | None, spec: SessionSpec, world: World) -> LeftOut | None:
    """Save what was left out of the work in the person's repository, and return it with its name there."""
    if left is None or spec.task is None:
        return None
    ref = paths.left_out_ref(spec.task, spec.id)
    world.engine.salvage(ref, left.commit)
    return replace(left, ref=ref, commit=world.objects.ref(ref) or left.commit)


def _secrets(capture: Capture, session: SessionId, world: World, policy: Policy) -> tuple[Secret, ...]:
    """Return what looks like a secret in the lines that the work adds."""
    tree = world.worktrees.path(session)
    changed = [change.path for change in capture.changes if change.new_mode != "000000"]
    if tree is None or not changed:
        return ()
    before = partial(world.worktrees.before, session)
    return world.secrets.added(tree, changed, before, policy.secrets.allow, capture.links)


def _words(action: FinishSession, world: World) -> tuple[str, str]:
    """Return subject and body of the commit: from the agent's outbox, else of its own last commit, else the title."""
    raw = world.executor.read(action.spec.id, paths.MESSAGE_FILE, 0, MESSAGE_BYTES_MAX)
    said = raw.decode("utf-8", "replace").strip() or world.worktrees.agent_message(action.spec.id) or ""
    place = f"the commit message of session {action.spec.id}"
    text = world.secrets.redact(said.encode("utf-8", "replace"), place)
    subject, body = landed_words(text.decode("utf-8", "replace"))
    return (subject, body) if subject else (action.title, "")


def _ended(spec: SessionSpec, world: World) -> datetime:
    """Return when a session ended: the capture must be the same commit however often it is made."""
    job = world.executor.poll([spec.id]).get(spec.id)
    at = (job.ended or job.last_output) if job else None
    return (at or spec.started).astimezone(UTC).replace(microsecond=0)


def remember_setup(session: SessionId, world: World) -> None:
    raw = world.executor.read(session, paths.SETUP_FILE, 0, SETUP_BYTES_MAX)
    *outputs, done, rest = [b"", *raw.split(b"\0")]
    if (done, rest) == (b"done", b"") and world.worktrees.path(session) is not None:
        names = [name.decode("utf-8", "surrogateescape").rstrip("/") for name in outputs if name]
        world.worktrees.setup_done(session, [name for name in names if name != ".git"])
