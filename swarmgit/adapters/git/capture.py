"""Take a session's work in: one commit by the engine, made from the files alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.adapters.git import beside, pipes, staging
from swarmgit.adapters.git.findings import DEFAULT_LIMITS, Findings, Limits, shown
from swarmgit.adapters.git.loose import CommitText, LooseWriter, new_commit
from swarmgit.adapters.git.objects import MissingObject
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.scan import scan
from swarmgit.adapters.git.slots import Slot
from swarmgit.adapters.git.treediff import RawChange, tree_changes
from swarmgit.adapters.git.twins import twins
from swarmgit.documents import quoting
from swarmgit.documents.paths import TASKS
from swarmgit.model.git import Identity
from swarmgit.model.ids import BlobId, CommitId, TreeId
from swarmgit.model.intake import LeftOut
from swarmgit.model.work import Capture, Change

COMMITTER = Identity("swarmgit", "swarmgit@localhost")
ITEMS_MAX = 20
ITEM_CHARS_MAX = 200
READ_SIZE_MAX = 1 << 20
BATCH_SIZE_MAX = 32 << 20
LINK = "120000"
TASK_FILES = f"{TASKS}/".encode()


class Label(Struct, frozen=True):
    """What the commit says; the same label and files give the same commit."""

    message: str
    author: Identity
    at: datetime


def capture(
    engine: Git, slot: Slot, label: Label, fault: Callable[[str], None], limits: Limits = DEFAULT_LIMITS
) -> Capture:
    """Return the snapshot of a slot's tree on the commit it was filled with, with every objection to it.

    What is objected to is still taken in where git can store it, so that it can be salvaged. `code_tree` is the
    whole tree here.
    """
    pipes.clear(slot.tree)
    findings = scan(engine, slot, limits)
    fault("capture:scanned")
    tree = staging.snapshot(engine, slot, findings)
    fault("capture:staged")
    commit = _commit(engine, tree, (CommitId(slot.commit),), label)
    fault("capture:committed")
    left_out = _left_out(engine, slot, findings, CommitId(commit), label) if limits.besides else None
    fault("capture:beside")
    raw = tree_changes(engine, slot.commit, commit)
    for path in sorted({change.path for change in raw}.intersection(findings.linked)):
        findings.object(path, "is a hard link to a file outside of the work")
    links: dict[str, str] = {}
    markers: list[str] = []
    proposed: dict[str, tuple[str, ...]] = {}
    for change, content in _contents(engine, raw, findings.present):
        if change.new_mode == LINK:
            links[shown(change.path)] = content.decode("utf-8", "backslashreplace")
        elif has_markers(content):
            markers.append(shown(change.path))
        elif change.path.startswith(TASK_FILES):
            proposed.update(_proposed(change, content))
    return Capture(
        commit=CommitId(commit),
        code_tree=TreeId(tree),
        base=CommitId(slot.commit),
        left_out=left_out,
        changes=tuple(map(_change, raw)),
        objections=tuple(findings.objections),
        markers=tuple(markers),
        links=links,
        twins=twins(engine, slot.commit, commit, raw),
        proposed=proposed,
    )


def _left_out(engine: Git, slot: Slot, findings: Findings, taken: CommitId, label: Label) -> LeftOut | None:
    """Return one commit with all that is not in `taken`: on its tree the new files outside of the scope, and as its
    further parents the commits that only the agent's own git knew."""
    tree = engine.line("rev-parse", f"{taken}^{{tree}}")
    besides = beside.bring(engine, slot, tree)
    if not (findings.left or findings.left_odd or besides.tips or besides.told):
        return None
    items = [f"{shown(path)} (new, outside the scope, not committed)" for path in sorted(findings.left)]
    items += [f"{shown(path)} (new, outside the scope, not saved)" for path in sorted(findings.left_odd)]
    items = [*(quoting.line(told, ITEM_CHARS_MAX) for told in besides.told), *items]
    if len(items) > ITEMS_MAX:
        items = [*items[:ITEMS_MAX], f"and {len(items) - ITEMS_MAX} more"]
    if besides.history and not items:
        tip_words = "commit" if besides.history == 1 else "commits"
        items = [] if tree != _tree_of_base(engine, slot) else [f"{besides.history} {tip_words} in its reflog only"]
    whole = staging.with_left(engine, slot, tree, findings) if findings.left else tree
    said = "\n".join(("Left out of the work of a session", "", *items))
    parents = (taken, *(CommitId(tip) for tip in besides.tips))
    commit = _commit(engine, whole, parents, replace(label, message=said))
    return LeftOut(CommitId(commit), tuple(items))


def _tree_of_base(engine: Git, slot: Slot) -> str:
    return engine.line("rev-parse", f"{slot.commit}^{{tree}}")


def rescue(engine: Git, slot: Slot, label: Label) -> Capture:
    """Return all of a slot's files as a commit without a parent, where the one it was filled with cannot be had.

    Nothing is compared, so nothing of it can be judged: it is there to be saved.
    """
    pipes.clear(slot.tree)
    tree, findings = staging.snapshot_of_all(engine, slot)
    commit = CommitId(_commit(engine, tree, (), label))
    return Capture(commit, TreeId(tree), CommitId(slot.commit), objections=tuple(findings.objections))


def _commit(engine: Git, tree: str, parents: tuple[CommitId, ...], label: Label) -> str:
    author = Identity(label.author.name.strip(" .,:;<>\"\\'\n") or "agent", label.author.email or "agent@localhost")
    text = CommitText(TreeId(tree), parents, label.message, label.at, author, COMMITTER)
    made = new_commit(text, "sha1" if len(tree) == 40 else "sha256")
    LooseWriter(engine.git_dir / "objects").write([made])
    return made.oid


def _change(raw: RawChange) -> Change:
    """Return a change with its path as text; a name that is not UTF-8 is written out and refused by its backslashes."""
    path = raw.path.decode("utf-8", "backslashreplace")
    return Change(path, raw.status, raw.old_mode, raw.new_mode, BlobId(raw.old_blob), BlobId(raw.new_blob))


def _proposed(change: RawChange, content: bytes) -> dict[str, tuple[str, ...]]:
    """Return what a task file would let its task own, by its path; nothing where it cannot be read."""
    from swarmgit.documents import intent  # the parser, which most work does not need

    path = change.path.decode("utf-8", "backslashreplace")
    task = intent.task(path, BlobId(change.new_blob), content).value
    return {path: (*task.scope.owns, *task.scope.shares)} if task is not None else {}


def _contents(engine: Git, raw: Sequence[RawChange], sizes: Mapping[bytes, int]) -> Iterator[tuple[RawChange, bytes]]:
    """Yield what each changed file and link of at most 1 MiB now holds, read from git in bounded batches."""
    batch: list[RawChange] = []
    size = 0
    for change in raw:
        if change.new_mode in {"000000", "160000"} or sizes.get(change.path, 0) > READ_SIZE_MAX:
            continue
        if size + sizes.get(change.path, 0) > BATCH_SIZE_MAX:
            yield from _read_batch(engine, batch)
            batch, size = [], 0
        batch.append(change)
        size += sizes.get(change.path, 0)
    yield from _read_batch(engine, batch)


def _read_batch(engine: Git, batch: Sequence[RawChange]) -> Iterator[tuple[RawChange, bytes]]:
    if not batch:
        return
    asked = "".join(f"{change.new_blob}\n" for change in batch).encode("ascii")
    output = engine.out("cat-file", "--batch", stdin=asked)
    at = 0
    for change in batch:
        end = output.index(b"\n", at)
        fields = output[at:end].split(b" ")
        if len(fields) != 3:
            raise MissingObject(change.new_blob)
        size = int(fields[2])
        yield change, output[end + 1 : end + 1 + size]
        at = end + 2 + size


def has_markers(content: bytes) -> bool:
    """Return whether a text file holds both the beginning and the end of a conflict as git marks it."""
    if b"\0" in content[:8000]:
        return False
    text = b"\n" + content
    return b"\n<<<<<<< " in text and b"\n>>>>>>> " in text
