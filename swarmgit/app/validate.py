"""`swarmgit validate`: every problem in the intent, as it is in the working tree or as it is committed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from msgspec.structs import replace

from swarmgit.app.room import for_own, state_problems
from swarmgit.desired.assemble import Sources, assemble, kind_of
from swarmgit.desired.crosscheck import Fault, stepwise_members
from swarmgit.desired.load import builtin_roles, load
from swarmgit.documents import paths, places
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.desired import Desired, Problem
from swarmgit.model.ids import BlobId
from swarmgit.plan.lineup import homogeneous
from swarmgit.plan.patterns import meet
from swarmgit.ports.world import ReadWorld

FILES_MAX = 100_000


def validate(world: ReadWorld, *, committed: bool = False) -> tuple[Problem, ...]:
    """Return the problems of the working tree's `.swarm/`; of the target's commit if asked for or there is none."""
    return asked_for(world, committed=committed).problems


def asked_for(world: ReadWorld, *, committed: bool = False) -> Desired:
    """Return the intent in the working tree's `.swarm/`; that of the target's commit if asked for or there is none."""
    top = _tree(world, committed=committed)
    if top is not None:
        found = read_working_tree(top, world.runtimes.names())
    else:
        found = load(world.objects, world.repository.target or "main", None, world.runtimes.names())
    crowded = tuple(Problem(each.ref, 0, 0, f"{each.message}; move it: {each.repair}") for each in for_own(world))
    taken = state_problems(world, found, _reader(world, top))
    return replace(found, problems=(*crowded, *taken, *found.problems))


def _reader(world: ReadWorld, top: Path | None) -> Callable[[str], bytes]:
    """Return what reads a file of the working tree at `top`, or where that is None of the target's commit."""

    def read(path: str) -> bytes:
        if top is not None:
            return (top / path).read_bytes()
        oid = world.objects.resolve(f"{paths.branch_ref(world.repository.target or 'main')}:{path}")
        return world.objects.blob(oid) if oid else b""

    return read


def _tree(world: ReadWorld, *, committed: bool) -> Path | None:
    top = world.repository.top
    return top if top is not None and not committed and (top / paths.SWARM).is_dir() else None


def warnings(desired: Desired, why_not: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """Return what is no mistake, but will cost or not be as it looks: programs that cannot work by policy, one model
    for everything, reviews that nobody is asked for."""
    return tuple(dict.fromkeys((*why_not.values(), *filter(None, (homogeneous(desired),)), *_reviews(desired))))


def _reviews(desired: Desired) -> Iterator[str]:
    """Yield the tasks whose word on reviews changes nothing yet."""
    for task in desired.tasks.values():
        if task.review in {"spot", "skip"}:
            yield (
                f"{task.path}: 'review: {task.review}' takes effect with sampled reviews, which are not there yet "
                "(policy.review); until then only 'review: full' and what the work changes decide who looks at it"
            )


def placed_warnings(world: ReadWorld, desired: Desired, *, committed: bool = False) -> tuple[str, ...]:
    """Return each place where a member of a convoy that holds depends on another, or where a pattern grants nothing."""
    read = _reader(world, _tree(world, committed=committed))
    found: list[str] = []
    for fault in (*stepwise_members(desired.tasks, desired.convoys), *_idle_modes(desired)):
        node, _ = places.read(fault.file, read(fault.file))
        found.append(str(Problem(fault.file, *(node.at(fault.steps) if node else (0, 0)), fault.message)))
    return tuple(found)


def _idle_modes(desired: Desired) -> Iterator[Fault]:
    """Yield each pattern of `scope.modes` that can match nothing which its task may change."""
    for task in desired.tasks.values():
        may_change = (*task.scope.owns, *task.scope.shares)
        for index, pattern in enumerate(task.scope.modes):
            if not any(meet(pattern, other) for other in may_change):
                message = f"'{pattern}' has no effect: neither 'owns' nor 'shares' has anything that it matches"
                yield Fault(task.path, ("scope", "modes", index), message)


def read_working_tree(top: Path, adapters: AbstractSet[str] = ADAPTERS.keys()) -> Desired:
    """Return what the files in `.swarm/` would ask for if they were committed now, with no earlier versions."""
    contents: dict[BlobId, bytes] = {}
    blobs: dict[str, BlobId] = {}
    odd: list[Problem] = []
    for file in _files(top / paths.SWARM):
        path = file.relative_to(top).as_posix()
        if kind_of(path) is None and not path.endswith(".yml"):
            continue
        if file.is_symlink() or not file.is_file():
            odd.append(Problem(path, 0, 0, "not read: it is not a plain file"))
            continue
        data = file.read_bytes()
        blob = BlobId(hashlib.sha256(data).hexdigest())
        blobs[path], contents[blob] = blob, data
    found = assemble(Sources(blobs, contents.__getitem__, tuple, adapters, builtin_roles()))
    return replace(found, problems=(*odd, *found.problems))


def _files(swarm: Path) -> list[Path]:
    """Return what is below `.swarm/`, but for the machine's own folders; links are not followed."""
    found: list[Path] = []
    folders = [swarm]
    while folders and len(found) < FILES_MAX:
        for entry in sorted(folders.pop().iterdir()):
            if entry.parent == swarm and entry.name in {"state", "run"}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                folders.append(entry)
            else:
                found.append(entry)
    return sorted(found)
