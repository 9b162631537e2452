"""Is this machine and this repository in order? Each check says what is wrong and the command that repairs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from msgspec.structs import replace

from swarmgit.app.doctor.report import Check, Facts, Finding, MachineFacts, Report
from swarmgit.app.doctor.table import MACHINE_CHECKS, REPOSITORY_CHECKS
from swarmgit.errors import SwarmError
from swarmgit.model.faults import fault_of
from swarmgit.ports.world import ReadWorld, World

__all__ = ["Finding", "MachineFacts", "Report", "examine", "mend"]


def examine(
    open_reading: Callable[[], ReadWorld], machine: MachineFacts, checks: Iterable[Check] = REPOSITORY_CHECKS
) -> Report:
    """Run every check; those that need a repository only where there is one."""
    found: list[Finding] = []
    for ask in MACHINE_CHECKS:
        found += _answers(ask.__name__, partial(ask, machine))
    try:
        world = open_reading()
    except SwarmError as error:
        return Report((*found, Finding("repository", "fail", error.message, error.hint or "git init")))
    facts = Facts(machine, world)
    for check in checks:
        found += _answers(check.__name__, partial(check, world, facts))
    return Report(tuple(_told_once(found)))


def mend(
    open_reading: Callable[[], ReadWorld],
    open_world: Callable[[], World],
    machine: MachineFacts,
    checks: Iterable[Check] = REPOSITORY_CHECKS,
) -> Report:
    """Do what is safe of the repairs, under the reconciler's lock, and return what is found after that."""
    table = tuple(checks)
    found = examine(open_reading, machine, table)
    fixes = [(each, each.fix) for each in found.findings if each.fix is not None]
    if not fixes:
        return found
    fixed: list[str] = []
    unfixed: list[str] = []
    world = open_world()
    world.lock.acquire()
    try:
        for finding, fix in fixes:
            try:
                fixed.append(f"{finding.name}: {fix(world)}")
            except (SwarmError, OSError) as error:
                unfixed.append(f"{finding.name}: {error}")
    finally:
        world.lock.release()
    return replace(examine(open_reading, machine, table), fixed=tuple(fixed), unfixed=tuple(unfixed))


def _answers(name: str, run: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return what a check finds; its failure is a finding too, and never the end of the others."""
    found: list[Finding] = []
    try:
        for each in run():
            found.append(each)  # noqa: PERF402  what was found before a failure counts
    except SwarmError as error:
        found.append(Finding(name, "fail", error.message, error.hint or ""))
    except Exception as error:  # noqa: BLE001  the one who is asked what is wrong must answer
        fault = fault_of(error)
        words = fault.message if fault else f"{type(error).__name__}: {error}"
        found.append(Finding(name, "fail", f"this could not be checked: {words}", fault.hint or "" if fault else ""))
    return found


def _told_once(found: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out what an earlier check failed with in the same words: they share a cause."""
    told: set[tuple[str, str]] = set()
    for each in found:
        key = (each.message, each.repair)
        if each.level != "fail" or key not in told:
            yield each
        told.add(key)
