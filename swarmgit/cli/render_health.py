"""doctor, fsck and gc as text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmgit.app.views.words import counted
from swarmgit.documents import quoting

if TYPE_CHECKING:
    from swarmgit.app.doctor import Report as DoctorReport
    from swarmgit.app.fsck.report import Report as FsckReport
    from swarmgit.app.gc import Collected

PAINT = {"ok": "32", "warn": "33", "fail": "31"}


def doctor_text(report: DoctorReport, *, colour: bool = False) -> str:
    """Return what was repaired, one line per finding, and below each that is not in order how to repair it."""
    lines = [f"fixed {quoting.line(words)}" for words in report.fixed]
    lines += [f"could not fix {quoting.line(words)}" for words in report.unfixed]
    for found in report.findings:
        level = f"\x1b[{PAINT[found.level]}m{found.level:<4}\x1b[0m" if colour else f"{found.level:<4}"
        lines.append(f"{level}  {found.name:<10}  {quoting.line(found.message)}")
        if found.repair:
            lines.append(f"{'':18}{quoting.line(found.repair)}")
    if not report.fixed and any(found.fix for found in report.findings):
        lines.append("swarmgit doctor --fix repairs what can be repaired without a loss")
    return "\n".join(lines)


def fsck_text(report: FsckReport) -> str:
    """Return every broken promise, then how much was checked."""
    lines = [
        f"{each.promise}: {f'{each.commit}: ' if each.commit else ''}{quoting.line(each.message)}"
        for each in report.violations
    ]
    lines += [
        f"acknowledged by {said.by or 'a person'} ({quoting.line(said.reason)}): {each.promise}: {each.commit}"
        for each, said in report.acknowledged
    ]
    verdict = "every promise is kept" if report.is_ok else counted(len(report.violations), "violation")
    return "\n".join((*lines, f"{counted(report.checked, 'landed commit')} checked: {verdict}"))


def gc_text(report: Collected) -> str:
    """Return what was removed, or would be."""
    verb = "would remove" if report.is_dry else "removed"
    counts = (
        (len(report.refs), "candidate"),
        (report.sessions, "session folder"),
        (report.transcripts, "transcript"),
        (len(report.pins), "pin of finished work", "pins of finished work"),
        (report.objects or 0, "object"),
    )
    told = ", ".join(counted(*each) for each in counts if each[0])
    left = [f"could not remove {each}" for each in report.leftovers]
    return "\n".join([f"{verb} {told}" if told else "nothing to remove", *left])
