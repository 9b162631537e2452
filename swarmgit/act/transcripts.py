"""What a session was told and has said, kept for a while after its folder is gone. Never with a secret in it."""

from __future__ import annotations

from datetime import datetime

from swarmgit.model.ids import SessionId
from swarmgit.model.sessions import SessionSpec
from swarmgit.ports.world import World

FILES = ("prompt.md", "stdout.jsonl", "stderr.log")
HEAD_BYTES_MAX = 256 << 10
TAIL_BYTES_MAX = 512 << 10


def keep(spec: SessionSpec, at: datetime, world: World) -> str:
    """Keep a session's transcript as one commit and return its ref; `at`: when the session ended."""
    place = f"the transcript of session {spec.id}"
    found = {name: world.secrets.redact(_bounded(spec.id, name, world), place) for name in FILES}
    message = f"Session {spec.id}: {spec.task} by {spec.agent}"
    return world.transcripts.keep(spec.id, {name: text for name, text in found.items() if text}, message, at)


def _bounded(session: SessionId, name: str, world: World) -> bytes:
    """Return a file, or its beginning and its end as whole lines where it is long: half a secret cannot be told."""
    head = world.executor.read(session, name, 0, HEAD_BYTES_MAX)
    if len(head) < HEAD_BYTES_MAX:
        return head
    size = (world.executor.folder(session) / name).stat().st_size
    left = size - HEAD_BYTES_MAX
    if left <= TAIL_BYTES_MAX:
        return head + world.executor.read(session, name, HEAD_BYTES_MAX, TAIL_BYTES_MAX)
    tail = world.executor.read(session, name, size - TAIL_BYTES_MAX, TAIL_BYTES_MAX)
    begins, ends = head.rpartition(b"\n")[0], tail.partition(b"\n")[2]
    return b"%s\n[%d bytes left out]\n%s" % (begins, size - len(begins) - len(ends) - 1, ends)
