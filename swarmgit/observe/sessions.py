"""Sessions as they stand: their processes, what they have said so far, what was captured, what a gate answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.documents.paths import (
    ACCEPTED_FILE,
    CAPTURE_FILE,
    JUNIT_FILE,
    PREDICTION_FILE,
    REPORT_FILE,
    SUMMARY_FILE,
)
from swarmgit.documents.state import from_json
from swarmgit.errors import SwarmError
from swarmgit.model.desired import Price, Swarm
from swarmgit.model.handoffs import Acceptance, Summary
from swarmgit.model.ids import SessionId
from swarmgit.model.usage import Usage
from swarmgit.model.work import Evidence, Prediction, Pushed, Session, SessionSpec, SessionState, Stream, Taken
from swarmgit.observe import gate_answers, pushes
from swarmgit.observe.vitals import Novelty
from swarmgit.ports import ErrorReader, Executor, Job, Outlook, StreamReader

CHUNK_BYTES = 1 << 20
STREAM_BYTES_MAX = 64 << 20
OUTPUT_BYTES_MAX = 8 << 20
REPORT_BYTES_MAX = 1 << 20
HANDOFF_BYTES_MAX = 64 << 10
TAIL_CHARS = 4000

STATES: dict[str, SessionState] = {"queued": "starting", "running": "running", "lost": "lost"}


class Readers(Protocol):
    def __call__(self, adapter: str, /) -> StreamReader:
        """Return a new reader for a runtime's stream."""


class _Ear(Struct):
    """What has been read of one session; read on, never again."""

    reader: StreamReader
    errors: ErrorReader | None = None
    offset: int = 0
    final: dict[str, object] = field(default_factory=dict)
    novelty: Novelty = field(default_factory=Novelty)
    stderr_offset: int = 0
    stderr_tail: bytes = b""


class Prices(Protocol):
    def __call__(self, models: tuple[str, ...], usage: Usage, prices: Mapping[str, Price], /) -> float | None:
        """Return what tokens cost by the names of the model, None where nobody knows."""


class Outlooks(Protocol):
    def __call__(self, adapter: str, models: tuple[str, ...], windows: Mapping[str, int], /) -> Outlook:
        """Return what is known beforehand of an adapter's sessions with one of these models."""


class SessionWatcher:
    """Turns jobs into sessions. Keeps its place in each stream; a new process starts over and gets the same."""

    def __init__(self, executor: Executor, readers: Readers, price: Prices, outlook: Outlooks) -> None:
        self._executor = executor
        self._readers = readers
        self._price = price
        self._outlook = outlook
        self._prices: Mapping[str, Price] = {}
        self._windows: Mapping[str, int] = {}
        self._ears: dict[SessionId, _Ear] = {}
        self._evidence: dict[SessionId, Evidence | None] = {}
        self._pushed: dict[SessionId, Pushed | None] = {}

    def sessions(self, swarm: Swarm | None) -> dict[SessionId, Session]:
        """Return every session that is not forgotten, read as `swarm` configures the runtimes."""
        adapters = {name: runtime.adapter for name, runtime in swarm.runtimes.items()} if swarm else {}
        self._prices = swarm.prices if swarm else {}
        self._windows = swarm.context_windows if swarm else {}
        jobs = self._executor.poll()
        for gone in self._ears.keys() - jobs.keys():
            del self._ears[gone]
        for gone in self._evidence.keys() - jobs.keys():
            del self._evidence[gone]
        for gone in self._pushed.keys() - jobs.keys():
            del self._pushed[gone]
        return {id_: self._session(id_, job, adapters) for id_, job in jobs.items()}

    def _session(self, id_: SessionId, job: Job, adapters: Mapping[str, str]) -> Session:
        if job.spec.kind == "gate":
            return self._gate(id_, job)
        if job.spec.kind == "push":
            return self._push(id_, job)
        ear = self._ears.get(id_)
        adapter = adapters.get(job.spec.runtime, job.spec.runtime)
        if ear is None:
            reader = self._reader(adapter)
            hears = isinstance(reader, ErrorReader) and reader.hears_errors
            ear = self._ears[id_] = _Ear(reader, reader if hears and isinstance(reader, ErrorReader) else None)
        is_over = job.state not in {"queued", "running", "unknown"}
        self._listen(id_, ear, job, to_the_end=is_over)
        taken = self._taken(id_) if is_over else None
        summary, acceptance = self._handoff(id_) if job.spec.kind == "agent" else (None, None)
        return Session(
            spec=job.spec,
            state=_state(job),
            pid=job.pid,
            ended=job.ended,
            exit_code=job.exit_code,
            error=self._error(id_, job),
            stop_reason=job.stop_reason,
            stop_at=job.stop_at,
            excess=job.excess,
            is_unheard=job.is_unheard,
            last_output=job.last_output,
            stream=self._with_outlook(self._priced(ear.reader.stream(), job.spec), job.spec, adapter),
            spoke=job.spoke,
            stderr_tail=self._tail(id_, "stderr.log") if is_over else ear.stderr_tail.decode("utf-8", "replace"),
            report=self._report(id_, ear) if is_over else None,
            is_finished=taken is not None,
            capture=taken.capture if taken else None,
            transcript=taken.transcript if taken else None,
            repetition=ear.novelty.said,
            predicted=None if is_over else self._predicted(id_),
            summary=summary,
            acceptance=acceptance,
        )

    def _handoff(self, id_: SessionId) -> tuple[Summary | None, Acceptance | None]:
        """Return what a session has written for a successor, and to its predecessor; mostly there is neither."""
        given, taken = (
            self._executor.read(id_, name, 0, HANDOFF_BYTES_MAX).decode("utf-8", "replace")
            for name in (SUMMARY_FILE, ACCEPTED_FILE)
        )
        if not (given or taken):
            return None, None
        from swarmgit.documents import answers  # most looks do not need it

        return answers.summary_in(given), answers.acceptance_in(taken)

    def _with_outlook(self, stream: Stream, spec: SessionSpec, adapter: str) -> Stream:
        """Return the stream with the window of its model, and whether the session can be asked anything."""
        if spec.kind != "agent":
            return stream
        models = tuple(name for name in (stream.model, spec.model) if name) if stream.context_used else ()
        seen = self._outlook(adapter, models, self._windows)
        is_set = any(name in self._windows for name in models)
        window = seen.window if is_set else stream.context_window or seen.window
        return replace(stream, context_window=window, takes_messages=stream.takes_messages or seen.takes_messages)

    def _priced(self, stream: Stream, spec: SessionSpec) -> Stream:
        """Return the stream with its price: what a person has set for the model, what the program said, the table's."""
        models = tuple(name for name in (stream.model, spec.model) if name)
        usage = stream.usage
        is_set = any(name in self._prices for name in models)
        if not models or not usage.tokens or (usage.usd is not None and not is_set):
            return stream
        return replace(stream, usage=replace(usage, usd=self._price(models, usage, self._prices)))

    def _reader(self, adapter: str) -> StreamReader:
        """Return the adapter's reader; plain JSON lines where the adapter is not installed (any more)."""
        try:
            return self._readers(adapter)
        except SwarmError:
            return self._readers("command")

    def _listen(self, id_: SessionId, ear: _Ear, job: Job, *, to_the_end: bool) -> None:
        if not to_the_end and ear.stderr_offset < STREAM_BYTES_MAX:
            chunk = self._executor.read(id_, "stderr.log", ear.stderr_offset, CHUNK_BYTES)
            if ear.errors is not None and ear.stderr_offset < OUTPUT_BYTES_MAX:
                ear.errors.feed_errors(chunk)
            ear.novelty.feed(chunk, job.last_output, "stderr")
            ear.stderr_offset += len(chunk)
            ear.stderr_tail = (ear.stderr_tail + chunk)[-TAIL_CHARS:]
        while ear.offset < STREAM_BYTES_MAX:
            chunk = self._executor.read(id_, "stdout.jsonl", ear.offset, CHUNK_BYTES)
            if not chunk:
                return
            ear.reader.feed(chunk)
            ear.novelty.feed(chunk, job.last_output)
            ear.offset += len(chunk)
            if not to_the_end:
                return

    def _taken(self, id_: SessionId) -> Taken | None:
        raw = self._executor.read(id_, CAPTURE_FILE, 0, OUTPUT_BYTES_MAX)
        if not raw:
            return None
        try:
            return from_json(raw, Taken)
        except ValueError:  # not ours, or cut off by a full disk: it is taken in again
            return None

    def _predicted(self, id_: SessionId) -> Prediction | None:
        raw = self._executor.read(id_, PREDICTION_FILE, 0, OUTPUT_BYTES_MAX)
        try:
            return from_json(raw, Prediction) if raw else None
        except ValueError:
            return None

    def _error(self, id_: SessionId, job: Job) -> str:
        if not job.setup_failed:
            return job.error
        return f"the worktree's set-up failed: {self._tail(id_, 'setup.log').strip()[-500:] or 'no output'}"

    def _report(self, id_: SessionId, ear: _Ear) -> str | None:
        if "report" not in ear.final:
            raw = self._executor.read(id_, REPORT_FILE, 0, REPORT_BYTES_MAX)
            ear.final["report"] = raw.decode("utf-8", "replace") if raw.strip() else None
        report = ear.final["report"]
        return report if isinstance(report, str) else None

    def _tail(self, id_: SessionId, name: str) -> str:
        return self._all(id_, name)[-TAIL_CHARS:]

    def _all(self, id_: SessionId, name: str) -> str:
        parts: list[bytes] = []
        offset = 0
        while offset < OUTPUT_BYTES_MAX:
            chunk = self._executor.read(id_, name, offset, CHUNK_BYTES)
            if not chunk:
                break
            parts.append(chunk)
            offset += len(chunk)
        return b"".join(parts).decode("utf-8", "replace")

    # --- gates and pushes -------------------------------------------------------------------------------------------

    def _gate(self, id_: SessionId, job: Job) -> Session:
        session = _without_words(job)
        return replace(session, evidence=self._answer(id_, job)) if session.is_finished else session

    def _push(self, id_: SessionId, job: Job) -> Session:
        session = _without_words(job)
        if not session.is_finished:
            return session
        if id_ not in self._pushed:
            output, words = self._all(id_, "stdout.jsonl"), self._all(id_, "stderr.log")
            self._pushed[id_] = pushes.answer(job, output, words)
        return replace(session, pushed=self._pushed[id_])

    def _answer(self, id_: SessionId, job: Job) -> Evidence | None:
        if id_ not in self._evidence:
            output = self._all(id_, "stdout.jsonl") + self._all(id_, "stderr.log")
            junit = self._executor.read(id_, JUNIT_FILE, 0, OUTPUT_BYTES_MAX) if job.spec.junit else b""
            at: datetime = job.ended or job.last_output or job.spec.started
            setup = self._tail(id_, "setup.log") if job.setup_failed else ""
            self._evidence[id_] = gate_answers.answer(job, output, junit or None, setup, at)
        return self._evidence[id_]


def _state(job: Job) -> SessionState:
    """Return where a session stands; one that ended unheard is as good as lost, whatever its exit code is."""
    is_over = job.state not in {"queued", "running", "unknown"}
    return "lost" if is_over and job.is_unheard else STATES.get(job.state, "ended")


def _without_words(job: Job) -> Session:
    """Return a session whose stream nobody follows: it is finished when it is over."""
    return Session(
        spec=job.spec,
        state=_state(job),
        pid=job.pid,
        ended=job.ended,
        exit_code=job.exit_code,
        error=job.error,
        stop_reason=job.stop_reason,
        stop_at=job.stop_at,
        excess=job.excess,
        is_unheard=job.is_unheard,
        last_output=job.last_output,
        is_finished=job.state not in {"queued", "running", "unknown"},
    )
