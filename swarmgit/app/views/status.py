"""The JSON shape of `status`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from swarmgit.app.views.money import budget_row, convoy_budget_rows
from swarmgit.app.views.problems import problem_rows
from swarmgit.app.views.queue import push_row, queue_rows
from swarmgit.app.views.tasks import task_rows
from swarmgit.app.views.times import stamp
from swarmgit.model.checkouts import Behind
from swarmgit.model.desired import Problem, WatchdogLimits
from swarmgit.model.sessions import GateSession, ProgramSession, of_kind
from swarmgit.model.status import Identity
from swarmgit.plan import cv, full_runs
from swarmgit.plan.watchdog import condition, limits_of

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def status_document(look: Look, sandbox: str, more: Sequence[Problem] = ()) -> dict[str, Any]:
    """Return `status --json` (DESIGN §12). `sandbox` names what confines sessions; `more`: problems found elsewhere."""
    gates = full_runs.problems(look.desired, look.observed)
    sessions = sorted(look.observed.sessions.values(), key=lambda each: each.spec.id)
    return {
        "version": 1,
        "at": stamp(look.now),
        "target": look.desired.swarm.target if look.desired.swarm else None,
        "target_commit": look.observed.target_head,
        "frozen": frozen(look),
        "tasks": task_rows(look),
        "sessions": [session_row(look, each) for each in of_kind(sessions, ProgramSession)],
        "gate_runs": [gate_run_row(each) for each in of_kind(sessions, GateSession)],
        "queue": queue_rows(look),
        "behind": [behind_row(each) for each in look.observed.behind],
        "push": push_row(look),
        "agents": [agent_row(look, identity) for _, identity in sorted(look.observed.identities.items())],
        "incidents": sum(incident.state == "open" for incident in look.observed.incidents.values()),
        "sandbox": sandbox,
        "budget": budget_row(look),
        "convoy_budgets": convoy_budget_rows(look),
        "drafts": list(look.drafts),
        "problems": problem_rows((*look.desired.problems, *look.observed.problems, *gates, *more)),
    }


def behind_row(behind: Behind) -> dict[str, Any]:
    """Return a checkout that does not show what has landed yet; no `files`: all of them."""
    return {
        "checkout": behind.checkout,
        "files": list(behind.paths),
        "commit": behind.commit,
        "why": behind.why,
        "since": stamp(behind.since),
        "tries": behind.tries,
    }


def frozen(look: Look) -> bool | dict[str, Any]:
    """Return False, or who put the brake on, when and why."""
    freeze = look.observed.freeze
    return {"by": freeze.by, "at": stamp(freeze.at), "reason": freeze.reason} if freeze else False


def session_row(look: Look, session: ProgramSession) -> dict[str, Any]:
    """Return a session; `kind` is agent, merge or triage, `health` what the watchdog makes of it."""
    spec = session.spec
    task = look.desired.tasks.get(spec.task) if spec.task else None
    limits = limits_of(look.desired.swarm, task) if look.desired.swarm else WatchdogLimits()
    seen = condition(session, limits, look.now)
    return {
        "id": spec.id,
        "kind": spec.kind,
        "task": spec.task,
        "agent": spec.agent,
        "runtime": spec.runtime,
        "model": spec.model,
        "state": "rate-limited" if session.is_limited(look.now) else session.state,
        "health": seen.health,
        "health_reason": seen.reason,
        "memory_mb": session.vitals.memory_mb if session.vitals else None,
        "pid": session.pid,
        "ports": list(spec.ports),
        "started": stamp(spec.started),
        "attempt": spec.attempt,
        "tokens": session.stream.usage.tokens,
        "unread_bytes": session.hearing.unread,
        "usd": session.stream.usage.usd,
        "context_used": session.stream.context_used,
        "context_window": session.stream.context_window,
        "stopping": session.stop.text if session.stop else None,
    }


def gate_run_row(session: GateSession) -> dict[str, Any]:
    spec = session.spec
    return {
        "id": spec.id,
        "gate": spec.gate,
        "task": spec.task,
        "tree": spec.tree,
        "state": session.state,
        "pid": session.pid,
        "started": stamp(spec.started),
    }


def agent_row(look: Look, identity: Identity) -> dict[str, Any]:
    """Return an agent in few words. `session`: the one that is at work now."""
    live = (s for s in look.observed.sessions.values() if s.spec.agent == identity.name and not s.is_over)
    session = next(live, None)
    return {
        "name": identity.name,
        "role": identity.role,
        "session": session.spec.id if session else None,
        "task": session.spec.task if session else None,
        "sessions": identity.sessions,
        "tasks_completed": identity.tasks_completed,
        "first_pass_rate": cv.first_pass_rate(identity),
        "rework_rate": cv.rework_rate(identity),
        "reworked": identity.reworked,
        "failed": identity.failed,
        "tokens": identity.tokens,
        "tokens_at_least": identity.uncounted > 0,
        "usd": identity.usd,
    }
