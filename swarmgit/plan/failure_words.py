"""What people are told of a step that fails: its sentence, what helps, and its incident."""

from __future__ import annotations

from swarmgit.model.failures import FailedStep
from swarmgit.model.incidents import Alert, facts
from swarmgit.plan.incidents import known_causes
from swarmgit.plan.incidents.catalogue import CATALOGUE

SAVING = frozenset({"FinishSession", "Salvage", "Rescue"})
STARTS = frozenset({"StartSession", "RunGate"})
WORDS = {
    "StartSession": "starting its session",
    "StopSession": "stopping its session",
    "FinishSession": "taking its work in",
    "Salvage": "saving its work",
    "SetAside": "letting its session go",
    "Rescue": "ending and saving a session of which nothing is known",
    "RunGate": "starting a gate",
    "TryMerges": "merging it",
    "Land": "landing it",
    "StartPush": "pushing it",
}


def way_out(each: FailedStep) -> str:
    """Return what a person can do about a step that is stuck."""
    if each.step.kind not in SAVING:
        return f"what helps: {each.hint or 'swarmgit doctor'}"
    return f"`swarmgit task restart {each.step.task}` goes on without it, and keeps it"


def sentence(each: FailedStep) -> str:
    """Return what failed, how often, and with which words."""
    what = WORDS.get(each.step.kind, each.step.kind)
    return f"{what} failed {each.count} times in a row: {each.message}"


def alert(each: FailedStep) -> Alert:
    """Return the alert of a step that is stuck; where its cause is known, that one's."""
    step = each.step
    cause = known_causes.of(each.signature if each.signature in CATALOGUE else "", each.message)
    known = facts(
        step=step.kind,
        kind=each.signature,
        id="/".join(step.key),
        first=f"{each.first:%Y-%m-%dT%H:%M:%S}",
        words=WORDS.get(step.kind, step.kind),
        owner=step.owner or "the swarm",
        reason=sentence(each) + (f" ({each.hint})" if each.hint else ""),
    )
    kind = f"step/{cause}" if cause else "step"
    return Alert(kind, task=step.task, session=step.session, facts=known, is_urgent=step.task is None)
