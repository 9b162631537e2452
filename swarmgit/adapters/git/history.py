"""What a branch's own history says about landings, and what became of them. Only what is new is read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from swarmgit.adapters.git.objects import NEAR, GitObjects, MissingObject
from swarmgit.adapters.git.run import Git
from swarmgit.model import trailers
from swarmgit.model.ids import CommitId, SessionId, TaskId
from swarmgit.model.landings import Mention, Revert, Told

REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
REVERTS_MAX = 500
"""How many commits that say they revert something are looked at in one stretch of history: each costs two diffs."""

TWINS_MAX = 200
"""How many commits are compared with a landing that is gone: somebody has rewritten the line not long ago."""

SAYS_SOMETHING = ("-E", "--grep=^Swarm-Task: ", "--grep=^This reverts commit [0-9a-f]{7,64}")
DIFF = ("diff-tree", "-p", "-U0", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")


class GitHistory:
    """ports.History of the person's repository."""

    def __init__(self, objects: GitObjects) -> None:
        self._objects = objects
        self._git = objects.git

    def told(self, head: CommitId, seen: CommitId | None) -> Told:
        messages = self._near(head, seen) if seen is not None else None
        if messages is None:
            messages = self._logged(head, seen)
        mentions = tuple(mention for commit, text in messages for mention in _mentions(commit, text))
        said = [(commit, of) for commit, text in messages if (of := REVERTS.search(text))]
        reverts = (self._revert(commit, of.group(1)) for commit, of in said[:REVERTS_MAX])
        return Told(mentions, tuple(revert for revert in reverts if revert is not None))

    def twin(self, commit: CommitId, head: CommitId) -> CommitId | None:
        if self._objects.kind(commit) != "commit":
            return None
        parents = self._objects.commit(commit).parents
        wanted = self._patch(commit)
        if not wanted or not parents:
            return None
        since = ("--first-parent", "-m", f"--max-count={TWINS_MAX}", head, f"^{parents[0]}", "--")
        diffs = self._git.out("log", "--format=commit %H", *DIFF[1:], *since)
        lines = self._git.out("patch-id", "--stable", stdin=diffs).decode().splitlines()
        return next((CommitId(found) for patch, found in map(str.split, lines) if patch == wanted), None)

    def versions(self, head: CommitId, folders: Sequence[str]) -> Sequence[tuple[CommitId, str, str]]:
        what = ("--first-parent", "-m", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=%x01%H")
        out = self._git.out("log", *what, head, "--", *folders).decode("utf-8", "surrogateescape")
        found: list[tuple[CommitId, str, str]] = []
        for record in out.split("\x01")[1:]:
            commit, *fields = record.strip("\0\n").split("\0")
            for change, path in zip(fields[::2], fields[1::2], strict=True):
                _, _, _, blob, kind = change.lstrip("\n:").split(" ")
                if kind != "D":
                    found.append((CommitId(commit), path, blob))
        return found

    def _near(self, head: CommitId, seen: CommitId) -> list[tuple[CommitId, str]] | None:
        """Return the messages of a few commits since `seen`; None where git has to be asked for what was merged in."""
        found: list[tuple[CommitId, str]] = []
        at = head
        for _ in range(NEAR):
            if at == seen:
                return found
            try:
                info = self._objects.commit(at)
            except MissingObject:  # a shallow clone ends here
                return None
            if not info.parents or (len(info.parents) > 1 and "task" not in trailers.parse(info.message)):
                return None
            found.append((at, info.message))
            at = info.parents[0]
        return None

    def _logged(self, head: CommitId, seen: CommitId | None) -> list[tuple[CommitId, str]]:
        since = (f"^{seen}",) if seen is not None and self._objects.kind(seen) == "commit" else ()
        out = self._git.out("log", "-z", "--topo-order", "--format=%H%n%B", *SAYS_SOMETHING, head, *since, "--")
        records = (record.partition("\n") for record in out.decode("utf-8", "replace").split("\0") if record)
        return [(CommitId(commit), text) for commit, _, text in records]

    def _revert(self, commit: CommitId, said: str) -> Revert | None:
        """Return a revert whose change is the other's, the other way round; None where that cannot be shown."""
        of = self._objects.resolve(f"{said}^{{commit}}")
        if of is None:
            return None
        undone = self._patch(CommitId(of), is_reversed=True)
        if not undone or undone != self._patch(commit):
            return None
        named = _mentions(CommitId(of), self._objects.commit(of).message)
        return Revert(commit, CommitId(of), tuple((each.task, each.run) for each in named))

    def _patch(self, commit: CommitId, *, is_reversed: bool = False) -> str:
        """Return git's id of a commit's change to its first parent, '' where it has none. Context does not count."""
        parents = self._objects.commit(commit).parents
        if not parents:
            return ""
        ends = (commit, parents[0]) if is_reversed else (parents[0], commit)
        diff = self._git.out(*DIFF, *ends)
        return self._git.line("patch-id", "--stable", stdin=diff).partition(" ")[0]


def _mentions(commit: CommitId, text: str) -> list[Mention]:
    return [
        Mention(commit, TaskId(named["task"]), SessionId(named.get("session", "")), trailers.run_of(named))
        for named in trailers.parse_all(text)
        if named.get("task")
    ]


class Target(Struct, frozen=True):
    """A branch, by its full name, of the repository that `git` is about."""

    git: Git
    branch: str

    def head(self) -> str | None:
        """Return the commit it is at; None where there is none."""
        return self.git.call("rev-parse", "-q", "--verify", self.branch).stdout.decode().strip() or None

    def contains(self, commit: str) -> bool:
        """Return whether it contains a commit; False where either is not there."""
        return self.git.call("merge-base", "--is-ancestor", commit, self.branch).returncode == 0
