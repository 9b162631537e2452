"""What of that which holds the swarm up has broken down: pushes, the disk, worktrees. Each has an incident."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.incidents import ForgetReports, Report
from swarmgit.plan import blocked, incidents, pushes
from swarmgit.plan.situation import Draft, Situation

LEFTOVER = "worktree/leftover"
UNREACHED_MAX = 5
"""Pushes in a row that come to nothing before a person hears of it: being offline for a while is usual."""


def report(situation: Situation, draft: Draft) -> None:
    """Report every breakdown of this tick; one that was reported before is not counted again."""
    for said in situation.observed.reports:  # noted where nobody plans, until the incident is recorded
        incidents.report(situation, draft, said)
    if situation.observed.reports:
        draft.add(ForgetReports(situation.observed.reports))
    for found in (_push(situation), _disk(situation), *_unmeasured(situation)):
        if found is not None:
            incidents.report(situation, draft, found)


# --- pushes -----------------------------------------------------------------------------------------------------------


def _push(situation: Situation) -> Report | None:
    key: CommitId | None
    standing = pushes.standing(situation.swarm, situation.observed)
    remote = situation.observed.remote
    if standing is None:
        return None
    name = f"{standing.remote}/{standing.branch}"
    if standing.state == "diverged" and remote is not None:
        title, key = f"the target and {name} have diverged", remote.head
        cause = "Both have commits that the other has not: somebody pushed there, or history was rewritten."
        repair = f"git pull --no-rebase {standing.remote} {standing.branch}"
    elif standing.state == "refused":
        title, key = f"{name} refuses what lands", standing.commit
        cause = "The remote was asked, has not moved, and does not want it: a hook, a protected branch, a permission."
        repair = f"git push {standing.remote} {situation.swarm.target}:{standing.branch}"
    elif standing.state == "unreachable" and standing.tries >= UNREACHED_MAX:
        title, key = f"{name} cannot be reached", remote.head if remote else None
        cause = "The network, the address of the remote, or a log-in that has expired."
        repair = f"git ls-remote {standing.remote}"
    else:
        return None
    return Report(
        signature=f"push/{standing.state}/{name}",
        key=f"push/{standing.state}/{key}",
        title=title,
        what=standing.text,
        detection="merge queue",
        cause=cause,
        resolution="Landings that the remote has not taken wait for it; nothing is lost.",
        prevention=("infrastructure: who else writes to this branch, and may this machine push to it?",),
        answers=("swarmgit status", f"git ls-remote {standing.remote}", repair),
        is_urgent=standing.state != "unreachable",
    )


# --- the disk ---------------------------------------------------------------------------------------------------------


def _disk(situation: Situation) -> Report | None:
    wait = blocked.by_disk(situation)
    if wait is None:
        return None
    at_work = sorted(
        (session for session in situation.observed.sessions.values() if session.vitals and session.vitals.disk_mb),
        key=lambda session: -(session.vitals.disk_mb or 0.0) if session.vitals else 0.0,
    )
    most = at_work[0]
    each = ", ".join(f"{s.spec.task} {s.vitals.disk_mb:g} MB" for s in at_work[:5] if s.vitals and s.vitals.disk_mb)
    return Report(
        signature="disk/swarm",
        key=f"disk/{max(session.spec.id for session in at_work)}",
        title="the sessions at work take more of the disk than they may together",
        what=f"{wait[1].partition(' (')[0]}: {each}",
        detection="tier 1: mechanical",
        agent=most.spec.agent,
        task=most.spec.task,
        session=most.spec.id,
        resolution="Nothing new starts until it is less; those at work go on.",
        prevention=("watchdog threshold: watchdog.disk_mb for one session, watchdog.swarm_disk_mb for all",),
        answers=("swarmgit gc", f"swarmgit stop {most.spec.id}", "swarmgit doctor"),
    )


def _unmeasured(situation: Situation) -> Iterator[Report]:
    """Yield what is said of each session that is not, or not wholly, measured: limits that it may be beyond are off."""
    for session in situation.observed.sessions.values():
        vitals = session.vitals
        if vitals is None or not (vitals.uncounted or vitals.failed) or session.is_over:
            continue
        why = f"its worktree {vitals.uncounted}" if vitals.uncounted else f"it cannot be measured ({vitals.failed})"
        yield Report(
            signature=f"measure/{'uncounted' if vitals.uncounted else 'failed'}",
            key=f"measure/{session.spec.id}",
            title="what a session uses of the machine is not wholly known",
            what=f"{session.spec.task or session.spec.id}: {why}",
            detection="tier 1: mechanical",
            agent=session.spec.agent,
            task=session.spec.task,
            session=session.spec.id,
            resolution="With watchdog.disk_mb a worktree that cannot be counted is beyond it; without, it goes on.",
            prevention=("watchdog threshold: watchdog.disk_mb",),
            answers=(f"swarmgit stop {session.spec.id}", "swarmgit doctor"),
        )


# --- the state branch: noted where it is put back ---------------------------------------------------------------------


def state_put_back(commit: CommitId, why: str) -> Report:
    """Return what is said of a state branch that was lost and put back to its last good commit."""
    return Report(
        signature="state/put-back",
        key=f"state/put-back/{commit}",
        title="the state branch was lost and put back",
        what=f"{why}; it was put back to {commit[:12]}",
        detection="tier 1: mechanical",
        cause="Somebody deleted the branch, a fetch with --prune mirrored another repository, or files are damaged.",
        resolution="Put back from what is kept of it; what was written after that is found out again.",
        prevention=("infrastructure: who deletes branches here, and is the disk sound (git fsck)?",),
        answers=("swarmgit log -n 5", "git fsck", "swarmgit fsck"),
        is_urgent=True,
    )


# --- what a tick does beside what it is for: noted where it fails ---------------------------------------------------


def beside(what: str, signature: str, message: str, hint: str | None) -> Report:
    """Return what is said of something that nobody's work waits for, and that fails."""
    return Report(
        signature=f"beside/{what}",
        key=f"beside/{what}/{signature}",
        title=f"{what} could not be brought up to date",
        what=message,
        detection="tier 1: mechanical",
        cause=hint or "",
        resolution="No task waits for it; a later tick tries it again.",
        prevention=("infrastructure: who may write there?",),
        answers=("swarmgit doctor", "swarmgit status"),
    )


# --- worktrees: noted where they are found --------------------------------------------------------------------------


def leftover(place: str, reason: str) -> Report:
    """Return what is said of a worktree that cannot be removed or read."""
    return Report(
        signature=LEFTOVER,
        key=f"worktree/{place}",
        title="a worktree that nobody uses could not be removed",
        what=f"{place}: {reason}",
        detection="tier 1: mechanical",
        cause="Its files resist, or its record is damaged.",
        resolution="It takes up room and nothing else; every later clean-up tries it again.",
        prevention=("infrastructure: who changes files below the folder of worktrees?",),
        answers=(f"ls -la {place}", f"rm -rf {place}", "swarmgit gc"),
    )


def unsaved(session: SessionId, reason: str, place: str) -> Report:
    """Return what is said of a worktree without a session whose work could not be saved; it stays where it is."""
    return Report(
        signature="worktree/unsaved",
        key=f"worktree/unsaved/{session}",
        title="work in a worktree without a session could not be saved",
        what=f"session {session}: {reason}",
        detection="tier 1: mechanical",
        session=session,
        resolution=f"It stays where it is: {place}; the next reconcile tries again.",
        prevention=("infrastructure: room and permissions in the repository's object folder",),
        answers=(f"git -C {place} status", "swarmgit doctor"),
        is_urgent=True,
    )
