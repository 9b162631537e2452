"""Is every promise kept in the history? One walk over the target, one over the state branch, nothing believed."""

from __future__ import annotations

from collections.abc import Mapping

from swarmgit.app.fsck.ledger import Ledger, read_ledger
from swarmgit.app.fsck.report import Report, Violation
from swarmgit.app.fsck.target import judge_target
from swarmgit.app.views.queue import ACTIVE
from swarmgit.documents import paths
from swarmgit.ports.world import ReadWorld

__all__ = ["Report", "Violation", "check"]


def check(world: ReadWorld) -> Report:
    """Check P1, P2, I1 and I2 for every commit that swarmgit landed, that salvaged and submitted work is there
    (P3), and that every file of state can be read (P8)."""
    ledger = read_ledger(world)
    target = world.repository.target
    head = world.objects.ref(paths.branch_ref(target)) if target else None
    checked, found = judge_target(world, ledger, head)
    violations = (*ledger.violations, *found, *_missing_salvage(world, ledger.salvage), *_missing_work(world, ledger))
    said = ledger.acknowledged
    known = tuple((each, said[each.commit]) for each in violations if each.commit in said)
    return Report(checked, tuple(each for each in violations if each.commit not in said), known)


def _missing_salvage(world: ReadWorld, named: Mapping[str, str]) -> tuple[Violation, ...]:
    present = {**world.objects.refs(f"{paths.SALVAGE}/"), **world.objects.refs(f"{paths.ABANDONED}/")}
    return tuple(
        Violation("P3", None, f"{path} says that work is kept under {ref}, but there is no such ref")
        for ref, path in sorted(named.items())
        if ref not in present
    )


def _missing_work(world: ReadWorld, ledger: Ledger) -> tuple[Violation, ...]:
    """Return what of the work in the queue cannot be had: it is lost, and the next reconcile runs its task again."""
    waiting = [entry for entry in ledger.entries if entry.state in ACTIVE]
    heads = frozenset(commit for entry in waiting for commit in (entry.head, entry.base))
    missing = world.engine.integrity.missing(heads, None, world.clock.now()) if heads else {}
    return tuple(
        Violation("P3", None, f"entry {entry.id} of task {entry.task} cannot be had: {missing[commit].text}")
        for entry in waiting
        for commit in (entry.head, entry.base)
        if commit in missing
    )
