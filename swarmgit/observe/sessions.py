"""Sessions as they stand: their processes, what they have said so far, what was captured, what a gate answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from swarmgit.documents.as_json import from_session
from swarmgit.documents.paths import (
    ACCEPTED_FILE,
    CAPTURE_FILE,
    JUNIT_FILE,
    PREDICTION_FILE,
    REPORT_FILE,
    SUMMARY_FILE,
)
from swarmgit.model.desired import Price, Swarm
from swarmgit.model.events import Fault, Stream
from swarmgit.model.handoffs import Acceptance, Summary
from swarmgit.model.health import Hearing
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job
from swarmgit.model.sessions import (
    AgentSession,
    GateSession,
    GateSpec,
    ProgramSession,
    ProgramSpec,
    PushSession,
    Session,
    SessionState,
)
from swarmgit.model.work import Evidence, Prediction, Pushed, Taken
from swarmgit.observe import gate_answers, pushes
from swarmgit.observe.ceilings import Ceilings, models_of
from swarmgit.observe.hearing import ERRORS, LIVE, Ear, Listener, reason_of
from swarmgit.ports.runtimes import Runtimes
from swarmgit.ports.sessions import SessionReader

CHUNK_BYTES = 1 << 20
OUTPUT_BYTES_MAX = 8 << 20
REPORT_BYTES_MAX = 1 << 20
HANDOFF_BYTES_MAX = 64 << 10
TAIL_CHARS = 4000

STATES: dict[str, SessionState] = {"queued": "starting", "running": "running", "unknown": "running", "lost": "lost"}


class SessionWatcher:
    """Turns jobs into sessions. Keeps its place in each stream; a new process starts over and gets the same."""

    def __init__(self, executor: SessionReader, listener: Listener, runtimes: Runtimes) -> None:
        self._executor = executor
        self._listener = listener
        self._runtimes = runtimes
        self._ceilings = Ceilings(runtimes)
        self._prices: Mapping[str, Price] = {}
        self._windows: Mapping[str, int] = {}
        self._final: dict[SessionId, str | None] = {}
        self._evidence: dict[SessionId, Evidence | None] = {}
        self._pushed: dict[SessionId, Pushed | None] = {}

    def sessions(self, swarm: Swarm | None) -> dict[SessionId, Session]:
        """Return every session that is not forgotten, read as `swarm` configures the runtimes."""
        adapters = {name: runtime.adapter for name, runtime in swarm.runtimes.items()} if swarm else {}
        self._prices = swarm.prices if swarm else {}
        self._windows = swarm.context_windows if swarm else {}
        self._ceilings.prices, self._ceilings.windows = self._prices, self._windows
        jobs = self._executor.poll()
        gone = (self._final.keys() | self._evidence.keys() | self._pushed.keys()) - jobs.keys()
        for id_ in gone:
            self._final.pop(id_, None)
            self._evidence.pop(id_, None)
            self._pushed.pop(id_, None)
        heard = [
            (id_, job, adapters.get(job.spec.runtime, job.spec.runtime))
            for id_, job in jobs.items()
            if isinstance(job.spec, ProgramSpec)
        ]
        ears = self._listener.listen(heard, jobs)
        return {id_: self._bounded(id_, job, ears.get(id_)) for id_, job in jobs.items()}

    def _bounded(self, id_: SessionId, job: Job, ear: Ear | None) -> Session:
        """Return a session; one whose files nobody can bear to look at is told so, and is nobody else's matter."""
        try:
            return self._session(id_, job, ear)
        except Exception as error:  # noqa: BLE001  an agent may have written any of these files
            session = _without_words(job)
            if not isinstance(session, ProgramSession):
                return session
            told = f"its files cannot be read ({reason_of(error)})"
            heard = Stream(fault=Fault("unreadable", told))
            return replace(session, is_finished=False, stream=heard, hearing=Hearing(deaf=told))

    def _session(self, id_: SessionId, job: Job, ear: Ear | None) -> Session:
        match _without_words(job):
            case GateSession() as session:
                answer = self._answer(id_, job, session.spec) if session.is_finished else None
                return replace(session, evidence=answer)
            case PushSession() as session:
                return replace(session, pushed=self._push(id_, job) if session.is_finished else None)
            case ProgramSession() as session if ear is not None:
                return self._program(id_, job, session, ear)
            case session:
                return session

    def _program(self, id_: SessionId, job: Job, session: ProgramSession, ear: Ear) -> ProgramSession:
        is_over = job.state not in LIVE and ear.is_at_the_end
        taken = self._taken(id_) if is_over else None
        stream = self._with_outlook(self._priced(_heard(ear), session.spec), session.spec, ear.adapter)
        followed = replace(
            session,
            state=_state(job, is_read=is_over),
            error=self._error(id_, job),
            cause="cause/set-up" if job.setup_failed else "",
            stream=stream,
            spoke=job.spoke,
            stderr_tail=self._tail(id_, ERRORS) if is_over else ear.errors_tail.decode("utf-8", "replace"),
            report=self._report(id_) if is_over else None,
            is_finished=taken is not None,
            capture=taken.capture if taken else None,
            transcript=taken.transcript if taken else None,
            repetition=ear.novelty.said,
            hearing=ear.hearing,
            ceiling=self._ceilings.of(job, session.spec, stream, ear.adapter),
        )
        if not isinstance(followed, AgentSession):
            return followed
        summary, acceptance = self._handoff(id_)
        predicted = None if is_over else self._predicted(id_)
        return replace(followed, predicted=predicted, summary=summary, acceptance=acceptance)

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

    def _with_outlook(self, stream: Stream, spec: ProgramSpec, adapter: str) -> Stream:
        """Return the stream with the window of its model, and whether the session can be asked anything."""
        if spec.kind != "agent":
            return stream
        models = models_of(stream, spec) if stream.context_used else ()
        seen = self._runtimes.outlook(adapter, models, self._windows)
        is_set = any(name in self._windows for name in models)
        window = seen.window if is_set else stream.context_window or seen.window
        return replace(stream, context_window=window, takes_messages=stream.takes_messages or seen.takes_messages)

    def _priced(self, stream: Stream, spec: ProgramSpec) -> Stream:
        """Return the stream with its price: what a person has set for the model, what the program said, the table's."""
        models = models_of(stream, spec)
        usage = stream.usage
        is_set = any(name in self._prices for name in models)
        if not models or not usage.tokens or (usage.usd is not None and not is_set):
            return stream
        return replace(stream, usage=replace(usage, usd=self._runtimes.price(models, usage, self._prices)))

    def _taken(self, id_: SessionId) -> Taken | None:
        raw = self._executor.read(id_, CAPTURE_FILE, 0, OUTPUT_BYTES_MAX)
        if not raw:
            return None
        try:
            return from_session(raw, Taken)
        except ValueError:  # not ours, or cut off by a full disk: it is taken in again
            return None

    def _predicted(self, id_: SessionId) -> Prediction | None:
        raw = self._executor.read(id_, PREDICTION_FILE, 0, OUTPUT_BYTES_MAX)
        try:
            return from_session(raw, Prediction) if raw else None
        except ValueError:
            return None

    def _error(self, id_: SessionId, job: Job) -> str:
        if not job.setup_failed:
            return job.error
        return f"the worktree's set-up failed: {self._tail(id_, 'setup.log').strip()[-500:] or 'no output'}"

    def _report(self, id_: SessionId) -> str | None:
        if id_ not in self._final:
            raw = self._executor.read(id_, REPORT_FILE, 0, REPORT_BYTES_MAX)
            self._final[id_] = raw.decode("utf-8", "replace") if raw.strip() else None
        return self._final[id_]

    def _tail(self, id_: SessionId, name: str) -> str:
        begin = max(0, (self._executor.size(id_, name) or 0) - 4 * TAIL_CHARS)
        return self._executor.read(id_, name, begin, 4 * TAIL_CHARS).decode("utf-8", "replace")[-TAIL_CHARS:]

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

    def _push(self, id_: SessionId, job: Job) -> Pushed | None:
        if id_ not in self._pushed:
            output, words = self._all(id_, "stdout.jsonl"), self._all(id_, "stderr.log")
            self._pushed[id_] = pushes.answer(job, output, words)
        return self._pushed[id_]

    def _answer(self, id_: SessionId, job: Job, spec: GateSpec) -> Evidence | None:
        if id_ not in self._evidence:
            output = self._all(id_, "stdout.jsonl") + self._all(id_, "stderr.log")
            junit = self._executor.read(id_, JUNIT_FILE, 0, OUTPUT_BYTES_MAX) if spec.junit else b""
            at: datetime = job.ended or job.last_output or spec.started
            setup = self._tail(id_, "setup.log") if job.setup_failed else ""
            self._evidence[id_] = gate_answers.answer(job, spec, output, junit or None, setup, at)
        return self._evidence[id_]


def _state(job: Job, *, is_read: bool = True) -> SessionState:
    """Return where a session stands; one that ended unheard is as good as lost, whatever its exit code is."""
    if job.state in LIVE:
        return STATES.get(job.state, "ended")
    if not is_read:
        return "ending"
    return "lost" if job.is_unheard else STATES.get(job.state, "ended")


def _heard(ear: Ear) -> Stream:
    """Return what a session said; one that cannot be heard has failed by that."""
    said = ear.stream()
    return replace(said, fault=Fault("unreadable", ear.deaf)) if ear.deaf else said


def _without_words(job: Job) -> Session:
    """Return a session whose stream nobody follows: it is finished when it is over."""
    return Session.of(
        job.spec,
        _state(job),
        pid=job.pid,
        ended=job.ended,
        exit_code=job.exit_code,
        error=job.error,
        stop=job.stop,
        stop_at=job.stop_at,
        excess=job.excess,
        is_unheard=job.is_unheard,
        last_output=job.last_output,
        is_finished=job.state not in {"queued", "running", "unknown"},
    )
