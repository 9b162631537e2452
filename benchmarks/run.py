"""Print what swarmgit costs, held against its budgets: `python -m benchmarks.run [--only NAME] [--quick]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import confined, footprint, growth, landing, mail, put_back, starts, startup, ticks, yardsticks
from benchmarks.figures import Figure, table

MEASUREMENTS: dict[str, Callable[..., list[Figure]]] = {
    "yardsticks": yardsticks.measure,
    "startup": startup.measure,
    "starts": starts.measure,
    "thirty": starts.measure_thirty,
    "setup": put_back.measure,
    "sandbox": confined.measure,
    "commits": ticks.measure_commits,
    "ticks": ticks.measure,
    "landing": landing.measure,
    "mail": mail.measure,
    "memory": footprint.measure,
    "cpu": footprint.measure_cpu,
    "idle": footprint.measure_idle,
    "growth": growth.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for and print the table; 1 when a measurement could not be made."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS), help="measure this; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller repositories")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    asked = parser.parse_args(arguments)
    figures: list[Figure] = []
    failed = False
    for name in asked.only or MEASUREMENTS:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        try:
            found = MEASUREMENTS[name](quick=asked.quick)
            print(table(found), file=sys.stderr, flush=True)
            figures += found
        except (OSError, RuntimeError) as error:
            failed = True
            print(f"error: {name}: {error}", file=sys.stderr)
    print(table(figures))
    if asked.json:
        document = {"version": 1, "figures": [figure.document() for figure in figures]}
        asked.json.write_text(json.dumps(document, indent=2) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
