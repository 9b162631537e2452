"""The intent in force at a branch: read from its commit, never from the working tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.desired.cache import Cache
from swarmgit.documents import paths, schemas
from swarmgit.errors import SwarmError, TryLater
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.desired import Desired, Problem
from swarmgit.model.git import TreeEntry
from swarmgit.model.ids import BlobId, CommitId
from swarmgit.ports.repository import Objects

COMMITS_MAX = 2000
STATES_MAX = 300
"""How far back an earlier good version is looked for: commits, and different states of `.swarm/` among them."""


def load(
    objects: Objects, target: str, cache: Cache | None = None, adapters: AbstractSet[str] = ADAPTERS.keys()
) -> Desired:
    """Return the intent that the branch `target` asks for, with every problem found on the way."""
    ref = paths.branch_ref(target)
    commit = objects.ref(ref)
    if commit is None and (named := objects.named(ref)):  # a disk that is away may come back, and rings nobody then
        raise TryLater(f"branch {target} cannot be read: its commit {named[:12]} is not here", "git fsck")
    if commit is None:
        message = (
            f"branch {target}, where work lands, is not there, so nothing is asked for: `git branch {target} COMMIT`"
            " brings one back that was renamed or deleted, `swarmgit init` begins"
        )
        return Desired(None, None, problems=(Problem(paths.SWARM, 0, 0, message),))
    return load_commit(objects, commit, cache, adapters)


def load_commit(
    objects: Objects, commit: CommitId, cache: Cache | None = None, adapters: AbstractSet[str] = ADAPTERS.keys()
) -> Desired:
    """Return the intent at one commit."""
    cache = cache or Cache(None)
    tree = _swarm_tree(objects, commit)
    if tree is None:
        message = f"there is no {paths.SWARM}/ in commit {commit[:12]}; make one with: swarmgit init"
        return Desired(commit, None, problems=(Problem(paths.SWARM, 0, 0, message),))
    found = cache.get(tree, commit, adapters)
    if found is None:
        found = _assemble(objects, commit, tree, cache, adapters)
        cache.put(tree, commit, adapters, found)
    return found if found.commit == commit else replace(found, commit=commit)


def state_branch(objects: Objects, target: str) -> str | None:
    """Return the state branch that the target's swarm.yaml names; what its last good version names where it is broken.

    None: there is no good one.
    """
    from swarmgit.documents import intent

    commit = objects.ref(paths.branch_ref(target))
    tree = _swarm_tree(objects, commit) if commit is not None else None
    if commit is None or tree is None:
        return None
    for version in (_Earlier(objects, tree), *_earlier(objects, commit, tree)):
        blob = version.blob(paths.SWARM_YAML)
        swarm = intent.swarm(paths.SWARM_YAML, blob, objects.blob(blob)).value if blob else None
        if swarm is not None:
            return swarm.state_branch
    return None


def builtin_roles() -> Mapping[str, str]:
    """Return the texts of the roles that always exist."""
    roles: Path = schemas.folder("template") / "roles"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(roles.glob("*.md"))}


def _assemble(objects: Objects, commit: CommitId, tree: str, cache: Cache, adapters: AbstractSet[str]) -> Desired:
    # imported here: with a warm cache no command needs the parsers
    from swarmgit.desired.assemble import Sources, assemble, kind_of
    from swarmgit.documents.intent import Parsed

    entries = {f"{paths.SWARM}/{path}": entry for path, entry in objects.walk(tree).items()}
    odd = [path for path, entry in entries.items() if not entry.mode.startswith("100") and kind_of(path)]
    blobs = {path: BlobId(entry.oid) for path, entry in entries.items() if path not in odd}
    if not cache.parsed:
        cache.parsed = {key: Parsed(task, ()) for key, task in cache.earlier_tasks().items()}
    sources = Sources(
        blobs,
        objects.blob,
        lambda: _earlier(objects, commit, tree),
        adapters,
        builtin_roles(),
        cache.parsed,
    )
    desired = assemble(sources)
    refused = tuple(Problem(path, 0, 0, "not read: it is a symbolic link, not a file") for path in odd)
    return replace(desired, problems=(*refused, *desired.problems))


class _Earlier(Struct, frozen=True):
    """`.swarm/` as it was; `tree` is its id."""

    objects: Objects
    tree: str

    def blob(self, path: str) -> BlobId | None:
        oid = self.tree
        *folders, name = path.split("/")[1:]
        for folder in folders:
            entry = _entry(self.objects, oid, folder)
            if entry is None or entry.kind != "tree":
                return None
            oid = entry.oid
        entry = _entry(self.objects, oid, name)
        return BlobId(entry.oid) if entry and entry.mode.startswith("100") else None


def _earlier(objects: Objects, commit: CommitId, tree: str) -> Iterator[_Earlier]:
    """Yield the earlier states of `.swarm/` along the first parents, each once in a row, as far as bounds allow."""
    states = 0
    for _ in range(COMMITS_MAX):
        try:
            parents = objects.commit(commit).parents
            if not parents or states >= STATES_MAX:
                return
            commit = parents[0]
            before = _swarm_tree(objects, commit)
        except SwarmError:
            return  # a shallow clone ends here
        if before is not None and before != tree:
            tree, states = before, states + 1
            yield _Earlier(objects, tree)


def _swarm_tree(objects: Objects, commit: CommitId) -> str | None:
    entry = _entry(objects, objects.commit(commit).tree, paths.SWARM)
    return entry.oid if entry and entry.kind == "tree" else None


def _entry(objects: Objects, tree: str, name: str) -> TreeEntry | None:
    return next((entry for entry in objects.tree(tree) if entry.name == name), None)
