"""The engine: a bare repository of swarmgit's own, where all git work on agents' content happens."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from swarmgit.adapters.git.difference import difference, shown
from swarmgit.adapters.git.findings import told
from swarmgit.adapters.git.loose import CommitText, LooseWriter, loose_path, new_commit, new_tree, write_file
from swarmgit.adapters.git.merge import Bases, Merged, merge_trees, touched_by_both
from swarmgit.adapters.git.objects import GitObjects, MemoryWriter, Remembered
from swarmgit.adapters.git.pathdiff import changed_files
from swarmgit.adapters.git.refs import OID, RefChange, RefWriter, move_own
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.saved import SavedWork
from swarmgit.adapters.git.transfer import Transfer
from swarmgit.adapters.git.voices import Voices
from swarmgit.documents.paths import ENGINE, MENDED, SWARM
from swarmgit.model.desired import Gate, MergeConfig
from swarmgit.model.git import CommitInfo, Identity, TreeEntry
from swarmgit.model.ids import CommitId, TreeId
from swarmgit.model.observed import MergeTry
from swarmgit.model.status import Difference

if TYPE_CHECKING:  # loaded only where something conflicts
    from swarmgit.adapters.git.resolution import Resolved

EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
STRAYS = ("commondir", "config.worktree", "info/exclude", "info/grafts", "info/sparse-checkout")
"""What git reads in a git directory besides, and the engine has none of."""
NO_ATTRIBUTES = "* !filter !diff !merge !text !crlf !eol !ident !working-tree-encoding\n"
"""`crlf` is the old name of `text`."""
CONFIG = """[core]
\trepositoryformatversion = {version}
\tbare = true
\tlogAllRefUpdates = false
\tautocrlf = false
\tsafecrlf = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\thooksPath = /dev/null
\tfsmonitor = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
{extensions}"""


HEAD = "ref: refs/heads/none\n"


def engine_git(live: Path, common_dir: Path, algorithm: str = "sha1", pass_fds: tuple[int, ...] = ()) -> Git:
    """Return the engine repository in `live`, made or mended if need be. Every call there reads only its own files."""
    folder = live / ENGINE
    files = _files(folder, common_dir, algorithm)
    if not (folder / "HEAD").exists():
        live.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="engine-", dir=live) as scratch:
            made = Path(scratch) / ENGINE
            _fill(made, files)
            with suppress(OSError):  # somebody else has made it meanwhile, or something else is in its place
                made.rename(folder)
            if not (folder / "HEAD").exists():
                folder.rename(Path(scratch) / "stale")
                made.rename(folder)
    else:
        _fill(folder, files)
    # git before 2.43 ignores the variable; there, attributes of a tree are not read in a bare repository anyway
    return Git(folder, env={"GIT_ATTR_SOURCE": EMPTY_TREE[algorithm]}, pass_fds=pass_fds)


def is_as_made(folder: Path, common_dir: Path, algorithm: str) -> bool:
    """Return whether the engine is there and its settings are those that we write."""
    try:
        files = {**_files(folder, common_dir, algorithm), "HEAD": HEAD}
        return not any(_differs(folder / name, text) for name, text in files.items()) and not any(
            os.path.lexists(folder / name) for name in STRAYS
        )
    except OSError:
        return False


class GitEngine(SavedWork):
    """ports.Engine. `objects` reads the engine, which sees the person's objects too; `person` reads theirs.

    `keeps` False: what would be written stays in memory.
    """

    def __init__(
        self, git: Git, person: GitObjects, voices: Voices | None = None, *, durable: bool = True, keeps: bool = True
    ) -> None:
        self.git = git
        self.objects = GitObjects(git, person.algorithm)
        self.transfer = Transfer(self.objects, person, durable)
        self._voices = voices or Voices()
        self._writer = LooseWriter(git.git_dir / "objects", durable=False) if keeps else MemoryWriter(self.objects)
        super().__init__(self.objects, person, self.transfer, self._writer)
        self._bases = Bases(self.objects)
        self._refs = RefWriter(git)
        self._code_trees: Remembered[TreeId] = Remembered(4096)
        self._inputs: Remembered[str] = Remembered(4096)

    def code_tree(self, rev: str) -> TreeId:
        known = self._code_trees.get(rev)
        if known is not None:
            return known
        whole = self.objects.tree_of(rev)
        entries = tuple(entry for entry in self.objects.tree(whole) if entry.name != SWARM)
        tree = new_tree(entries, self._person.algorithm)
        if tree.oid != whole:
            self._writer.write([tree])
        is_id = len(rev) == len(whole) and set(rev) <= set("0123456789abcdef")
        return self._code_trees.put(rev, TreeId(tree.oid)) if is_id else TreeId(tree.oid)

    def gate_inputs(self, rev: str, gates: Sequence[Gate]) -> dict[str, str]:
        asked = [gate for gate in gates if gate.inputs]
        if not asked:
            return {}
        tree = self.code_tree(rev)
        files: dict[str, TreeEntry] = {}
        found: dict[str, str] = {}
        for gate in asked:
            key = "\0".join((tree, *gate.inputs))
            known = self._inputs.get(key)
            if known is None:
                files = files or self.objects.walk(tree)
                known = self._inputs.put(key, _hash_of_matching(files, gate.inputs))
            found[gate.name] = known
        return found

    def merge(
        self,
        onto: CommitId,
        head: CommitId,
        message: str,
        gates: Sequence[Gate],
        style: str,
        auto: MergeConfig | None = None,
    ) -> MergeTry:
        merged = merge_trees(self.objects, onto, head, self._bases)
        tried = MergeTry(onto, head, None, None, merged.conflicts)
        if merged.tree is not None:
            self._writer.write(merged.new)
            return self._candidate(tried, merged.tree, message, gates, style)
        found = None if auto is None else self._resolved(merged, auto)
        if found is None or found.tree is None:
            tried = tried if found is None else found.described(tried)
            both = touched_by_both(self.objects, onto, head)
            return replace(tried, both=tuple(map(told, both)), conflicts=tuple(map(told, tried.conflicts)))
        tried = replace(found.described(tried), tier="auto")
        return self._candidate(tried, found.tree, message, gates, style)

    def _resolved(self, merged: Merged, auto: MergeConfig) -> Resolved:
        from swarmgit.adapters.git.resolution import resolve_conflicts

        found = resolve_conflicts(self.objects, merged, auto, self._voices)
        self._writer.write(found.new)
        return found

    def _candidate(self, tried: MergeTry, tree: TreeId, message: str, gates: Sequence[Gate], style: str) -> MergeTry:
        info = self.objects.commit(tried.head)
        parents = (tried.base,) if style == "squash" else (tried.base, tried.head)
        text = CommitText(tree, parents, message, info.committed, self._author(info))
        commit = new_commit(text, self._person.algorithm)
        self._writer.write([commit])
        self.objects.learn([commit])
        oid = CommitId(commit.oid)
        inputs = self.gate_inputs(oid, gates)
        return replace(tried, commit=oid, code_tree=self.code_tree(oid), conflicts=(), gate_inputs=inputs)

    def _author(self, info: CommitInfo) -> Identity:
        """Return who did the task's work: of a resolved conflict (onto, work) the author of the work."""
        while len(info.parents) == 2:  # ends: each step goes back in history
            info = self.objects.commit(info.parents[1])
        return Identity(info.author, info.author_email)

    def pin(self, refs: Mapping[str, CommitId]) -> None:
        changes = [RefChange(ref, oid) for ref, oid in refs.items()]
        if changes:
            move_own(self._refs, self.git.git_dir, changes, len(changes[0].new or ""))

    def pins(self) -> dict[str, CommitId]:
        return self.objects.refs("refs/swarm/")

    def prune(self, before: datetime, keep: Sequence[str]) -> int:
        there = [oid for oid in sorted(set(keep)) if self.objects.resolve(f"{oid}^{{commit}}")]
        options = ("--no-progress", "-n", f"--expire={int(before.timestamp())}")
        said = (line.split(" ") for line in self.git.out("prune", *options, "--", *there).decode().splitlines())
        # git itself would also delete what a pack of the person's has: the engine owns its copies
        unneeded = [words[0] for words in said if len(words) == 2 and OID.fullmatch(words[0])]
        for oid in unneeded:
            loose_path(self.git.git_dir / "objects", oid).unlink(missing_ok=True)
        return len(unneeded)

    def unpin(self, ref: str) -> None:
        """Drop a ref of the engine, if it is there."""
        if self.objects.ref(ref) is not None:
            move_own(self._refs, self.git.git_dir, [RefChange(ref, None)], 40)

    def difference(self, old: CommitId, new: CommitId, guarded: Sequence[str]) -> Difference:
        return difference(self.git, old, new, guarded)

    def lay_out(self, commit: CommitId, folder: Path) -> None:
        from swarmgit.adapters.git.peek import lay_out

        lay_out(self.git, commit, folder)

    def diff(self, old: CommitId, new: CommitId) -> str:
        return shown(self.git, old, new)

    def changed_paths(self, old: CommitId, new: CommitId) -> tuple[str, ...]:
        return tuple(sorted(changed_files(self.objects, self.objects.tree_of(old), self.objects.tree_of(new))))

    def close(self) -> None:
        """End the git processes."""
        self.objects.close()
        self._refs.close()
        super().close()


def _hash_of_matching(files: dict[str, TreeEntry], patterns: Sequence[str]) -> str:
    """Return the sha256 over path, mode and id of the files that match gitwildmatch patterns, in order of path."""
    from pathspec import GitIgnoreSpec

    matches = GitIgnoreSpec.from_lines(patterns).match_file
    digest = hashlib.sha256()
    for path, entry in files.items():
        if matches(path):
            digest.update(f"{entry.mode} {entry.oid}\t{path}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def mend(folder: Path, common_dir: Path, algorithm: str) -> None:
    """Bring the engine's own settings back to what they are meant to be. Costs a few small reads.

    Without a sandbox a session can write there; the engine's git must not obey it when it takes the work in. What had
    to be mended is noted beside the engine, for the alarm: somebody else's session may be looked at first.
    """
    files = _files(folder, common_dir, algorithm)
    strays = [name for name in STRAYS if os.path.lexists(folder / name)]
    wrong = [*strays, *(name for name, text in files.items() if name != "shallow" and _differs(folder / name, text))]
    if wrong:
        with (folder.parent / MENDED).open("a") as notes:
            notes.write(f"{' '.join(wrong)}\n")
    for name in strays:
        (folder / name).unlink(missing_ok=True)
    _fill(folder, files)


def _differs(path: Path, text: str) -> bool:
    return path.is_symlink() or not path.exists() or path.read_bytes() != text.encode()


def _files(folder: Path, common_dir: Path, algorithm: str) -> dict[str, str]:
    extensions = "" if algorithm == "sha1" else f"[extensions]\n\tobjectFormat = {algorithm}\n"
    files = {
        "config": CONFIG.format(version=1 if extensions else 0, extensions=extensions),
        "objects/info/alternates": os.path.relpath(common_dir / "objects", folder / "objects") + "\n",
        "info/attributes": NO_ATTRIBUTES,
    }
    shallow = common_dir / "shallow"
    if shallow.exists():
        files["shallow"] = shallow.read_text()
    return files


def _fill(folder: Path, files: dict[str, str]) -> None:
    """Write what is missing or differs. HEAD comes last: where it is, the rest is."""
    for name in ("objects/info", "objects/pack", "info", "refs/heads"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in {**files, "HEAD": HEAD}.items():
        path = folder / name
        if _differs(path, text):
            write_file(path, text.encode())
    if "shallow" not in files:
        (folder / "shallow").unlink(missing_ok=True)
