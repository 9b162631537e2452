"""The target's history against the ledger, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from swarmgit.app.fsck.gates import GatesInForce
from swarmgit.app.fsck.landing import judge_landing
from swarmgit.app.fsck.ledger import Ledger
from swarmgit.app.fsck.order import Order
from swarmgit.app.fsck.report import Violation
from swarmgit.app.fsck.signatures import judge_signatures
from swarmgit.app.fsck.verdicts import judge_verdict
from swarmgit.documents import paths
from swarmgit.model import trailers
from swarmgit.model.git import CommitInfo
from swarmgit.model.ids import CommitId
from swarmgit.model.queue import Entry
from swarmgit.ports.world import ReadWorld


def judge_target(world: ReadWorld, ledger: Ledger, head: CommitId | None) -> tuple[int, tuple[Violation, ...]]:
    """Return how many commits were judged, and every promise that they break."""
    line = first_parent_line(world, head)
    landed = ledger.by_commit
    foreign = from_elsewhere(world, ledger, line)
    gates = GatesInForce(world, ledger, Order(world))
    found: list[Violation] = []
    landings: list[tuple[Entry, CommitInfo]] = []
    checked = 0
    cut = world.objects.shallow()
    left_out = _left_out(world, cut)
    for commit, info in line.items():
        if commit in cut:  # what it changed is not here
            continue
        entries = landed.get(commit, ())
        for entry in entries:
            checked += 1
            found += judge_landing(world, entry, info, gates)
            found += judge_verdict(ledger, entry, commit) if entry not in ledger.others else ()
            landings.append((entry, info))
        if not entries and commit not in foreign and "task" in trailers.parse(info.message):
            checked += 1
            found += _without_entry(world, ledger, info)
    elsewhere = [
        entry
        for commit, entries in landed.items()
        for entry in entries
        if commit not in line
        and entry.state == "landed"
        and entry not in ledger.others
        and _is_known(world, commit, left_out)
    ]
    inside = _reachable(world, line, {entry.landed_commit for entry in elsewhere if entry.landed_commit})
    for entry in elsewhere:
        checked += 1
        found += _off_the_line(world, entry, inside, gates)
        if entry.landed_commit in inside:
            found += judge_verdict(ledger, entry, entry.landed_commit)
            landings.append((entry, world.objects.commit(entry.landed_commit)))
    found += judge_signatures(world, gates, landings)
    found += (each for each in _statuses(ledger, {*line, *inside}) if _is_known(world, each.commit, left_out))
    found += _followed(world, ledger)
    return checked, tuple(found)


def first_parent_line(world: ReadWorld, head: CommitId | None) -> dict[CommitId, CommitInfo]:
    """Return the target's first-parent line by commit, newest first."""
    line: dict[CommitId, CommitInfo] = {}
    cut = world.objects.shallow()
    commit = head
    while commit is not None and commit not in line:
        line[commit] = world.objects.commit(commit)
        commit = next(iter(line[commit].parents), None) if commit not in cut else None
    return line


def _left_out(world: ReadWorld, cut: AbstractSet[CommitId]) -> set[CommitId]:
    """Return the commits before those at which a shallow clone was cut, as far as they are here all the same."""
    found: set[CommitId] = set()
    ahead = list(cut)
    while ahead:
        commit = ahead.pop()
        if commit not in found and world.objects.resolve(f"{commit}^{{commit}}") is not None:
            found.add(commit)
            ahead.extend(world.objects.commit(commit).parents)
    return found


def _is_known(world: ReadWorld, commit: str | None, left_out: AbstractSet[CommitId]) -> bool:
    """Return whether the repository can tell about a commit: a shallow one says nothing about what it left out."""
    if not left_out or commit is None:
        return True
    return commit not in left_out and world.objects.resolve(f"{commit}^{{commit}}") is not None


def from_elsewhere(world: ReadWorld, ledger: Ledger, line: Mapping[CommitId, CommitInfo]) -> set[CommitId]:
    """Return the commits of the target's first-parent line that came in because others had pushed them.

    Other swarms gated them, or people made them. They reach from what was followed down to where the target was before,
    or, where others had merged that in, down to what it contained.
    """
    found: set[CommitId] = set()
    for each in ledger.followed.values():
        commit: CommitId | None = each.new
        is_straight = each.old in line  # then no question has to be asked about what lies between
        while commit is not None and commit in line and commit not in found and commit != each.old:
            if not is_straight and world.objects.is_ancestor(commit, each.old):
                break
            found.add(commit)
            commit = next(iter(line[commit].parents), None)
    return found


def _reachable(world: ReadWorld, line: dict[CommitId, CommitInfo], wanted: set[CommitId]) -> set[CommitId]:
    """Return which of `wanted` the target contains off its first-parent line, by one walk that ends with the last."""
    missing = set(wanted)
    seen = set(line)
    cut = world.objects.shallow()
    todo = [parent for commit, info in line.items() if commit not in cut for parent in info.parents[1:]]
    while todo and missing:
        commit = todo.pop()
        if commit not in seen:
            seen.add(commit)
            missing.discard(commit)
            todo.extend(world.objects.commit(commit).parents if commit not in cut else ())
    return wanted - missing


def _off_the_line(world: ReadWorld, entry: Entry, inside: set[CommitId], gates: GatesInForce) -> Iterator[Violation]:
    commit = entry.landed_commit
    if commit in inside:
        assert commit is not None
        yield from judge_landing(world, entry, world.objects.commit(commit), gates)
    else:
        yield Violation(
            "P2",
            commit,
            f"entry {entry.id} of task {entry.task} says that it landed as {commit}, which the target lacks",
        )


def _without_entry(world: ReadWorld, ledger: Ledger, info: CommitInfo) -> Iterator[Violation]:
    """Yield what is wrong with a commit that says it is swarmgit's and that the ledger does not know."""
    who = trailers.parse(info.message)
    yield Violation("P2", info.oid, f"it names task {who['task']}, but no entry of the ledger landed it")
    tree = world.engine.code_tree(info.oid)
    twin = ledger.by_session.get(who.get("session", ""))
    gated = twin.candidate.code_tree if twin and twin.candidate else None
    if gated is None:
        lost = "; state was made anew from the history" if info.oid in ledger.said_landed.values() else ""
        yield Violation("I1", info.oid, f"there is no evidence that any gate passed on its code tree {tree}{lost}")
    elif gated != tree:
        yield Violation("I1", info.oid, f"its code tree {tree} is not {gated}, on which the gates passed")


def _followed(world: ReadWorld, ledger: Ledger) -> Iterator[Violation]:
    """Yield records of commits that are said to come from a remote which does not have them, as far as is known."""
    for path, each in ledger.followed.items():
        seen = world.objects.ref(paths.remote_ref(each.branch))
        if seen is not None and not world.objects.is_ancestor(each.new, seen):
            name = f"{each.remote}/{each.branch}"
            yield Violation("P1", each.new, f"{path} says that it was pushed to {name}, which does not have it")


def _statuses(ledger: Ledger, contained: set[CommitId]) -> Iterator[Violation]:
    """Yield tasks that say they landed as a commit that is neither in the target nor named by an entry."""
    by_entry = set(ledger.by_commit)
    for path, commit in ledger.said_landed.items():
        if commit not in contained and commit not in by_entry:
            yield Violation("P2", commit, f"{path} says that the task landed as {commit}, which the target lacks")
