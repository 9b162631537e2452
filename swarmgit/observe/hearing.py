"""Listening to what sessions print: a bounded piece at a look, a place in each stream that survives the process.

The reader of each session is a boundary: whatever it raises makes that session deaf, and nobody else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import msgspec
from msgspec import Struct, field

from swarmgit.documents import paths
from swarmgit.documents.as_json import from_session, to_json
from swarmgit.errors import SwarmError, TryLater
from swarmgit.model.events import Stream
from swarmgit.model.health import Hearing
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job
from swarmgit.observe.novelty import Novelty
from swarmgit.ports.runtimes import ErrorReader, KeepingReader, StreamReader
from swarmgit.ports.sessions import Executor, SessionReader

OUT, ERRORS = "stdout.jsonl", "stderr.log"
LIVE = frozenset({"queued", "running", "unknown"})
PIECE_BYTES = 32 << 10
LOOK_BYTES_MAX = 4 << 20
LOOK_S_MAX = 0.05
"""What is read at one look, of all sessions together; the rest is for the next. One piece is always read."""

ERRORS_BYTES_MAX = 32 << 10
"""Of standard error so much is heard at a look, its end: it is for people, and says nothing that has to add up."""

UNREAD_BYTES_MAX = 64 << 20
END_BYTES = 16 << 20
"""What an ended session left unread beyond the first of these is passed over, but for its end; and that is told."""

KEPT_EVERY_BYTES = 256 << 10
KEPT_BYTES_MAX = 16 << 20
SEAL_BYTES = 32
TAIL_BYTES = 4000
WORDS_CHARS_MAX = 300


class Ear(Struct):
    """What has been read of one session. `seal`: the last bytes that were read; `kept_at`: where it was noted last.

    `is_final`: the size was taken after the session had ended, so nothing is added to it any more.
    """

    reader: StreamReader
    adapter: str = ""
    offset: int = 0
    seal: bytes = b""
    kept_at: int = 0
    size: int = 0
    is_final: bool = False
    turn: int = 0
    passed_over: int = 0
    deaf: str = ""
    was_rewritten: bool = False
    novelty: Novelty = field(default_factory=Novelty)
    errors_at: int = 0
    errors_tail: bytes = b""
    said: Stream = field(default_factory=Stream)
    is_stale: bool = True

    @property
    def hearing(self) -> Hearing:
        """Return how well the session is heard."""
        return Hearing(max(0, self.size - self.offset), self.passed_over, self.deaf, self.was_rewritten)

    @property
    def is_at_the_end(self) -> bool:
        return bool(self.deaf) or self.offset >= self.size

    def feed(self, piece: bytes, at: datetime | None) -> None:
        """Take the next bytes of its output."""
        self.is_stale = True
        self.novelty.feed(piece, at)
        try:
            self.reader.feed(piece)
        except Exception as error:  # noqa: BLE001  the reader may be anybody's, and what it reads is an agent's
            self._become_deaf(error)

    def stream(self) -> Stream:
        """Return what the session has said so far; what it had said before its reader broke."""
        if self.is_stale and not self.deaf:
            self.is_stale = False
            try:
                self.said = _checked(self.reader)
            except Exception as error:  # noqa: BLE001  as above
                self._become_deaf(error)
        return self.said

    def feed_errors(self, piece: bytes) -> None:
        """Take bytes of its standard error."""
        reader = self.reader
        try:
            if isinstance(reader, ErrorReader) and reader.hears_errors:
                reader.feed_errors(piece)
                self.is_stale = True
        except Exception as error:  # noqa: BLE001  as above
            self._become_deaf(error)

    def _become_deaf(self, error: Exception) -> None:
        self.deaf = f"the reader of {self.adapter or 'its runtime'} failed on what it printed ({reason_of(error)})"


class _Kept(Struct, forbid_unknown_fields=True):
    """An ear's place, and what it knew there: in one file, so that they fit."""

    adapter: str
    offset: int
    seal: bytes
    passed_over: int
    was_rewritten: bool
    state: msgspec.Raw
    version: int = 1


def reason_of(error: Exception) -> str:
    """Return an error in one short line that can be shown."""
    shown = f"{type(error).__name__}: {error}"[:WORDS_CHARS_MAX]
    return "".join(letter if letter.isprintable() else " " for letter in shown)


@contextmanager
def _bounded(ear: Ear) -> Iterator[None]:
    """Let what goes wrong with one session make it deaf, and nobody else; TryLater is the machine's."""
    try:
        yield
    except TryLater:
        raise
    except Exception as error:  # noqa: BLE001  the reader may be anybody's, and the files are an agent's
        ear._become_deaf(error)


def _checked(reader: StreamReader) -> Stream:
    """Return a reader's stream; what somebody else's says has to have the types of one."""
    said = reader.stream()
    if isinstance(reader, KeepingReader):  # ours, by its state
        return said
    return msgspec.convert(msgspec.to_builtins(said), Stream)


class Listener:
    """Listens to many sessions, each in its turn. `writes`: who notes for other processes what was read; None: nobody.

    `readers` makes the reader for an adapter's stream.
    """

    def __init__(
        self,
        executor: SessionReader,
        readers: Callable[[str], StreamReader],
        awake_s: Callable[[], float],
        writes: Executor | None = None,
    ) -> None:
        self._executor = executor
        self._readers = readers
        self._awake_s = awake_s
        self._writes = writes
        self._ears: dict[SessionId, Ear] = {}
        self._turn = 0

    def listen(self, jobs: Iterable[tuple[SessionId, Job, str]], all_ids: Iterable[SessionId]) -> dict[SessionId, Ear]:
        """Return the ears of these sessions (with their adapters' names) after one more look at all of them."""
        for gone in self._ears.keys() - set(all_ids):
            del self._ears[gone]
        here = {id_: (self._ear(id_, adapter), job) for id_, job, adapter in jobs}
        for id_, (ear, job) in here.items():
            with _bounded(ear):
                self._look(id_, ear, job)
        self._read(here)
        if self._writes is not None:
            for id_, (ear, _) in here.items():
                with _bounded(ear):
                    self._keep(id_, ear, self._writes)
        return {id_: ear for id_, (ear, _) in here.items()}

    def _ear(self, id_: SessionId, adapter: str) -> Ear:
        ear = self._ears.get(id_)
        if ear is None:
            ear = self._ears[id_] = self._new(adapter)
            with _bounded(ear):
                self._restore(id_, ear)
        return ear

    def _new(self, adapter: str) -> Ear:
        """Return an ear with the adapter's reader; plain JSON lines where it is not installed (any more)."""
        try:
            return Ear(self._readers(adapter), adapter)
        except SwarmError:
            return Ear(self._readers("command"), "command")
        except Exception as error:  # noqa: BLE001  the adapter may be anybody's
            ear = Ear(self._readers("command"), adapter)
            ear._become_deaf(error)
            return ear

    def _look(self, id_: SessionId, ear: Ear, job: Job) -> None:
        """See how much there is to read."""
        if ear.deaf or (ear.is_final and ear.offset >= ear.size):
            return
        ear.size = self._executor.size(id_, OUT) or 0
        ear.is_final = job.state not in LIVE
        if ear.size < ear.offset:
            self._rewritten(ear)
        if job.state in LIVE:
            self._hear_errors(id_, ear, job)
        elif ear.size - ear.offset > UNREAD_BYTES_MAX:
            begin = ear.size - END_BYTES
            ear.passed_over += begin - ear.offset
            ear.feed(b"\n", job.last_output)
            ear.offset, ear.seal = begin, b""

    def _hear_errors(self, id_: SessionId, ear: Ear, job: Job) -> None:
        size = self._executor.size(id_, ERRORS) or 0
        if size == ear.errors_at:
            return
        begin = max(ear.errors_at if size > ear.errors_at else 0, size - ERRORS_BYTES_MAX)
        piece = self._executor.read(id_, ERRORS, begin, ERRORS_BYTES_MAX)
        ear.errors_at = begin + len(piece)
        ear.feed_errors(piece)
        ear.novelty.feed(piece, job.last_output, "stderr")
        ear.errors_tail = (ear.errors_tail + piece)[-TAIL_BYTES:]

    def _read(self, here: dict[SessionId, tuple[Ear, Job]]) -> None:
        """Read of each that has more in its turn, who was not read for longest first, within the bounds of a look."""
        waiting = sorted(
            (id_ for id_, (ear, _) in here.items() if not ear.is_at_the_end), key=lambda i: here[i][0].turn
        )
        queue, left, begun = deque(waiting), LOOK_BYTES_MAX, self._awake_s()
        while queue and left > 0:
            id_ = queue.popleft()
            ear, job = here[id_]
            self._turn += 1
            ear.turn = self._turn
            with _bounded(ear):
                left -= self._piece(id_, ear, job)
            if not ear.is_at_the_end:
                queue.append(id_)
            if self._awake_s() - begun >= LOOK_S_MAX:
                break

    def _piece(self, id_: SessionId, ear: Ear, job: Job) -> int:
        """Read one piece; return its size. What was read before has to be there still."""
        begin = ear.offset - len(ear.seal)
        raw = self._executor.read(id_, OUT, begin, min(PIECE_BYTES, ear.size - ear.offset) + len(ear.seal))
        if not raw.startswith(ear.seal) or len(raw) == len(ear.seal):
            self._rewritten(ear)
            return PIECE_BYTES
        piece = raw[len(ear.seal) :]
        ear.feed(piece, job.last_output)
        ear.offset += len(piece)
        ear.seal = raw[-SEAL_BYTES:]
        return len(piece)

    def _rewritten(self, ear: Ear) -> None:
        """Go on behind what is there: what was heard counts, and nothing of it twice."""
        ear.was_rewritten = True
        ear.offset, ear.seal = ear.size, b""

    def _restore(self, id_: SessionId, ear: Ear) -> None:
        reader = ear.reader
        if ear.deaf or not isinstance(reader, KeepingReader):
            return
        with suppress(ValueError):
            kept = from_session(self._executor.read(id_, paths.HEARD_FILE, 0, KEPT_BYTES_MAX), _Kept)
            if (
                kept.version == 1
                and kept.adapter == ear.adapter
                and kept.offset >= 0
                and reader.restore(bytes(kept.state))
            ):
                ear.offset = ear.kept_at = kept.offset
                ear.seal, ear.passed_over, ear.was_rewritten = kept.seal, kept.passed_over, kept.was_rewritten

    def _keep(self, id_: SessionId, ear: Ear, writes: Executor) -> None:
        """Note place and knowledge for other processes, now and then: the little that is missing is read again."""
        reader = ear.reader
        if ear.deaf or ear.offset - ear.kept_at < KEPT_EVERY_BYTES or not isinstance(reader, KeepingReader):
            return
        ear.kept_at = ear.offset
        state = msgspec.Raw(reader.state())
        kept = _Kept(ear.adapter, ear.offset, ear.seal, ear.passed_over, ear.was_rewritten, state)
        with suppress(OSError):  # a folder that the session has made unusable
            writes.write(id_, paths.HEARD_FILE, to_json(kept))
