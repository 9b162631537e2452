"""The JSON shape of `gates`: what each gate has ever said."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from swarmgit.app.views.times import stamp_or_none
from swarmgit.model.desired import Gate
from swarmgit.model.histories import GateHistory
from swarmgit.model.ids import GateName
from swarmgit.plan import flakes

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def gates_document(look: Look) -> dict[str, Any]:
    """Return `gates --json`: configured gates in their order, then those that only history knows.

    `never_failed`: it has answered and always with pass, so nobody knows whether it can fail.
    """
    configured = {gate.name: gate for gate in look.desired.gates}
    histories = look.observed.gate_histories
    names = [*configured, *sorted(name for name in histories if name not in configured)]
    return {
        "version": 1,
        "gates": [gate_row(name, configured.get(name), histories.get(name), look.now) for name in names],
    }


def gate_row(name: GateName, gate: Gate | None, history: GateHistory | None, now: datetime) -> dict[str, Any]:
    """Return one gate. `flaky`: of the last two weeks, `rate` is flakes per run. `full`: runs on the whole target."""
    seen = history or GateHistory(gate=name)
    answers = seen.passed + seen.failed + seen.errors
    return {
        "gate": name,
        "run": gate.run if gate else None,
        "when": list(gate.when) if gate else [],
        "passed": seen.passed,
        "failed": seen.failed,
        "errors": seen.errors,
        "reused": seen.reused,
        "seconds_mean": round(seen.seconds / answers, 3) if answers else None,
        "last_pass": stamp_or_none(seen.last_pass),
        "last_fail": stamp_or_none(seen.last_fail),
        "ever_passed": seen.passed > 0,
        "ever_failed": seen.failed > 0,
        "never_failed": seen.passed > 0 and seen.failed == 0,
        "flaky": _flaky_row(flakes.flakiness(seen, now)),
        "full": {
            "last_pass": stamp_or_none(seen.last_full),
            "red_commit": seen.red_full.commit if seen.red_full else None,
            "inputs_miss_something": seen.red_full is not None and seen.red_full.is_confirmed,
        }
        if gate and gate.inputs
        else None,
        "recent": [dict(run) for run in seen.recent],
    }


def _flaky_row(found: flakes.Flakiness) -> dict[str, Any]:
    return {
        "runs": found.runs,
        "flakes": found.flakes,
        "rate": found.rate,
        "last": stamp_or_none(found.last),
        "reason": found.reason or None,
    }
