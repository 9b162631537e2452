"""Checks of what is kept alive: the commits that open work stands on, and the refs of swarmgit's own."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.app.doctor.report import Facts, Finding
from swarmgit.app.views.words import counted
from swarmgit.documents import paths
from swarmgit.ports.world import ReadWorld, World


def work(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
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
    lent = observed.needed - observed.missing.keys() - world.engine.integrity.copied()
    if lent:
        text = (
            f"of {counted(len(lent), 'commit')} that open work stands on swarmgit has no copy: git gc may take it away"
        )
        yield Finding("work", "warn", text, "swarmgit reconcile makes one, and tries again every few minutes")


def refs(world: ReadWorld, _facts: Facts) -> Iterator[Finding]:
    """The refs below refs/swarm name commits that are here."""
    found = world.engine.upkeep.faults(thorough=True)

    def heal(world: World) -> str:
        world.engine.upkeep.heal()
        lost = world.engine.upkeep.faults(thorough=True)
        if lost:
            world.engine.upkeep.drop(lost)
        named = (
            f"; of {counted(len(lost), 'ref')} no copy is left, they are noted in {paths.RUN_LINK}/{paths.LOST_REFS}"
        )
        return f"put {counted(len(found) - len(lost), 'ref')} of {len(found)} right" + (named if lost else "")

    for place, fault in enumerate(found):
        words = "" if fault.is_derived else "; a copy of this work may be in a clone: git fetch CLONE 'refs/swarm/*:*'"
        yield Finding(
            "refs", "fail", f"{fault.text}, and stops git gc{words}", "swarmgit doctor --fix", None if place else heal
        )
    if not found:
        yield Finding("refs", "ok", "refs below refs/swarm are whole")


def mirrors(world: ReadWorld, _facts: Facts) -> Iterator[Finding]:
    """No remote gets unfinished work by mirroring."""
    for remote in world.engine.upkeep.mirrors():
        yield Finding("mirrors", "warn", mirror_words(remote), f"git config --get-regexp ^remote.{remote}.")


def mirror_words(remote: str) -> str:
    """Return what a remote that mirrors all refs means."""
    return f"remote {remote} mirrors refs/swarm: work that has not landed goes along with a push or a fetch of it"
