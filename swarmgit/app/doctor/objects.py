"""Checks of what is kept alive: the commits that open work stands on, and the refs of swarmgit's own."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.app.doctor.report import Facts, Finding
from swarmgit.app.views.words import counted
from swarmgit.app.world import World


def work(_world: World, facts: Facts) -> Iterator[Finding]:
    """Every commit that open work stands on is here."""
    observed = facts.seen.observed
    gone = sorted(commit for commit in observed.needed if commit in observed.missing)
    for commit in gone:
        text = observed.missing[commit].text
        yield Finding(
            "work", "fail", text, "swarmgit reconcile runs its task again; git fetch brings refs/swarm/* along"
        )
    if not gone:
        many = counted(len(observed.needed), "commit")
        yield Finding("work", "ok", f"open work stands on {many}, which can be had")


def refs(world: World, _facts: Facts) -> Iterator[Finding]:
    """The refs below refs/swarm name commits that are here."""
    found = world.upkeep.faults()

    def heal() -> str:
        world.upkeep.heal()
        left = {fault.name for fault in world.upkeep.faults()}
        return f"put {counted(sum(fault.name not in left for fault in found), 'ref')} of {len(found)} right"

    for fault in found:
        repair = (
            "swarmgit doctor --fix" if fault.is_derived else f"git update-ref -d {fault.name}, where no copy is left"
        )
        yield Finding("refs", "fail", fault.text, repair, heal if fault.is_derived else None)
    if not found:
        yield Finding("refs", "ok", "refs below refs/swarm are whole")


def mirrors(world: World, _facts: Facts) -> Iterator[Finding]:
    """No remote gets unfinished work by mirroring."""
    for remote in world.upkeep.mirrors():
        yield Finding("mirrors", "warn", mirror_words(remote), f"git config --get-regexp ^remote.{remote}.")


def mirror_words(remote: str) -> str:
    """Return what a remote that mirrors all refs means."""
    return f"remote {remote} mirrors refs/swarm: work that has not landed goes along with a push or a fetch of it"
