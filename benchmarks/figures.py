"""What a measurement found, and the table it is printed in."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict


@dataclass(frozen=True, slots=True)
class Figure:
    """`values` in `unit`; the median is held against `budget` (None: no budget, shown for comparison)."""

    what: str
    unit: str
    values: tuple[float, ...]
    budget: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        if self.budget is None:
            return ""
        return "ok" if self.median <= self.budget else "over"

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "median": self.median, "verdict": self.verdict}


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as aligned text, one a line."""
    head = ("what", "unit", "median", "min", "max", "budget", "", "note")
    rows = [head, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if 2 <= column <= 5 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    budget = "" if figure.budget is None else _number(figure.budget)
    ends = (_number(min(figure.values)), _number(max(figure.values)))
    return (figure.what, figure.unit, _number(figure.median), *ends, budget, figure.verdict, figure.note)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
