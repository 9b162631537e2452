"""Which failures of the infrastructure are reported: pushes, the disk, what was noted where nobody plans."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.model.incidents import Alert, ForgetAlerts, facts
from swarmgit.plan import blocked, pushes
from swarmgit.plan.situation import Draft, Situation

UNREACHED_MAX = 5
"""Pushes in a row that come to nothing before a person hears of it: being offline for a while is usual."""


def report(situation: Situation, draft: Draft) -> None:
    """Report every failure of the infrastructure that this tick sees."""
    noted = situation.observed.alerts  # until the incident is recorded
    draft.alerts += (*noted, *_push(situation), *_disk(situation), *_unmeasured(situation))
    if noted:
        draft.add(ForgetAlerts(noted))


def _push(situation: Situation) -> Iterator[Alert]:
    standing, remote = pushes.standing(situation.swarm, situation.observed), situation.observed.remote
    if standing is None or (standing.state == "diverged" and remote is None):
        return
    is_told = standing.state in {"diverged", "refused"} or standing.tries >= UNREACHED_MAX
    if standing.state not in {"diverged", "refused", "unreachable"} or not is_told:
        return
    asked = standing.commit if standing.state == "refused" else remote.head if remote else None
    known = facts(
        remote=standing.remote,
        branch=standing.branch,
        target=situation.swarm.target,
        commit=str(asked),
        reason=standing.text,
    )
    yield Alert(f"push/{standing.state}", facts=known)


def _disk(situation: Situation) -> Iterator[Alert]:
    used = blocked.disk_used(situation)
    if used is None:
        return
    sessions = situation.observed.sessions.values()
    measured = [(each.vitals.disk_mb or 0.0, each.spec) for each in sessions if each.vitals and each.vitals.disk_mb]
    measured.sort(key=lambda row: -row[0])
    most = measured[0][1]
    named = ", ".join(f"{spec.task} {disk_mb:g} MB" for disk_mb, spec in measured[:5])
    known = facts(newest=max(spec.id for _, spec in measured), reason=used, most=named)
    yield Alert("disk/swarm", most.agent, most.task, most.id, known)


def _unmeasured(situation: Situation) -> Iterator[Alert]:
    """Yield each session that is not, or not wholly, measured: limits that it may be beyond are off."""
    for session in situation.observed.sessions.values():
        spec, vitals = session.spec, session.vitals
        if vitals is None or session.is_over or not (vitals.uncounted or vitals.failed):
            continue
        kind = "measure/uncounted" if vitals.uncounted else "measure/failed"
        known = facts(whose=spec.task or spec.id, reason=vitals.uncounted or vitals.failed)
        yield Alert(kind, spec.agent, spec.task, spec.id, known)
