"""`doctor`, `fsck` and `gc`."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json


@click.command()
@click.option("--fix", is_flag=True, help="Repair what can be repaired without a loss, and say what was done.")
@json_option
@click.pass_obj
def doctor(settings: Settings, fix: bool, as_json: bool) -> int:
    """Check that this machine and repository are in order, and name the command that repairs what is not."""
    from swarmgit.adapters.machine import Machine
    from swarmgit.app.doctor import examine, mend
    from swarmgit.cli.render_health import doctor_text
    from swarmgit.wiring.programs import programs_of

    machine = Machine(settings.environ, programs_of)
    report = mend(settings.reading, settings.world, machine) if fix else examine(settings.reading, machine)
    if as_json:
        say_json(report.document())
    else:
        say(doctor_text(report, colour=settings.has_colour))
    return 0 if report.is_healthy else 1


@click.command()
@click.option("--acknowledge", metavar="COMMIT", help="Take note of what is wrong with COMMIT: it is shown apart then.")
@click.option("--reason", default="", metavar="TEXT", help="Why; needed with --acknowledge.")
@json_option
@click.pass_obj
def fsck(settings: Settings, acknowledge: str | None, reason: str, as_json: bool) -> int:
    """Check every promise over the whole history (exit code 1 when one is broken)."""
    from swarmgit.app.fsck import check
    from swarmgit.cli.render_health import fsck_text

    if acknowledge is not None:
        _acknowledge(settings, acknowledge, reason)
    report = check(settings.reading())
    if as_json:
        say_json(report.document())
    else:
        say(fsck_text(report))
    return 0 if report.is_ok else 1


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@json_option
@click.pass_obj
def gc(settings: Settings, dry_run: bool, as_json: bool) -> int:
    """Remove what is finished and past its time: session folders, worktrees, candidates."""
    from swarmgit.app.gc import collect
    from swarmgit.cli.render_health import gc_text

    report = collect(settings.world(), is_dry=dry_run)
    if as_json:
        say_json(report.document())
    else:
        note(settings, gc_text(report))
    return 1 if report.leftovers else 0


def _acknowledge(settings: Settings, commit: str, reason: str) -> None:
    from swarmgit.app.landings import acknowledge
    from swarmgit.errors import WrongUsage

    settings.refuse_sessions("fsck --acknowledge")
    if not reason.strip():
        raise WrongUsage("--acknowledge needs a reason: --reason TEXT")
    found = acknowledge(settings.world(), commit, settings.person, reason)
    note(settings, f"{found} is acknowledged")
