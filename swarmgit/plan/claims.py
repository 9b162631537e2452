"""Tasks that the target names already, by a landing that state does not know of, or by a trailer and nothing else."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.actions import Remove
from swarmgit.model.control import LandingControl
from swarmgit.model.endings import Stop
from swarmgit.model.ids import TaskId
from swarmgit.model.landings import TargetLanding
from swarmgit.model.reasons import reason
from swarmgit.model.status import TaskStatus
from swarmgit.plan.situation import Draft, Situation
from swarmgit.state import kinds


def of(situation: Situation, status: TaskStatus) -> TargetLanding | None:
    """Return the commit of the target that names a task for the run that it is in now, None where there is none."""
    found = situation.observed.landings.get(status.task)
    return found if found is not None and found.run >= status.run else None


def stop(situation: Situation, status: TaskStatus) -> Stop | None:
    """Return that a session of the task is not worth its money any more."""
    found = of(situation, status)
    if found is None:
        return None
    says = "has landed as" if found.proof else "is claimed by"
    return Stop(f"the task {says} {found.commit[:10]}, a commit of the target")


def asked(situation: Situation, task: TaskId) -> LandingControl | None:
    """Return what a person says of a task that the target names already: of several requests the newest."""
    found = {name: each for name, each in situation.observed.landing_controls.items() if each.task == task}
    return found[max(found)] if found else None


def answered(situation: Situation, draft: Draft, status: TaskStatus, said: LandingControl) -> TaskStatus:
    """Return the status as a person says, with the requests used up."""
    for name, each in situation.observed.landing_controls.items():
        if each.task == status.task:
            draft.add(Remove(kinds.LANDING_CONTROL.file(name)))
    by = said.by or "a person"
    if said.wants == "accept" and said.commit is not None:
        return landed(situation, status, TargetLanding(said.commit, status.run, by))
    return replace(
        status,
        phase="waiting",
        reason=f"{by} asked for it once more" + (f": {said.reason}" if said.reason else ""),
        waiting_for=(),
        landed_commit=None,
        finished=None,
        window=len(status.attempts) + 1,
        paid_from=len(status.attempts) + 1,
        taken_from=(),
        run=max(said.run, status.run + 1),
    )


def landed(situation: Situation, status: TaskStatus, found: TargetLanding) -> TaskStatus:
    """Return the status of a task that has landed, though its own state does not say so."""
    return replace(
        status,
        phase="landed",
        reason=f"landed as {found.commit[:10]}, as {found.proof} says",
        waiting_for=(),
        landed_commit=found.commit,
        finished=situation.now,
    )


def held(draft: Draft, status: TaskStatus, found: TargetLanding) -> TaskStatus:
    """Return the status of a task that a commit only claims: neither run nor counted until a person has said."""
    text = (
        f"commit {found.commit[:10]} claims it, and no ledger knows of that: "
        f"swarmgit task accept {status.task}, or swarmgit task reopen {status.task}"
    )
    return draft.because(status, reason("claimed", text, task=status.task), "needs-human")
