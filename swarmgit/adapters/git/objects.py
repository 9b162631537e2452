"""Reading a repository's objects and refs, through one git process that lives as long as we do."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from swarmgit.adapters.git.catfile import CatFile
from swarmgit.adapters.git.refs import stored
from swarmgit.adapters.git.run import Git, GitFailed
from swarmgit.errors import PersonMustAct
from swarmgit.model.git import CommitInfo, TreeEntry
from swarmgit.model.ids import CommitId, TreeId

if TYPE_CHECKING:
    from swarmgit.adapters.git.loose import NewObject

KIND_OF_MODE = {"040000": "tree", "160000": "commit"}
BLOBS_MAX = 2048
BLOB_BYTES_MAX = 16 << 10
NEAR = 16
"""How many commits are read before git is asked: about as many as a process costs."""

Value = TypeVar("Value")


class MissingObject(PersonMustAct):
    """The repository lacks an object that something in it names."""

    def __init__(self, spec: str) -> None:
        super().__init__(f"the repository has no object {spec}", "git fsck")


class Remembered(Generic[Value]):
    """At most `size_max` values by key; those longest unused go first. For facts that never change."""

    def __init__(self, size_max: int) -> None:
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._size_max = size_max

    def get(self, key: str) -> Value | None:
        value = self._values.get(key)
        if value is not None:
            with contextlib.suppress(KeyError):  # another thread may just have dropped it
                self._values.move_to_end(key)
        return value

    def put(self, key: str, value: Value) -> Value:
        self._values[key] = value
        while len(self._values) > self._size_max:
            self._values.popitem(last=False)
        return value


class GitObjects:
    """ports.Objects over any git directory. Trees and commits are kept in memory by id."""

    def __init__(self, git: Git, algorithm: str | None = None, *, trees_max: int = 8192) -> None:
        self.git = git
        self._algorithm = algorithm
        self._cat = CatFile(git)
        self._trees: Remembered[tuple[TreeEntry, ...]] = Remembered(trees_max)
        self._commits: Remembered[CommitInfo] = Remembered(2048)
        self._blobs: Remembered[bytes] = Remembered(BLOBS_MAX)
        self._contains: Remembered[str] = Remembered(8192)

    @property
    def algorithm(self) -> str:
        """Return the repository's object format, 'sha1' or 'sha256'."""
        if self._algorithm is None:
            self._algorithm = self.git.line("rev-parse", "--show-object-format")
        return self._algorithm

    def ref(self, name: str) -> CommitId | None:
        found = self._cat.info(f"{name}^{{commit}}")
        return CommitId(found[0]) if found else None

    def named(self, name: str) -> str | None:
        return stored(self.git.git_dir, name)

    def refs(self, prefix: str) -> dict[str, CommitId]:
        folder = prefix.rpartition("/")[0]  # git matches whole components only; the rest of the prefix is ours to match
        listing = self.git.out("for-each-ref", "--format=%(objectname) %(refname)", folder)
        found = {}
        for line in listing.decode("utf-8", "surrogateescape").splitlines():
            oid, name = line.split(" ", 1)
            if name.startswith(prefix):
                peeled = self.resolve(f"{oid}^{{commit}}") if name.startswith("refs/tags/") else None
                found[name] = CommitId(peeled or oid)
        return found

    def resolve(self, spec: str) -> str | None:
        found = self._cat.info(spec)
        return found[0] if found else None

    def kind(self, spec: str) -> str | None:
        """Return 'blob', 'tree', 'commit' or 'tag'; None where there is no such object."""
        found = self._cat.info(spec)
        return found[1] if found else None

    def stored(self, oid: str) -> tuple[str, bytes] | None:
        """Return kind and content of an object as the repository has it now; TryLater where git ends over it."""
        found = self._cat.contents(oid)
        return (found[1], found[2]) if found is not None else None

    def size(self, oid: str) -> int:
        """Return an object's size in bytes; MissingObject where there is none."""
        found = self._cat.info(oid)
        if found is None:
            raise MissingObject(oid)
        return found[2]

    def blob(self, oid: str) -> bytes:
        known = self._blobs.get(oid)
        return known if known is not None else self.content(oid, "blob")

    def tree(self, oid: str) -> tuple[TreeEntry, ...]:
        known = self._trees.get(oid)
        if known is not None:
            return known
        return self._trees.put(oid, parse_tree(self.content(oid, "tree"), len(oid) // 2))

    def learn(self, new: Iterable[NewObject]) -> None:
        """Take note of commits and small files that were just written, so that they need not be read."""
        for item in new:
            head, _, content = item.data.partition(b"\0")
            if head.startswith(b"commit"):
                self._commits.put(item.oid, parse_commit(CommitId(item.oid), content))
            elif head.startswith(b"blob") and len(content) <= BLOB_BYTES_MAX:
                self._blobs.put(item.oid, content)

    def remember_tree(self, oid: str, entries: tuple[TreeEntry, ...]) -> None:
        """Take note of a tree that was just written, so that it need not be read."""
        self._trees.put(oid, entries)

    def walk(self, oid: str, prefix: str = "") -> dict[str, TreeEntry]:
        found: dict[str, TreeEntry] = {}
        ahead = [(oid, f"{prefix.rstrip('/')}/" if prefix else "")]
        while ahead:
            tree, below = ahead.pop()
            for entry in self.tree(tree):
                if entry.kind == "tree":
                    ahead.append((entry.oid, f"{below}{entry.name}/"))
                else:
                    found[below + entry.name] = entry
        return dict(sorted(found.items()))

    def commit(self, oid: str) -> CommitInfo:
        known = self._commits.get(oid)
        if known is not None:
            return known
        found = self._cat.contents(f"{oid}^{{commit}}")
        if found is None:
            raise MissingObject(oid)
        return self._commits.put(oid, parse_commit(CommitId(found[0]), found[2]))

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        if old == new:
            return True
        key = f"{old}..{new}"
        known = self._contains.get(key)
        if known is None:
            if not (self.resolve(old) and self.resolve(new)):
                return False  # not remembered: the object may arrive
            known = self._near(old, new)
            if known is not None:
                return self._contains.put(key, known) == "yes"
            done = self.git.call("merge-base", "--is-ancestor", old, new)
            if done.returncode not in {0, 1}:
                raise GitFailed(("merge-base",), done.returncode, done.stderr.decode("utf-8", "replace"))
            known = self._contains.put(key, "no" if done.returncode else "yes")
        return known == "yes"

    def _near(self, old: CommitId, new: CommitId) -> str | None:
        """Return the answer where one is a few first parents before the other; None where git has to be asked."""
        for start, goal, answer in ((new, old, "yes"), (old, new, "no")):
            if goal in self.line(start, NEAR):
                return answer
        return None

    def line(self, start: CommitId, size_max: int) -> tuple[CommitId, ...]:
        """Return at most `size_max` commits along the first parents, `start` first, as far as they are here."""
        found = [start]
        while len(found) < size_max:
            try:
                parents = self.commit(found[-1]).parents
            except MissingObject:  # a shallow clone ends here
                return tuple(found[:-1])
            if not parents:
                break
            found.append(parents[0])
        return tuple(found)

    def shallow(self) -> frozenset[CommitId]:
        """Return the commits whose parents a shallow clone left out."""
        try:
            return frozenset(map(CommitId, (self.git.git_dir / "shallow").read_text("ascii", "replace").split()))
        except OSError:
            return frozenset()

    def tree_of(self, rev: str) -> TreeId:
        """Return the id of the tree that a commit or a tree stands for."""
        known = self._commits.get(rev)
        if known is not None:
            return known.tree
        oid = self.resolve(f"{rev}^{{tree}}")
        if oid is None:
            raise MissingObject(rev)
        return TreeId(oid)

    def close(self) -> None:
        """End the git process; the next question starts another."""
        self._cat.close()

    def content(self, oid: str, kind: str) -> bytes:
        """Return an object as it is stored, without its header; MissingObject where there is none of this kind."""
        found = self._cat.contents(oid)
        if found is None or found[1] != kind:
            raise MissingObject(oid)
        return found[2]


def parse_tree(content: bytes, id_size: int) -> tuple[TreeEntry, ...]:
    """Return the entries of a raw tree object, whose ids are `id_size` bytes long."""
    entries = []
    at = 0
    while at < len(content):
        space = content.index(b" ", at)
        end = content.index(b"\0", space)
        mode = content[at:space].decode().zfill(6)
        oid = content[end + 1 : end + 1 + id_size].hex()
        name = content[space + 1 : end].decode("utf-8", "surrogateescape")
        entries.append(TreeEntry(mode, KIND_OF_MODE.get(mode, "blob"), oid, name))
        at = end + 1 + id_size
    return tuple(entries)


def parse_commit(oid: CommitId, content: bytes) -> CommitInfo:
    """Return the fields of a raw commit object; bytes that are no UTF-8 are shown as replacement characters."""
    head, _, message = content.decode("utf-8", "replace").partition("\n\n")
    tree, parents, author, committer = "", [], "", ""
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        if key == "tree":
            tree = value
        elif key == "parent":
            parents.append(CommitId(value))
        elif key == "author":
            author = value
        elif key == "committer":
            committer = value
            break  # what follows (signatures, encodings) is of no interest
    name, email, _ = parse_person(author)
    return CommitInfo(oid, TreeId(tree), tuple(parents), name, email, parse_person(committer)[2], message)


def parse_person(line: str) -> tuple[str, str, datetime]:
    """Return name, email and instant of 'Name <email> 1700000000 +0000'; the epoch where the date is broken."""
    who, _, when = line.rpartition(">")
    name, _, email = who.partition("<")
    try:
        at = datetime.fromtimestamp(int(when.split()[0]), UTC)
    except (ValueError, IndexError, OverflowError, OSError):
        at = datetime.fromtimestamp(0, UTC)
    return name.strip(), email, at


class MemoryWriter:
    """Keeps objects in the memory of who reads them."""

    def __init__(self, objects: GitObjects) -> None:
        self._objects = objects

    def write(self, new: Iterable[NewObject]) -> None:
        for item in new:
            head, _, content = item.data.partition(b"\0")
            if head.startswith(b"tree"):
                self._objects.remember_tree(item.oid, parse_tree(content, len(item.oid) // 2))
            else:
                self._objects.learn([item])
