"""Conflicts for a session to resolve: laid out in a tree, taken back as a merge, and remembered once it has landed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from swarmgit.adapters.git import apart
from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.findings import told
from swarmgit.adapters.git.loose import CommitText, LooseWriter, NewObject, new_commit, new_object
from swarmgit.adapters.git.memory import Memory
from swarmgit.adapters.git.merge import Merged, Stage, merge_base, merge_trees
from swarmgit.adapters.git.objects import Remembered
from swarmgit.adapters.git.resolution import (
    REGULAR,
    Files,
    Resolved,
    is_generated,
    resolve_conflicts,
    with_files,
)
from swarmgit.adapters.git.run import OutOfTime
from swarmgit.adapters.git.voices import Voices
from swarmgit.errors import PersonMustAct
from swarmgit.model.conflicts import LaidOut, Proposal
from swarmgit.model.desired import MergeConfig
from swarmgit.model.git import Identity
from swarmgit.model.ids import CommitId, TreeId

DIFF_CHARS_MAX = 200_000
DIFF_CPU_S_MAX, DIFF_WALL_S_MAX = 20, 60.0
MERGES_MAX = 8
LABELS = {1: "where both began", 2: "the target", 3: "the task"}
MARKERS = re.compile(rb"^(<{7} the target|\|{7} where both began|>{7} the task|={7}$)", re.MULTILINE)
LAYOUT = Identity("swarmgit", "swarmgit@localhost")


class GitConflicts:
    """ports.Conflicts, on the engine's objects."""

    def __init__(self, engine: GitEngine, voices: Voices, memory: Memory) -> None:
        self._engine = engine
        self._objects = engine.objects
        self._voices = voices
        self._memory = memory
        self._merged: Remembered[Merged] = Remembered(MERGES_MAX)
        self._writer = LooseWriter(engine.git.git_dir / "objects", durable=False)

    def lay_out(self, onto: CommitId, head: CommitId, auto: MergeConfig | None) -> LaidOut:
        """Return a commit on both sides whose files hold what is settled, and markers where nothing is."""
        merged = self._merge(onto, head)
        found = Resolved()
        if auto is not None:
            found = resolve_conflicts(self._objects, merged, auto, self._voices)
            self._writer.write(found.new)
        files = dict(found.files)
        files.update(self._laid({path: s for path, s in merged.stages.items() if path not in files}, auto))
        if merged.tree is None and merged.marked is None:
            raise PersonMustAct("the two histories have no common commit", f"git merge-base {onto} {head}")
        tree = merged.tree or self._placed(str(merged.marked), files)
        text = f"Both sides of a merge: {onto} and {head}"
        commit = self._commit(TreeId(tree), (onto, head), text, (self._objects.commit(head).committed, LAYOUT))
        base = merge_base(self._objects, onto, head)
        hints = {path: self._objects.blob(oid) for path, oid in found.hints.items() if path not in found.files}
        return LaidOut(
            commit=commit,
            ours=self._diff(base, onto, merged.conflicts),
            theirs=self._diff(base, head, merged.conflicts),
            hints=hints,
        )

    def _merge(self, onto: CommitId, head: CommitId) -> Merged:
        """Return the merge of two commits, made once for laying out, judging and remembering it."""
        key = f"{onto} {head}"
        return self._merged.get(key) or self._merged.put(key, merge_trees(self._objects, onto, head))

    def _laid(self, left: Mapping[str, Mapping[int, Stage]], auto: MergeConfig | None) -> Files:
        """Return what paths without an answer hold: the target's side where a command makes it, else markers."""
        files: Files = {}
        asked: dict[str, apart.Mark] = {}
        for path, stages in left.items():
            side = stages.get(2) or stages.get(3)
            if side is None:
                continue
            if auto is not None and is_generated(path, auto):
                files[path] = (side.mode, side.oid)
            elif all(stage.mode in REGULAR for stage in stages.values()):
                base, ours, theirs = (self._objects.blob(stages[n].oid) if n in stages else None for n in (1, 2, 3))
                labels = [name if n in stages else f"{name} (has deleted it)" for n, name in LABELS.items()]
                asked[path] = apart.Mark(base, ours or b"", theirs or b"", (labels[1], labels[0], labels[2]))
        for path, said in zip(asked, apart.ask(tuple(asked.values())), strict=True):
            if said.marked is not None:
                blob = new_object("blob", said.marked, self._objects.algorithm)
                self._writer.write([blob])
                files[path] = ((left[path].get(2) or left[path][3]).mode, blob.oid)
        return files

    def _placed(self, tree: str, files: Files) -> str:
        """Return the tree with the files that it has a place for; git may have moved one aside."""
        for path, file in files.items():
            new: list[NewObject] = []
            placed = with_files(self._objects, tree, {path: file}, new)
            if placed is not None:
                self._writer.write(new)
                tree = placed
        return tree

    def propose(self, resolved: CommitId, auto: MergeConfig | None) -> Proposal:
        """Return the merge whose tree is a captured resolution's, with its message, author and date.

        Its parents are those of the layout that the resolution began with. Equal input, equal commit.
        """
        info = self._objects.commit(resolved)
        layout = self._objects.commit(info.parents[0])
        sides = layout.parents
        author = Identity(info.author, info.author_email)
        commit = self._commit(info.tree, (sides[0], sides[1]), info.message, (info.committed, author))
        return Proposal(commit, *self._left((sides[0], sides[1]), layout.tree, info.tree, auto))

    def _left(
        self, sides: tuple[CommitId, CommitId], layout: TreeId, tree: TreeId, auto: MergeConfig | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the conflicted paths that still hold a marker of the layout, and those that nobody decided about."""
        merged = self._merge(*sides)
        settled: set[str] = set()
        if auto is not None and merged.stages:
            settled |= resolve_conflicts(self._objects, merged, auto, self._voices).files.keys()
            settled |= {path for path in merged.stages if is_generated(path, auto)}
        before, after = self._objects.walk(layout), self._objects.walk(tree)
        aside = [path for path in after if path.endswith(tuple(f"~{side}" for side in sides))]
        markers = []
        for path in merged.stages:
            laid, now = before.get(path), after.get(path)
            was_marked = laid is not None and laid.mode in REGULAR and _has_marker(self._objects.blob(laid.oid))
            if was_marked and now is not None and now.mode in REGULAR and _has_marker(self._objects.blob(now.oid)):
                markers.append(path)
            elif not was_marked and laid == now and path not in settled:
                aside.append(path)
        return tuple(map(told, markers)), tuple(map(told, aside))

    def remember(self, proposal: CommitId) -> None:
        """Keep how the conflicts of a merge were resolved, for the next time that they come up."""
        onto, head = self._objects.commit(proposal).parents
        merged = self._merge(onto, head)
        result = self._objects.walk(self._objects.commit(proposal).tree) if merged.stages else {}
        asked = []
        for path, stages in merged.stages.items():
            entry = result.get(path)
            if entry is None or not {2, 3} <= stages.keys():
                continue
            base = self._objects.blob(stages[1].oid) if 1 in stages else None
            ours, theirs = (self._objects.blob(stages[number].oid) for number in (2, 3))
            asked.append(apart.Learn(base, ours, theirs, self._objects.blob(entry.oid)))
        for said in apart.ask(asked):
            for key, lines in said.learned.items():
                self._memory.keep(key, lines)

    def _commit(
        self, tree: TreeId, parents: tuple[CommitId, ...], message: str, who: tuple[datetime, Identity]
    ) -> CommitId:
        commit = new_commit(CommitText(tree, parents, message, *who), self._objects.algorithm)
        self._writer.write([commit])
        return CommitId(commit.oid)

    def _diff(self, base: CommitId | None, side: CommitId, paths: tuple[str, ...]) -> str:
        if base is None:
            return ""
        options = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")
        try:
            done = self._objects.git.bounded(DIFF_CPU_S_MAX, DIFF_WALL_S_MAX).call(
                "diff", *options, base, side, "--", *paths
            )
        except OutOfTime:
            return "(this difference takes too long to make)\n"
        text = done.stdout.decode("utf-8", "replace")
        return text if len(text) <= DIFF_CHARS_MAX else text[:DIFF_CHARS_MAX] + "\n(cut off here)\n"


def _has_marker(content: bytes) -> bool:
    """Return whether one of a layout's markers stands in a file. One is enough: half a conflict is no resolution."""
    return MARKERS.search(content) is not None
