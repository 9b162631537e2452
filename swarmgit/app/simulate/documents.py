"""The JSON shapes of a simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from swarmgit.app.simulate.model import Figures, Setting


def figures_row(figures: Figures) -> dict[str, Any]:
    return {
        "landed": figures.landed,
        "evicted": figures.evicted,
        "innocent": figures.innocent,
        "gate_runs": figures.gate_runs,
        "hours": round(figures.minutes / 60.0, 3),
        "landed_per_hour": round(figures.landed_per_hour, 2),
        "gate_runs_per_landed": round(figures.runs_per_landed, 3) if figures.landed else None,
        "minutes_to_land_median": round(figures.median_minutes, 1),
        "minutes_to_land_p95": round(figures.p95_minutes, 1),
    }


def simulation_document(setting: Setting, found: Mapping[str, Figures]) -> dict[str, Any]:
    """Return `simulate queue --json`."""
    rows = [{"algorithm": name, **figures_row(figures)} for name, figures in found.items()]
    return {"version": 1, "setting": asdict(setting), "algorithms": rows}


def table_document(setting: Setting, table: Mapping[str, Mapping[tuple[float, int], Figures]]) -> dict[str, Any]:
    """Return `simulate queue --table --json`."""
    rows = [
        {"algorithm": name, "bad": bad, "slots": slots, **figures_row(figures)}
        for name, row in table.items()
        for (bad, slots), figures in row.items()
    ]
    return {"version": 1, "setting": asdict(setting), "table": rows}
