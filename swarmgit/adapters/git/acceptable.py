"""Saved work in a form that `git fsck --strict` accepts, so that keeping it does not make a repository look broken.

What git objects to in a tree is kept under another name: `.gitmodules` as `gitmodules.kept`, a `.git` as `git.kept`.
The contents are the same. Only trees that are new to the person's repository are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from swarmgit.adapters.git.loose import CommitText, NewObject, in_git_order, new_commit, new_tree
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.model.git import Identity, TreeEntry
from swarmgit.model.ids import CommitId, TreeId
from swarmgit.plan.nametable import fold

NOTE = "Kept under another name, because git objects to it: {names}."
SHOWN_MAX = 10
COMMITS_MAX = 200
"""How many commits of a history are looked at; beyond them the history is left out, the files are not."""

LINE_BYTES_MAX = 2048
READ_BYTES_MAX = 1 << 20
LINK = "120000"
MODES = {"tree": "040000", "commit": "160000"}
FILE_MODES = frozenset({"100644", "100755", LINK})
SHORT = re.compile(r"(git|gitmod|gitatt|gi[0-9a-f]{4,})~[0-9]+")
"""How Windows may call these files as well."""

IsKnown = Callable[[str], bool]


def acceptable(objects: GitObjects, commit: CommitId, is_known: IsKnown) -> tuple[CommitId, list[NewObject]]:
    """Return a commit with the same content that git accepts, and the objects to write for it; itself where it is fine.

    `is_known`: whether the person's repository has an object already. Equal input gives the equal commit.
    """
    chain = _new_commits(objects, commit, is_known)
    made: dict[CommitId, CommitId] = {}
    accepted: dict[CommitId, CommitId | None] = {}
    """What the person's repository has of each one's history; its files are fine as they are."""

    new: list[NewObject] = []
    for each in reversed(chain):
        info = objects.commit(each)
        renamed: list[str] = []
        first = info.parents[0] if info.parents else None
        accepted[each] = first if first is None or is_known(first) else accepted.get(first)
        walk = _Walk(objects, is_known, accepted[each], new, renamed, {})
        tree = walk.tree(info.tree, "")
        parents = tuple(made.get(p, p) for p in info.parents if p in made or is_known(p))
        if tree == info.tree and parents == info.parents:
            made[each] = each
            continue
        names = ", ".join(renamed[:SHOWN_MAX]) + (" and more" if len(renamed) > SHOWN_MAX else "")
        note = f"\n\n{NOTE.format(names=names)}" if renamed else ""
        author = Identity(info.author, info.author_email)
        text = CommitText(TreeId(tree), parents, f"{info.message.rstrip()}{note}", info.committed, author)
        new.append(new_commit(text, objects.algorithm))
        made[each] = CommitId(new[-1].oid)
    return made[commit], new


def _new_commits(objects: GitObjects, commit: CommitId, is_known: IsKnown) -> list[CommitId]:
    """Return the commits that are new, each before its parents, up to a bound."""
    found: dict[CommitId, None] = {commit: None}
    todo = [commit]
    while todo and len(found) < COMMITS_MAX:
        for parent in objects.commit(todo.pop(0)).parents:
            if not is_known(parent):
                found.pop(parent, None)
                found[parent] = None
                todo.append(parent)
    return list(found)


class _Walk(Struct, frozen=True):
    """Through what is new of one commit. `before`: what the person has of its history.

    `seen`: what a tree has become; one that stands at many places is looked at once.
    """

    objects: GitObjects
    is_known: IsKnown
    before: CommitId | None
    new: list[NewObject]
    renamed: list[str]
    seen: dict[str, str]

    def tree(self, tree: str, below: str) -> str:
        known = self.seen.get(tree)
        if known is None:
            known = self.seen[tree] = tree if self.is_known(tree) else self._looked(tree, below)
        return known

    def _looked(self, tree: str, below: str) -> str:
        kept: dict[str, TreeEntry] = {}
        for entry in self.objects.tree(tree):
            if not entry.oid.strip("0"):
                self.renamed.append(f"{below}{entry.name} (nothing)")
                continue
            oid = self.tree(entry.oid, f"{below}{entry.name}/") if entry.kind == "tree" else entry.oid
            name = self._name(entry, below)
            while name in kept:
                name = f"{name}.kept"
            if name != entry.name:
                self.renamed.append(f"{below}{entry.name}")
            kept[name] = TreeEntry(_mode(entry), entry.kind, oid, name)
        made = new_tree(in_git_order(kept.values()), self.objects.algorithm)
        if made.oid != tree:
            self.new.append(made)
        return made.oid

    def _name(self, entry: TreeEntry, below: str) -> str:
        """Return the name that an entry can be kept under."""
        name = entry.name.replace("/", "_") or "no-name"
        plain = fold(name.split(":")[0]).rstrip(". ")
        is_odd = (
            name in {".", ".."}
            or plain in {".git", ""}
            or SHORT.fullmatch(plain) is not None
            or (plain == ".gitmodules" and not self._was_there(entry, below))
            or (plain == ".gitattributes" and not self._was_there(entry, below) and _is_odd(self.objects, entry))
        )
        return f"{plain.lstrip('.').replace('~', '-') or 'dots'}.kept" if is_odd else name

    def _was_there(self, entry: TreeEntry, below: str) -> bool:
        return self.before is not None and self.objects.resolve(f"{self.before}:{below}{entry.name}") == entry.oid


def _mode(entry: TreeEntry) -> str:
    plain = entry.mode if entry.mode in FILE_MODES else "100644"
    return MODES.get(entry.kind, plain)


def _is_odd(objects: GitObjects, entry: TreeEntry) -> bool:
    """Return whether git objects to a file of attributes: its kind, its size, or a line of it."""
    if entry.kind != "blob" or entry.mode == LINK:
        return True
    content = objects.blob(entry.oid)
    return len(content) > READ_BYTES_MAX or any(len(line) > LINE_BYTES_MAX - 1 for line in content.split(b"\n"))
