"""What people are told of a step that fails: its sentence, what helps, and its incident."""

from __future__ import annotations

from swarmgit.model.failures import FailedStep
from swarmgit.model.incidents import Report
from swarmgit.plan import causes

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


def report(each: FailedStep) -> Report:
    """Return the incident of a step that is stuck; where its cause is known, that one's."""
    owner, task = each.step.owner, each.step.task
    cause = causes.named(each.message)
    ways = (f"swarmgit task restart {task}", f"swarmgit task cancel {task}", f"swarmgit why {task}") if task else ()
    return Report(
        signature=f"cause/{cause.name}" if cause else f"step/{each.step.kind}/{each.signature[:120]}",
        key=f"step/{'/'.join(each.step.key)}/{each.first:%Y-%m-%dT%H:%M:%S}",
        title=cause.title if cause else f"a step fails again and again: {WORDS.get(each.step.kind, each.step.kind)}",
        what=f"{owner or 'the swarm'}: {sentence(each)}" + (f" ({each.hint})" if each.hint else ""),
        detection="tier 1: mechanical",
        task=task,
        session=each.step.session,
        resolution="It is tried again more and more seldom, and by each new reconcile. Everything else goes on.",
        cause=cause.cause if cause else "",
        prevention=cause.prevention if cause else ("infrastructure: what is missing or in the way?",),
        answers=("swarmgit reconcile", *ways, *(cause.repair if cause else ("swarmgit doctor",))),
        is_urgent=task is None,
    )
