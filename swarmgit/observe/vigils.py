"""How long each session was really looked after: time that the machine slept, or in which nobody looked, is not held
against anybody.

A laptop that was closed for three hours has a wall clock that is three hours on, and sessions that stood still. So a
look notes both clocks, the wall's and the one that stands still meanwhile, in the session's folder: the next look, also
of another process, sees what of the time between them was sleep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.documents.as_json import from_session, to_json
from swarmgit.model.health import Vigil
from swarmgit.model.ids import SessionId
from swarmgit.model.sessions import Session
from swarmgit.ports.sessions import Executor, SessionReader

SLEPT_MIN = timedelta(seconds=10)
"""Clocks that differ by less have been put right, or were read one after the other."""

AWAY_MIN = timedelta(minutes=1)
HELD_MIN = timedelta(minutes=5)
"""A reconciler looks every two seconds; one that has not for so long was held, whatever the clocks say."""

NOTED_EVERY = timedelta(seconds=15)
NOTHING = timedelta(0)


class Look(Struct, frozen=True):
    """Both clocks at one look. `away`: after how long without a look the silence of a session says nothing."""

    now: datetime
    awake_s: float
    away: timedelta


class _Gap(Struct, frozen=True):
    """What lay between two looks: how long the machine slept, and whether nobody looked, `held` by this process."""

    slept: timedelta = NOTHING
    is_away: bool = False
    held: timedelta = NOTHING

    def __bool__(self) -> bool:
        return bool(self.slept) or self.is_away or bool(self.held)


class VigilKeeper:
    """Keeps the vigil of every live session.

    `writes`: who notes it for other processes, as the reconciler does; None: what it left there is read.
    """

    def __init__(self, executor: SessionReader, awake_s: Callable[[], float], writes: Executor | None = None) -> None:
        self._executor = executor
        self._awake_s = awake_s
        self._writes = writes
        self._last: Look | None = None
        self._known: dict[SessionId, Vigil] = {}
        self._noted: dict[SessionId, Vigil] = {}

    def kept(self, sessions: Iterable[Session], now: datetime, silence: timedelta) -> dict[SessionId, Session]:
        """Return the sessions, the live ones with their vigil; `silence`: the limit that they are watched for."""
        look = Look(now, self._awake_s(), max(AWAY_MIN, silence))
        found = {session.spec.id: self._with_vigil(session, look) for session in sessions}
        for gone in self._known.keys() - found.keys():
            del self._known[gone]
            self._noted.pop(gone, None)
        self._last = look
        return found

    def _with_vigil(self, session: Session, look: Look) -> Session:
        id_ = session.spec.id
        if session.is_over:
            return session
        known = self._known.get(id_) if self._writes is not None else None
        before = known or self._left(id_) or self._before_its_start(session)
        vigil = looked(before, session, look, is_mine=known is not None, judges=self._writes is not None)
        if self._writes is not None:
            self._note(id_, vigil, self._writes)
        return replace(session, vigil=vigil)

    def _note(self, id_: SessionId, vigil: Vigil, writes: Executor) -> None:
        """Leave the vigil for other processes: at the first look, now and then, and after every gap."""
        self._known[id_] = vigil
        noted = self._noted.get(id_)
        if noted is None or vigil.since != noted.since or abs(vigil.at - noted.at) >= NOTED_EVERY:
            with suppress(OSError):  # a folder that the session has made unusable
                writes.write(id_, paths.VIGIL_FILE, to_json(vigil))
                self._noted[id_] = vigil

    def _before_its_start(self, session: Session) -> Vigil | None:
        """Return the last look of this process as one at a session that was started after it, or at it."""
        last, started = self._last, session.spec.started
        return Vigil(last.now, last.awake_s, None, started) if last is not None and last.now <= started else None

    def _left(self, id_: SessionId) -> Vigil | None:
        try:
            return from_session(self._executor.read(id_, paths.VIGIL_FILE, 0, 4096), Vigil)
        except ValueError:
            return None


def looked(before: Vigil | None, session: Session, look: Look, *, is_mine: bool, judges: bool) -> Vigil:
    """Return the vigil after one more look. `is_mine`: this process did the last one; `judges`: it is the reconciler.

    Only the reconciler grants a silent session a new start after nobody has looked: others just show how it is.
    """
    now, sign = look.now, session.last_output
    if before is None:
        heard = min(sign or session.spec.started, now)
        is_late = judges and now - heard >= look.away
        first = Vigil(now, look.awake_s, sign, now if is_late else heard, now if is_late else None)
        return replace(first, limited=replace(session, vigil=first).limited_until)
    gap = _gap(before, look, is_mine=is_mine)
    is_new_start = judges and (gap.is_away or bool(gap.held))
    if sign != before.sign:
        heard = sign if sign is not None and not gap and before.at <= sign <= now else now
    else:
        heard = now if is_new_start else min(before.heard + gap.slept, now)
        heard = max(heard, min(now, before.limited or heard))  # who is told to wait is not silent
    missed = gap.slept + gap.held
    after = Vigil(
        at=now,
        awake_s=look.awake_s,
        sign=sign,
        heard=heard,
        since=now if is_new_start or gap.slept else before.since,
        missed_s=before.missed_s + missed.total_seconds(),
        waited_s=before.waited_s + _waited(before, session, now, missed).total_seconds(),
    )
    return replace(after, limited=replace(session, vigil=after).limited_until)


def _gap(before: Vigil, look: Look, *, is_mine: bool) -> _Gap:
    awake = max(NOTHING, timedelta(seconds=look.awake_s - before.awake_s))
    slept = look.now - before.at - awake
    if look.awake_s < before.awake_s or abs(slept) < SLEPT_MIN:
        slept = NOTHING
    return _Gap(slept, awake >= look.away, awake if is_mine and awake >= HELD_MIN else NOTHING)


def _waited(before: Vigil, session: Session, now: datetime, missed: timedelta) -> timedelta:
    """Return how long of the time since the last look it sat out a limit; what is left out anyway does not count."""
    if before.limited is not None:
        begun, until = before.at, min(now, before.limited)
    elif session.limited_until is not None:
        begun, until = max(before.at, session.last_output or before.at), min(now, session.limited_until)
    else:
        return NOTHING
    return max(NOTHING, min(until - begun, now - before.at - missed))
