"""What can be said of a session from its folder: the end, a stop request, the claim, whether it lives."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from swarmgit.adapters.processes import channel, identity
from swarmgit.adapters.processes import folder as files
from swarmgit.adapters.processes.identity import Identity
from swarmgit.adapters.processes.launch import Launcher
from swarmgit.adapters.processes.tree import Tree, members
from swarmgit.errors import PersonMustAct, TryLater
from swarmgit.model.endings import Stop, StopKind, kind_in
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job, JobState
from swarmgit.model.sessions import AnySpec, SessionSpec, Voice
from swarmgit.ports.machine import Clock

_CLAIM_S_MAX = 2.0
_TIME_MAX = 7_258_118_400.0
"""The year 2200, as seconds since 1970."""

SAME_S = 0.25
"""Two streams written within this have spoken at the same time."""

VOICES: Mapping[Voice, str] = {"stdout": "stdout.jsonl", "stderr": "stderr.log"}


class StopRequest(Struct, frozen=True):
    """`stop.json`. `seen` is this process's monotonic time at the first sight, in case the clock is put back."""

    stop: Stop
    at: datetime
    seen: float

    def encoded(self) -> bytes:
        """Return the file's text."""
        said = {"reason": self.stop.text, "kind": self.stop.kind, "at": self.at.isoformat()}
        return encoded({"version": 1, **said})


class Jobs:
    """Reads session folders; what cannot change any more is kept in memory. Safe in any number of processes."""

    def __init__(self, sessions: Path, clock: Clock, launcher: Launcher) -> None:
        self._sessions = sessions
        self._clock = clock
        self._launcher = launcher
        self._specs: dict[str, SessionSpec] = {}
        self._claims: dict[str, tuple[Identity, float]] = {}
        self._stops: dict[str, StopRequest] = {}
        self._over: dict[str, Job] = {}

    def look(self, session: SessionId) -> Job | None:
        """Return a session's state, None when there is no such folder."""
        return self._over.get(session) or self._look(session)

    def _look(self, session: SessionId) -> Job | None:
        folder = self.path(session)
        spec = self._spec(session)
        if spec is None:
            return None
        ended = self._ended(session, spec)
        if ended is not None:
            return ended
        stop = self.stop(session)
        claim, claimed_at = self._claim(session)
        pid = claim.pid if claim else None
        last, spoke = _spoke(folder)
        try:
            alive = self._is_alive(session, claim, claimed_at)
        except TryLater:  # nobody can tell now; unknown is not lost
            return replace(_job(spec, "unknown", stop), pid=pid, last_output=last, spoke=spoke)
        if not alive and claimed_at is not None:
            ended = self._ended(session, spec)  # it may have ended between the two looks
            if ended is not None:
                return ended
            sign = max(filter(None, (last, _instant(claimed_at), stop.at if stop else None)), default=None)
            lost = replace(_job(spec, "cancelled" if stop else "lost", stop), pid=pid, ended=sign, last_output=last)
            return replace(lost, excess=channel.excess(folder, spec.output_bytes_max))
        job = replace(_job(spec, "running" if alive else "queued", stop), pid=pid, last_output=last, spoke=spoke)
        if claimed_at is None or channel.is_heard(folder):
            return replace(job, excess=channel.excess_at_work(folder, spec.output_bytes_max))
        return _unheard(job, folder)

    def _spec(self, session: str) -> SessionSpec | None:
        spec = self._specs.get(session)
        if spec is None:
            try:
                files.check_id(session)
                spec = msgspec.json.decode(files.read(self.path(session), "session.yaml"), type=AnySpec)
            except (PersonMustAct, msgspec.MsgspecError, RecursionError):
                return None
            if spec.id != session or spec.started.tzinfo is None:  # damaged: then it is nobody's session
                return None
            self._specs[session] = spec
        return spec

    def _claim(self, session: str) -> tuple[Identity | None, float | None]:
        """Return who claimed the session and when (`st_mtime`); (None, time) while or because it is not whole."""
        known = self._claims.get(session)
        if known is not None:
            return known
        claimed_at = files.modified(self.path(session), "pid")
        if claimed_at is None:
            return None, None
        claim = identity.parse_claim(files.read(self.path(session), "pid", 0, 4096).decode("utf-8", "replace"))
        if claim is not None:
            self._claims[session] = claim, claimed_at
        return claim, claimed_at

    def _is_alive(self, session: str, claim: Identity | None, claimed_at: float | None) -> bool:
        if claim is not None:
            return identity.is_alive(claim)
        if claimed_at is None:
            return self._launcher.has(session)
        if abs(self._clock.now().timestamp() - claimed_at) < _CLAIM_S_MAX:
            return True
        return bool(members(self.tree(session)))

    def _ended(self, session: SessionId, spec: SessionSpec) -> Job | None:
        at = files.modified(self.path(session), "exit.json")
        if at is None:
            return None
        said = _object(files.read(self.path(session), "exit.json", 0, 1 << 16))
        code, error = said.get("code"), said.get("error", "")
        stop = self.stop(session)
        is_code = isinstance(code, int) and not isinstance(code, bool)
        if not is_code and not error and not stop:
            error = "exit.json cannot be read"
        state: JobState = "succeeded" if is_code and code == 0 else "cancelled" if stop and not error else "failed"
        job = replace(
            _job(spec, state, stop),
            exit_code=code if is_code else None,
            ended=_instant(at),
            error=str(error),
            setup_failed=said.get("setup_failed") is True and stop is None,
            last_output=_instant(files.modified(self.path(session), "stdout.jsonl", "stderr.log")),
            excess=channel.written_excess(self.path(session)),
        )
        writers = said.get("writers")
        if isinstance(writers, list) and any(writers):
            job = _unheard(job, self.path(session))
        self._over[session] = job
        return job

    def stop(self, session: str) -> StopRequest | None:
        """Return the request to end, None when there is none."""
        stop = self._stops.get(session)
        if stop is None:
            at = files.modified(self.path(session), "stop.json")
            if at is None:
                return None
            said = _object(files.read(self.path(session), "stop.json", 0, 1 << 16))
            asked = _instant(at) or self._clock.now()
            with suppress(ValueError, OverflowError):
                asked = datetime.fromisoformat(str(said.get("at"))).astimezone(UTC)
            stop = self._stops[session] = StopRequest(_stop(said), asked, time.monotonic())
        return stop

    def keepers(self, session: str) -> frozenset[int]:
        """Return the wrapper and the writers of a session's output, which end by themselves after all others."""
        claim = self._claim(session)[0]
        written = files.read(self.path(session), channel.WRITERS_FILE, 0, 256).split()
        return frozenset(int(pid) for pid in written if pid.isdigit()) | ({claim.pid} if claim else set())

    def tree(self, session: str) -> Tree:
        """Return what finds the session's processes."""
        return Tree(session, os.path.realpath(self.path(session)), self._claim(session)[0])

    def path(self, session: str) -> str:
        """Return the session's folder."""
        return f"{self._sessions}/{session}"

    def forget(self, session: str) -> None:
        """Drop what is kept of a session."""
        for cache in (self._specs, self._claims, self._stops, self._over):
            cache.pop(session, None)


def _spoke(folder: str) -> tuple[datetime | None, tuple[Voice, ...]]:
    """Return when a session printed last, and where; both files where that was at nearly the same time.

    Each stream has a writer of its own: which of them comes first on a busy machine says nothing.
    """
    times = {voice: files.modified(folder, name) for voice, name in VOICES.items()}
    last = max((at for at in times.values() if at is not None), default=None)
    known = {voice: at for voice, at in times.items() if at is not None}
    return _instant(last), tuple(voice for voice, at in known.items() if last is not None and last - at <= SAME_S)


def _unheard(job: Job, folder: str) -> Job:
    """Return the job of a session whose output is not kept any more: by its own excess, or by somebody's doing."""
    excess = channel.excess(folder, job.spec.output_bytes_max)
    return replace(job, excess=excess, is_unheard=excess is None)


def _job(spec: SessionSpec, state: JobState, request: StopRequest | None) -> Job:
    return Job(spec, state, stop=request.stop if request else None, stop_at=request.at if request else None)


def _stop(said: dict[str, Any]) -> Stop:
    """Return what `stop.json` says. An earlier swarmgit wrote no kind: its sentences began with it."""
    text = str(said.get("reason", ""))
    try:
        return Stop(text, msgspec.convert(said.get("kind"), StopKind))
    except msgspec.ValidationError:
        return Stop(text, kind_in(text) or "unwanted")


def _instant(seconds: float | None) -> datetime | None:
    """Return a file's time; a session may have set it to anything, so one beyond all bounds is the next within."""
    return None if seconds is None else datetime.fromtimestamp(min(max(seconds, 0.0), _TIME_MAX), UTC)


def encoded(value: dict[str, Any]) -> bytes:
    """Return a document of the session folder: JSON, which is YAML too, one key a line."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
