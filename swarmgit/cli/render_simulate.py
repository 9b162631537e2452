"""Simulations as text and as a picture. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from swarmgit.app.simulate import Figures
from swarmgit.cli.table import table

COLOURS = ("#888888", "#c27c0e", "#2b8a3e", "#1c64c8", "#8833aa")
WIDTH, HEIGHT, MARGIN = 720, 360, 48
POINTS_MAX = 200


def figures_text(found: Mapping[str, Figures], width: int | None = None) -> str:
    """Return one line for each algorithm."""
    header = ("ALGORITHM", "LANDED/H", "RUNS/LANDED", "MEDIAN MIN", "P95 MIN", "LANDED", "EVICTED", "INNOCENT")
    rows = [
        (
            name,
            f"{each.landed_per_hour:.1f}",
            f"{each.runs_per_landed:.2f}",
            f"{each.median_minutes:.0f}",
            f"{each.p95_minutes:.0f}",
            str(each.landed),
            str(each.evicted),
            str(each.innocent),
        )
        for name, each in found.items()
    ]
    return table(header, rows, width)


def table_text(found: Mapping[str, Mapping[tuple[float, int], Figures]]) -> str:
    """Return landed per hour / gate runs per landed change, one column for each chance and number of slots."""
    columns = next(iter(found.values()))
    header = ("ALGORITHM", *(f"p={bad:g} c={slots}" for bad, slots in columns))
    rows = [
        (name, *(f"{each.landed_per_hour:.1f} / {each.runs_per_landed:.2f}" for each in row.values()))
        for name, row in found.items()
    ]
    return table(header, rows)


def plot_svg(found: Mapping[str, Figures]) -> str:
    """Return landed changes over hours, one line for each algorithm, as an SVG document."""
    hours = max((each.minutes for each in found.values()), default=0.0) / 60.0 or 1.0
    most = max((each.landed for each in found.values()), default=0) or 1
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        '<g font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="black"/>',
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 16}" text-anchor="end">{hours:.1f} hours</text>',
        f'<text x="{MARGIN}" y="{MARGIN - 16}">{most} landed</text>',
    ]
    for number, (name, each) in enumerate(found.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{_x(at / 60.0, hours):.1f},{_y(count, most):.1f}" for at, count in _curve(each))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        place = HEIGHT - MARGIN - 16 * (len(found) - number)
        lines.append(f'<text x="{WIDTH // 2}" y="{place}" fill="{colour}">{escape(name)}</text>')
    return "\n".join((*lines, "</g></svg>", ""))


def _curve(figures: Figures) -> list[tuple[float, int]]:
    """Return (minutes, landed so far), thinned."""
    times = figures.minutes_to_land
    step = max(1, len(times) // POINTS_MAX)
    thinned = [(times[index], index + 1) for index in range(0, len(times), step)]
    return [(0.0, 0), *thinned, (figures.minutes, len(times))]


def _x(at: float, hours: float) -> float:
    return MARGIN + (WIDTH - 2 * MARGIN) * at / hours


def _y(count: int, most: int) -> float:
    return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * count / most
