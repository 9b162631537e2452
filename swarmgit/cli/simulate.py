"""`simulate`: the real decisions on a model world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json

CHANCE = click.FloatRange(0.0, 1.0)


@click.group()
def simulate() -> None:
    """Try decisions on a model before trusting them with work."""


@simulate.command("queue")
@click.option("--entries", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="Changes that wait.")
@click.option("--bad", default=0.1, show_default=True, type=CHANCE, help="Chance that a change is red by itself.")
@click.option("--clash", default=0.0, show_default=True, type=CHANCE, help="Chance that it is red with another one.")
@click.option("--flaky", default=0.0, show_default=True, type=CHANCE, help="Chance that a run is red for no reason.")
@click.option("--gate-minutes", default=10.0, show_default=True, type=click.FloatRange(0.001), help="One gate run.")
@click.option("--slots", default=2, show_default=True, type=click.IntRange(1, 1000), help="Gates at the same time.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same world.")
@click.option("--table", "is_table", is_flag=True, help="Print bad 2, 10 and 30 % with 1 and 8 slots instead.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Also write landings over time as SVG.")
@json_option
@click.pass_obj
def simulate_queue(settings: Settings, /, is_table: bool, plot: Path | None, as_json: bool, **given: Any) -> None:  # noqa: ANN401  the options that are fields of Setting
    """Run the merge queue's choice of trees, and what other queues do, on the same changes."""
    from swarmgit.app.simulate import Setting, compare, simulation_document, standard_table, table_document
    from swarmgit.cli.render_simulate import figures_text, plot_svg, table_text

    setting = Setting(**given)
    if is_table:
        table = standard_table(setting)
        say_json(table_document(setting, table)) if as_json else say(table_text(table))
        return
    figures = compare(setting)
    say_json(simulation_document(setting, figures)) if as_json else say(figures_text(figures, settings.width))
    if plot is not None:
        plot.write_text(plot_svg(figures), encoding="utf-8")
        note(settings, f"wrote {plot}")
