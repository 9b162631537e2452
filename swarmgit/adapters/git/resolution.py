"""Conflict tier 2 on git objects: the conflicts of one merge, resolved by rules where all of them can be."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace
from pathspec import GitIgnoreSpec

from swarmgit.adapters.git import apart
from swarmgit.adapters.git.findings import told
from swarmgit.adapters.git.loose import NewObject, in_git_order, new_object, new_tree
from swarmgit.adapters.git.merge import Merged, Stage
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.voices import Voices
from swarmgit.documents.paths import SWARM
from swarmgit.model.desired import MergeConfig
from swarmgit.model.git import TreeEntry
from swarmgit.model.ids import TreeId
from swarmgit.model.observed import MergeTry
from swarmgit.resolve.answer import Answer

REGULAR = frozenset({"100644", "100755"})
PATHS_MAX = 200
"""A merge with more conflicts is nothing for rules."""


Files = dict[str, tuple[str, str]]
"""Path → (mode, blob)."""


class Resolved(Struct):
    """`tree` None: some path is left. `new`: the objects to write; `record` and `hints` as in model.MergeTry.

    `files`: the paths that have an answer. `regenerate`: the commands that make what is left, where that is all
    generated.
    """

    tree: TreeId | None = None
    new: list[NewObject] = field(default_factory=list)
    record: list[Mapping[str, Any]] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    regenerate: tuple[str, ...] = ()

    def described(self, tried: MergeTry) -> MergeTry:
        """Return a merge that was tried with what became of its conflicts; where only generated files are left,
        those are its conflicts."""
        left = tuple(path for path in tried.conflicts if not self.regenerate or path not in self.files)
        hints = {} if self.tree is not None else {told(path): oid for path, oid in self.hints.items()}
        return replace(tried, conflicts=left, resolution=tuple(self.record), hints=hints, regenerate=self.regenerate)


def resolve_conflicts(objects: GitObjects, merged: Merged, config: MergeConfig, voices: Voices) -> Resolved:
    """Ask the rules about every conflicted path; a path without an answer leaves the whole merge a conflict."""
    found = Resolved()
    if merged.marked is None or len(merged.stages) > PATHS_MAX:
        return found
    generated = tuple(pattern for made in config.generated for pattern in made.files)
    settings = apart.Settings(config.union, generated, *map(_fs, (voices.memory, voices.merger)))
    files = found.files
    modes = {path: mode for path, stages in sorted(merged.stages.items()) if (mode := _mode(path, stages))}
    asked = [_sides(objects, path, merged.stages[path]) for path in modes]
    for (path, mode), said in zip(modes.items(), apart.ask(asked, settings), strict=True):
        answer = said.answer or Answer()
        content = answer.content if answer.content is not None else answer.hint
        if content is None:
            continue
        blob = new_object("blob", content, objects.algorithm)
        found.new.append(blob)
        found.hints[path] = blob.oid
        if answer.content is not None:
            files[path] = (mode, blob.oid)
            found.record.append(_recorded(path, answer))
    left = merged.stages.keys() - files.keys()
    if not left:
        tree = with_files(objects, merged.marked, files, found.new)
        found.tree = None if tree is None else TreeId(tree)
    found.regenerate = _commands(left, config)
    return found


def _commands(left: Iterable[str], config: MergeConfig) -> tuple[str, ...]:
    """Return what makes the paths that are left, in order of configuration; nothing where one is not generated."""
    matchers = [(GitIgnoreSpec.from_lines(made.files).match_file, made.run) for made in config.generated]
    wanted: set[str] = set()
    for path in left:
        makes = [run for matches, run in matchers if matches(path)]
        if not makes:
            return ()
        wanted.update(makes)
    return tuple(dict.fromkeys(run for _, run in matchers if run in wanted))


def is_generated(path: str, config: MergeConfig) -> bool:
    """Return whether a path is one that a command makes."""
    return any(GitIgnoreSpec.from_lines(made.files).match_file(path) for made in config.generated)


def _mode(path: str, stages: Mapping[int, Stage]) -> str | None:
    """Return the merged mode of a file that both sides have; None for what is no matter of content."""
    if path.split("/", maxsplit=1)[0] == SWARM or not {2, 3} <= stages.keys():
        return None
    if any(stage.mode not in REGULAR for stage in stages.values()):
        return None
    ours, theirs = stages[2].mode, stages[3].mode
    if ours == theirs:
        return ours
    if 1 not in stages:
        return None
    return theirs if ours == stages[1].mode else ours


def _fs(path: str | None) -> bytes | None:
    return os.fsencode(path) if path else None


def _sides(objects: GitObjects, path: str, stages: Mapping[int, Stage]) -> apart.Resolve:
    base = objects.blob(stages[1].oid) if 1 in stages else None
    return apart.Resolve(os.fsencode(path), base, objects.blob(stages[2].oid), objects.blob(stages[3].oid))


def _recorded(path: str, answer: Answer) -> Mapping[str, Any]:
    """Return what the ledger says about a resolution, in plain values."""
    return {
        "path": told(path),
        "resolvers": list(answer.resolvers),
        "agreed": answer.agreed,
        "hunks": [asdict(hunk) for hunk in answer.hunks],
        "check": "holds" if answer.check.holds else "fails",
    }


def with_files(
    objects: GitObjects, tree: str, files: Mapping[str, tuple[str, str]], new: list[NewObject]
) -> str | None:
    """Return the id of `tree` with other contents of files that it has; None where it has no such file."""
    here = {name: found for name, found in files.items() if "/" not in name}
    below: dict[str, dict[str, tuple[str, str]]] = {}
    for path in files.keys() - here.keys():
        folder, _, rest = path.partition("/")
        below.setdefault(folder, {})[rest] = files[path]
    entries = {entry.name: entry for entry in objects.tree(tree)}
    for name, (mode, oid) in here.items():
        if name not in entries or entries[name].kind != "blob":
            return None
        entries[name] = TreeEntry(mode, "blob", oid, name)
    for name, inner in below.items():
        there = entries.get(name)
        made = with_files(objects, there.oid, inner, new) if there and there.kind == "tree" else None
        if made is None:
            return None
        entries[name] = TreeEntry("040000", "tree", made, name)
    built = new_tree(in_git_order(entries.values()), objects.algorithm)
    new.append(built)
    return built.oid
