"""Pushing landings: the target moves here only after the remote took the commit, so that the remote is the arbiter.

Everything follows from the remote's branch as it was last seen (a ref), the newest push session, and the ledger (I6).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from swarmgit.model.actions import Action, FollowRemote, Retire, Save, StartPush
from swarmgit.model.checkouts import HUNG_FILTER
from swarmgit.model.desired import Swarm
from swarmgit.model.histories import Followed
from swarmgit.model.ids import CommitId, EntryId, SessionId, ulid
from swarmgit.model.mail import sent_at_ms
from swarmgit.model.observed import Observed
from swarmgit.model.queue import Entry
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.sessions import PushSession, PushSpec, of_kind
from swarmgit.model.work import Push
from swarmgit.plan.checkouts import in_the_way
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.supervise import supervise

MINUTES_MAX = 3.0
LOST_MAX = 3
RETRY_S_FIRST = 5.0
RETRY_S_MAX = 600.0

Trouble = Literal["", "lost", "refused", "unreachable"]


class Standing(Struct, frozen=True):
    """How the target stands to the remote's branch, for people. `unpushed`: commits that wait to be pushed.

    `commit`, `tries`: what the last push was to bring there, and how often in a row it came to nothing.
    """

    remote: str
    branch: str
    state: Literal["even", "pushing", "waiting", "refused", "unreachable", "diverged", "ahead"]
    unpushed: int = 0
    reason: str = ""
    commit: CommitId | None = None
    tries: int = 0

    @property
    def text(self) -> str:
        """Return the state as a sentence without a full stop; '' when there is nothing to say."""
        name = f"{self.remote}/{self.branch}"
        why = f": {self.reason}" if self.reason else ""
        match self.state:
            case "even":
                return ""
            case "ahead":
                return f"{name} is ahead of the target; the target follows before the next landing"
            case "pushing":
                return f"a push to {name} is under way"
            case "diverged":
                return self.reason
            case "waiting" | "refused" | "unreachable":
                many = f"{self.unpushed} commit{'' if self.unpushed == 1 else 's'} not pushed to {name}"
                return (many if self.unpushed else f"nothing can be pushed to {name}") + why


def standing(swarm: Swarm, observed: Observed) -> Standing | None:
    """Return how things stand; None where nothing is pushed."""
    remote, branch = swarm.push.remote, swarm.push.branch or swarm.target
    if remote is None:
        return None
    last = _last(observed, remote, branch)
    unpushed = len(observed.remote.unpushed) if observed.remote else len(_owed(observed))
    if last is not None and not last.is_over:
        return Standing(remote, branch, "pushing", unpushed)
    if observed.remote and observed.remote.relation == "diverged":
        return Standing(remote, branch, "diverged", unpushed, _diverged(swarm))
    trouble = _trouble(observed, last)
    if last is not None and trouble in {"refused", "unreachable"}:
        reason = last.pushed.reason if last.pushed else "its process was killed from outside, again and again"
        commit = last.spec.push.new
        state: Literal["refused", "unreachable"] = "refused" if trouble == "refused" else "unreachable"
        return Standing(remote, branch, state, unpushed, reason, commit, last.spec.attempt + 1)
    if observed.remote and observed.remote.relation == "ahead":
        return Standing(remote, branch, "ahead")
    return Standing(remote, branch, "waiting" if _owed(observed) else "even", unpushed)


def tend(situation: Situation, draft: Draft) -> None:
    """Let go of pushes that have ended and say nothing more, and end those that take too long."""
    last = _configured_last(situation)
    for session in of_kind(situation.observed.sessions.values(), PushSession):
        if not session.is_over:
            _watch(situation, draft, session)
        elif session is not last or not _trouble(situation.observed, session) or _is_even(situation):
            draft.add(Retire(session.spec.id))


def cleared(situation: Situation, draft: Draft, chain: list[Entry]) -> list[Entry]:
    """Return the part of a chain of intents that may move the target now; what the rest waits for is in the draft.

    Without a remote that is all of it. Where the remote cannot be reached too (P9): it is pushed later.
    """
    if situation.swarm.push.remote is None or not chain:
        return chain
    remote = situation.observed.remote
    taken = _taken(chain, remote.head if remote else None)
    if taken:
        return taken
    ids = tuple(entry.id for entry in chain)
    if remote is not None and remote.relation == "ahead":
        _follow(situation, draft, ids)
        return []
    if remote is not None and remote.relation == "diverged":
        return _hold(draft, ids, _apart(situation.swarm), needs_person=True)
    return _ask(situation, draft, chain)


def catch_up(situation: Situation, draft: Draft) -> bool:
    """Do what is to do besides landings; return whether the queue has to wait for it.

    What landed while the remote was away is pushed. A target that is behind the remote follows before anything is
    gated on a head that is old already.
    """
    observed = situation.observed
    if situation.swarm.push.remote is None or observed.queue_control.paused or observed.target_head is None:
        return False
    waiting = tuple(sorted(e.id for e in draft.entries.values() if e.state in {"queued", "gating"}))
    if observed.remote is not None and observed.remote.relation == "ahead" and waiting:
        _follow(situation, draft, waiting)
        return True
    is_diverged = observed.remote is not None and observed.remote.relation == "diverged"
    last = _configured_last(situation)
    if not _owed(observed) or is_diverged or (last is not None and not last.is_over):
        draft.needs_person = draft.needs_person or (is_diverged and bool(_owed(observed)))
        return False
    trouble = _trouble(observed, last)
    draft.needs_person = draft.needs_person or trouble == "refused"
    if not trouble or _is_due(situation, last):
        _start(situation, draft, observed.target_head, None)
    return False


def _ask(situation: Situation, draft: Draft, chain: list[Entry]) -> list[Entry]:
    """Have the whole chain pushed, and hold it until the remote has answered."""
    last, end = _configured_last(situation), chain[-1]
    assert end.candidate is not None
    ids = tuple(entry.id for entry in chain)
    name = _name(situation.swarm)
    if last is not None and not last.is_over:
        return _hold(draft, ids, reason("push", f"it is being pushed to {name}"))
    trouble = _trouble(situation.observed, last)
    is_same = last is not None and last.spec.push.new == end.candidate.commit
    if trouble == "refused" and is_same and not _is_due(situation, last):
        words = last.pushed.reason if last and last.pushed else ""
        why = reason("push refused", f"{name} does not take it: {words}", entry=end.id)
        return _hold(draft, ids, why, needs_person=True)
    if trouble == "unreachable" and not _is_due(situation, last):
        return chain
    _start(situation, draft, end.candidate.commit, end.id)
    return _hold(draft, ids, reason("push", f"it is being pushed to {name}"))


def _hold(draft: Draft, entries: tuple[EntryId, ...], why: Reason, *, needs_person: bool = False) -> list[Entry]:
    draft.stuck.update(dict.fromkeys(entries, why))
    draft.needs_person = draft.needs_person or needs_person
    return []


def _start(situation: Situation, draft: Draft, new: CommitId, entry: EntryId | None) -> None:
    swarm, observed = situation.swarm, situation.observed
    remote, target = swarm.push.remote, observed.target_head
    assert remote is not None
    assert target is not None
    last = _configured_last(situation)
    push = Push(remote, swarm.push.branch or swarm.target, new, observed.remote.head if observed.remote else None)
    spec = PushSpec(
        id=SessionId(ulid(_after(last, situation.now), f"push/{remote}/{push.branch}/{push.old}/{new}")),
        base=new,
        started=situation.now,
        minutes_max=MINUTES_MAX,
        attempt=last.spec.attempt + 1 if last is not None and _trouble(observed, last) else 0,
        push=push,
    )
    draft.add(StartPush(spec, target, f"{new[:10]} to {_name(swarm)}", entry))


def _after(last: PushSession | None, now: datetime) -> datetime:
    """Return an instant for a new push's id: the newest id is the last push also where the clock was set back."""
    before = datetime.fromtimestamp(sent_at_ms(last.spec.id) / 1000, UTC) if last is not None else now
    return max(now, before + timedelta(milliseconds=1)) if last is not None else now


def _follow(situation: Situation, draft: Draft, entries: tuple[EntryId, ...]) -> None:
    """Go forward to what others pushed; the record goes first, so that nobody takes it for a landing of ours."""
    observed, swarm = situation.observed, situation.swarm
    assert observed.remote is not None
    assert observed.target_head is not None
    assert swarm.push.remote is not None
    why = reason("push", f"others have pushed to {_name(swarm)}; {swarm.target} follows")
    edited = next((observed.blocked[entry] for entry in entries if entry in observed.blocked), ())
    if edited:
        way = in_the_way(edited, observed.index_locks, situation.now)
        why = reason("edit", f"{why.text}; it waits: {way}")
    _hold(draft, entries, why, needs_person=bool(edited))
    if HUNG_FILTER in edited:
        return  # each look costs seconds, and others wait for them
    old, new = observed.target_head, observed.remote.head
    followed = Followed(swarm.push.remote, swarm.push.branch or swarm.target, old, new)
    draft.add(Save(followed), FollowRemote(swarm.target, old, new, entries))


def _watch(situation: Situation, draft: Draft, session: PushSession) -> None:
    """Start again what a crash cut off between folder and process; stop what hangs."""
    spec, target = session.spec, situation.observed.target_head

    def again() -> Action | None:
        entry = next((e.id for e in draft.entries.values() if e.candidate and e.candidate.commit == spec.base), None)
        return StartPush(spec, target, "its start was cut off", entry) if target is not None else None

    supervise(situation, draft, session, again)


# --- what is known ----------------------------------------------------------------------------------------------------


def _taken(chain: list[Entry], head: CommitId | None) -> list[Entry]:
    """Return the part of the chain that the remote has."""
    places = [place for place, entry in enumerate(chain, 1) if entry.candidate and entry.candidate.commit == head]
    return chain[: places[-1]] if places else []


def _configured_last(situation: Situation) -> PushSession | None:
    push = situation.swarm.push
    return _last(situation.observed, push.remote, push.branch or situation.swarm.target) if push.remote else None


def _last(observed: Observed, remote: str, branch: str) -> PushSession | None:
    """Return the newest push of this branch; ids are in the order of time."""
    pushes = of_kind(observed.sessions.values(), PushSession)
    ours = [s for s in pushes if (s.spec.push.remote, s.spec.push.branch) == (remote, branch)]
    return max(ours, key=lambda session: session.spec.id, default=None)


def _trouble(observed: Observed, session: PushSession | None) -> Trouble:
    """Return what is wrong since a push ended; '' also where the remote had moved on, which is no trouble."""
    if session is None or not session.is_over:
        return ""
    if session.pushed is None:
        return "lost" if session.spec.attempt + 1 < LOST_MAX else "unreachable"
    if session.pushed.outcome == "taken":
        return ""
    if session.pushed.outcome == "failed":
        return "unreachable"
    head = observed.remote.head if observed.remote else None
    return "refused" if head == session.spec.push.old else ""


def _is_due(situation: Situation, last: PushSession | None) -> bool:
    """Return whether to try again: after a time that doubles, or because a person has started `reconcile` anew."""
    if last is None or _trouble(situation.observed, last) == "lost":
        return True
    ended, trusted = last.ended or last.spec.started, situation.observed.trusted_since
    if ended > situation.now or (trusted is not None and ended < trusted <= situation.now):
        return True
    wait_s = min(RETRY_S_MAX, RETRY_S_FIRST * 2 ** min(last.spec.attempt, 16))
    return situation.now - ended >= timedelta(seconds=wait_s)


def _is_even(situation: Situation) -> bool:
    """Return whether the remote has all that it should have."""
    remote = situation.observed.remote
    is_landing = any(entry.state == "landing" for entry in situation.observed.entries.values())
    return remote is not None and remote.relation == "same" and not is_landing


def _owed(observed: Observed) -> tuple[CommitId, ...]:
    """Return the landed commits that the remote lacks."""
    landed = {e.landed_commit for e in observed.entries.values() if e.state == "landed" and e.landed_commit}
    if observed.remote is None:
        return tuple(sorted(landed))
    return tuple(commit for commit in observed.remote.unpushed if commit in landed)


def _name(swarm: Swarm) -> str:
    return f"{swarm.push.remote}/{swarm.push.branch or swarm.target}"


def _apart(swarm: Swarm) -> Reason:
    branch = swarm.push.branch or swarm.target
    return reason("diverged", _diverged(swarm), remote=swarm.push.remote, branch=branch)


def _diverged(swarm: Swarm) -> str:
    branch = swarm.push.branch or swarm.target
    return (
        f"{swarm.target} and {_name(swarm)} have diverged; bring them together on {swarm.target}: "
        f"git pull --no-rebase {swarm.push.remote} {branch}"
    )
