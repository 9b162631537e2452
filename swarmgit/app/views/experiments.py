"""The JSON shapes of `experiment`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swarmgit.plan.experiments import Comparison, Figure, Measure

DIGITS = 4


def experiments_document(found: Iterable[Comparison]) -> dict[str, Any]:
    """Return `experiment list --json`."""
    return {
        "version": 1,
        "experiments": [
            {
                "id": each.experiment.id,
                "title": each.experiment.title,
                "arms": [arm.name for arm in each.experiment.arms],
                "ended": sum(each.ended),
                "under_way": sum(each.under_way),
                "told": [f"{measure.name}: {measure.verdict}" for measure in each.measures if _is_told(measure)],
            }
            for each in found
        ],
    }


def experiment_document(found: Comparison) -> dict[str, Any]:
    """Return `experiment show --json`: each measure with value, interval and number of tasks by arm."""
    experiment = found.experiment
    names = [arm.name for arm in experiment.arms]
    return {
        "version": 1,
        "id": experiment.id,
        "title": experiment.title,
        "description": experiment.description,
        "share": experiment.share,
        "arms": [
            {
                "name": arm.name,
                "runtime": arm.runtime,
                "model": arm.model,
                "role": arm.role,
                "weight": arm.weight,
                "ended": ended,
                "under_way": under_way,
            }
            for arm, ended, under_way in zip(experiment.arms, found.ended, found.under_way, strict=True)
        ],
        "measures": [
            {
                "measure": measure.name,
                "verdict": measure.verdict,
                "arms": {name: _figure(figure) for name, figure in zip(names, measure.figures, strict=True)},
            }
            for measure in found.measures
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    low, high = figure.interval or (None, None)
    return {"value": _rounded(figure.value), "low": _rounded(low), "high": _rounded(high), "tasks": figure.count}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _is_told(measure: Measure) -> bool:
    return measure.verdict != "cannot tell yet"
