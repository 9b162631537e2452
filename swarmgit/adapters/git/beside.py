"""What an agent's own git knows beside the files: commits elsewhere, stashes, files that it tracks though ignored.

Its git directory is the agent's: no git ever runs there, and nothing of its configuration, its alternates or its
index of packs is read. Refs and reflogs are read by hand with bounds; objects are copied into a repository of ours
that lives for a moment, and come into the engine through `index-pack`, which believes no name that it has not counted
out of the content itself.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from swarmgit.adapters.aside import aside
from swarmgit.adapters.git.beneath import copy_beneath, open_beneath, read_beneath
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git, GitFailed
from swarmgit.adapters.git.shape import Shapes
from swarmgit.adapters.git.slots import Slot
from swarmgit.errors import SwarmError

OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
FANOUT = re.compile(r"[0-9a-f]{2}")
PACK = re.compile(r"pack-[0-9a-f]{40,64}\.pack")
REFS_MAX, LOG_BYTES_MAX, TIPS_MAX = 2000, 256 << 10, 100
LOGS_BYTES_MAX, NAMED_MAX = 4 << 20, 10_000
"""So much of all reflogs is read, and so many commits that are named there."""

DEPTH_MAX = 12
OBJECTS_MAX, OBJECT_BYTES_MAX = 50_000, 256 << 20
COMMIT_BYTES_MAX, LINE_MAX = 64 << 10, 500
INDEX_BYTES_MAX = 64 << 20
CPU_S_MAX, WALL_S_MAX, MEMORY_KIB_MAX = 30, 300.0, 4 << 20
HISTORY = "reflog"
UNREAD = "the session's own git repository could not be read"


class Tip(Struct, frozen=True):
    """A commit that something in the agent's git names. `name`: the ref, 'HEAD', 'stash@{n}', or HISTORY."""

    oid: str
    name: str


class Beside(Struct):
    """`tips`: commits that are in no file, now in the engine; `told`: each in words, but for the reflogs' ones, which
    `history` counts."""

    tips: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    history: int = 0


def bring(engine: Git, slot: Slot, tree: str) -> Beside:
    """Bring the commits that are not in HEAD, and HEAD where it is not the tree that was taken in, into the engine.

    What cannot be read is told, and is no failure.
    """
    git_dir = slot.tree / ".git"
    found = Beside()
    if git_dir.is_symlink() or not git_dir.is_dir():
        return found
    head = head_of(git_dir) or ""
    line, head_tree = _line(git_dir, head)
    named = list(islice(_tips(git_dir), NAMED_MAX))
    tips = {tip.oid: tip for tip in reversed(named) if tip.oid != slot.commit}
    if len(named) == NAMED_MAX:
        found.told.append(f"more than {NAMED_MAX} commits that its reflogs name were not looked at")
    elsewhere = [tip for oid, tip in tips.items() if oid not in line]
    if head not in {"", slot.commit} and head_tree != tree:
        elsewhere.append(Tip(head, HISTORY))
    if elsewhere:
        try:
            _bring(engine.bounded(CPU_S_MAX, WALL_S_MAX, MEMORY_KIB_MAX), slot, head, elsewhere, found)
        except (SwarmError, OSError, ValueError):  # also what git ends over, and what is missing
            names = sorted({tip.name for tip in elsewhere})[:5]
            return Beside(told=[f"{UNREAD} ({', '.join(names)})"])
    return found


def tracked(engine: Git, slot: Slot) -> set[bytes]:
    """Return the paths in the agent's index; none where it is as it was, or cannot be read."""
    engine, git_dir = engine.bounded(CPU_S_MAX, WALL_S_MAX, MEMORY_KIB_MAX), slot.tree / ".git"
    if git_dir.is_symlink() or not git_dir.is_dir():
        return set()
    with suppress(OSError):
        theirs, ours = (git_dir / "index").lstat(), slot.index.stat()
        if (theirs.st_size, theirs.st_mtime_ns) == (ours.st_size, ours.st_mtime_ns):
            return set()
    with aside(engine.git_dir.parent) as made:
        if not copy_beneath(git_dir, made, "index", INDEX_BYTES_MAX):
            return set()
        try:
            asked = engine.call("ls-files", "-z", env={"GIT_INDEX_FILE": str(made / "index")})
        except GitFailed:
            return set()
        return {path for path in asked.stdout.split(b"\0") if path} if asked.returncode == 0 else set()


# --- refs, by hand ---------------------------------------------------------------------------------------------------


def head_of(git_dir: Path) -> str | None:
    """Return the commit that HEAD stands for, None where that cannot be read."""
    text = _text(git_dir, "HEAD")
    for _ in range(5):
        if not text.startswith("ref: "):
            break
        name = text.removeprefix("ref: ").strip()
        text = _text(git_dir, name) or dict(_packed(git_dir)).get(name, "")
    return text if OID.fullmatch(text) else None


def _tips(git_dir: Path) -> Iterator[Tip]:
    """Yield what HEAD, refs and reflogs name, in the order of what is best known by its name."""
    head = head_of(git_dir)
    if head:
        yield Tip(head, "HEAD")
    refs = dict(_packed(git_dir))
    refs |= {name: text for name in _files(git_dir, "refs") if OID.fullmatch(text := _text(git_dir, name))}
    for name in sorted(refs):
        yield Tip(refs[name], _short(name))
    left = LOGS_BYTES_MAX
    for name in sorted(_files(git_dir, "logs"), key=lambda name: name != "logs/refs/stash"):
        raw = read_beneath(git_dir, name, min(LOG_BYTES_MAX, left)) or b""
        left -= len(raw)
        if left <= 0:
            return
        lines = [line.split(b" ", 2)[1].decode("ascii", "replace") for line in raw.splitlines() if b" " in line]
        is_stash = name == "logs/refs/stash"
        for number, oid in enumerate(reversed(lines)):
            if OID.fullmatch(oid) and oid.strip("0"):
                yield Tip(oid, f"stash@{{{number}}}" if is_stash else HISTORY)


def _short(name: str) -> str:
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)[:100]
    return "stash@{0}" if plain == "refs/stash" else plain.removeprefix("refs/heads/")


def _packed(git_dir: Path) -> list[tuple[str, str]]:
    lines = (read_beneath(git_dir, "packed-refs", 1 << 20) or b"").decode("utf-8", "replace").splitlines()
    fields = [line.split(" ", 1) for line in lines[:REFS_MAX] if not line.startswith(("#", "^"))]
    return [(each[1], each[0]) for each in fields if len(each) == 2 and OID.fullmatch(each[0])]


def _text(git_dir: Path, path: str) -> str:
    return (read_beneath(git_dir, path, 4096) or b"").decode("utf-8", "replace").strip()


def _files(git_dir: Path, below: str) -> list[str]:
    """Return the regular files below a folder, by path from `git_dir`; no link is followed."""
    found: list[str] = []
    todo = [below]
    while todo and len(found) < REFS_MAX:
        at = todo.pop()
        for name, mode in _listed(git_dir, at):
            path = f"{at}/{name}"
            if stat.S_ISDIR(mode) and path.count("/") < DEPTH_MAX:
                todo.append(path)
            elif stat.S_ISREG(mode):
                found.append(path)
    return sorted(found[:REFS_MAX])


def _listed(git_dir: Path, folder: str) -> list[tuple[str, int]]:
    try:
        opened = open_beneath(git_dir, folder, os.O_RDONLY | os.O_DIRECTORY)
    except (OSError, ValueError):
        return []
    try:
        with os.scandir(opened) as entries:
            return [(entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries]
    except OSError:
        return []
    finally:
        os.close(opened)


def _line(git_dir: Path, head: str) -> tuple[set[str], str]:
    """Return HEAD and what it was built on, as far as that can be read from single files: mostly that is all of it.

    And the tree that HEAD says it has.
    """
    seen: set[str] = set()
    tree = ""
    todo = [head]
    while todo and len(seen) < LINE_MAX:
        oid = todo.pop()
        if oid in seen or not OID.fullmatch(oid):
            continue
        seen.add(oid)
        packed = read_beneath(git_dir, f"objects/{oid[:2]}/{oid[2:]}", COMMIT_BYTES_MAX)
        with suppress(zlib.error):
            raw = zlib.decompressobj().decompress(packed, COMMIT_BYTES_MAX) if packed else b""
            lines = raw.partition(b"\0")[2].partition(b"\n\n")[0].decode("ascii", "replace").split("\n")
            tree = tree or next((line.removeprefix("tree ") for line in lines if line.startswith("tree ")), "")
            todo += [line.removeprefix("parent ") for line in lines if line.startswith("parent ")]
    return seen, tree


# --- objects, through a repository of ours ---------------------------------------------------------------------------


def _bring(engine: Git, slot: Slot, head: str, tips: Sequence[Tip], found: Beside) -> None:
    """Bring the tips that HEAD does not contain into the engine, with all they need."""
    with aside(engine.git_dir.parent) as made:
        view = _view(engine, slot.tree / ".git", made)
        heads = {tip.oid for tip in tips}
        known = {oid for oid in (head, slot.commit) if oid not in {"", *heads} and _has(view, oid)}
        wanted: dict[str, Tip] = {}
        unsound = _unsound(view, tips[:TIPS_MAX], slot.commit)
        for tip in tips[:TIPS_MAX]:
            count = _count(view, tip.oid, known)
            if tip.oid in unsound:
                found.told.append(f"{tip.name} (it has more files, or deeper folders, than can be saved)")
            elif count:
                wanted[tip.oid] = tip
                if tip.name != HISTORY:
                    found.told.append(f"{tip.name} ({count} commit{'s' if count > 1 else ''})")
            elif count is None and tip.name != HISTORY:
                found.told.append(f"{tip.name} (its commits are missing or broken)")
        if wanted:
            ends = set(view.line("merge-base", "--independent", *wanted).split())
            found.tips = [oid for oid in wanted if oid in ends]
            found.history = sum(wanted[oid].name == HISTORY for oid in found.tips)
            _move(engine, view, found.tips, slot.commit)
        if len(tips) > TIPS_MAX:
            found.told.append(f"{len(tips) - TIPS_MAX} more that were not looked at")


def _unsound(view: Git, tips: Sequence[Tip], base: str) -> set[str]:
    """Return the tips that have, or are built on, files that nobody could lay out; what cannot be read is none."""
    with closing(GitObjects(view)) as objects:
        shapes = Shapes(objects, objects.tree_of(base))
        return {tip.oid for tip in tips if not all(map(shapes.is_sound, _trees(view, tip.oid, base)))}


def _trees(view: Git, oid: str, base: str) -> dict[str, None]:
    """Return the trees of the commits that a tip has beyond the base."""
    asked = view.call("log", "--format=%T", oid, f"^{base}")
    return dict.fromkeys(asked.stdout.decode("ascii", "replace").split() if asked.returncode == 0 else ())


def _view(engine: Git, git_dir: Path, folder: Path) -> Git:
    """Return a bare repository with copies of the agent's objects, which borrows all others from the engine."""
    for name in ("objects/info", "objects/pack", "refs"):
        (folder / name).mkdir(parents=True)
    shutil.copyfile(engine.git_dir / "config", folder / "config")
    (folder / "objects/info/alternates").write_bytes(os.fsencode(engine.git_dir.resolve() / "objects") + b"\n")
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    view = Git(folder, env=engine.env, bounds=engine.bounds)
    left = OBJECT_BYTES_MAX
    files = list(islice(_object_files(git_dir), OBJECTS_MAX + 2))
    there = _there(engine, [_oid(path) for path in files])
    for count, path in enumerate(files):
        if _oid(path) in there:
            continue  # a copy, perhaps a bad one, would stand before the engine's own
        if count > OBJECTS_MAX or not copy_beneath(git_dir, folder, path, left):
            raise ValueError("too large, or changed under our hands")
        left -= (folder / path).stat().st_size
    for pack in (folder / "objects/pack").glob("*.pack"):
        view.out("index-pack", "--threads=1", "-o", str(pack.with_suffix(".idx")), str(pack))
    return view


def _oid(path: str) -> str:
    """Return the name of the object that a loose file holds; of a pack, what is no object's name."""
    return "".join(path.split("/")[1:])


def _there(engine: Git, oids: Sequence[str]) -> set[str]:
    """Return which of these the engine has."""
    named = "".join(f"{oid}\n" for oid in oids if OID.fullmatch(oid))
    asked = engine.out("cat-file", "--batch-check=%(objectname)", stdin=named.encode())
    return set(asked.decode("ascii", "replace").splitlines())


def _object_files(git_dir: Path) -> Iterator[str]:
    for name, _ in _listed(git_dir, "objects"):
        wanted = OID if FANOUT.fullmatch(name) else PACK if name == "pack" else None
        for item, mode in _listed(git_dir, f"objects/{name}") if wanted else ():
            if wanted is not None and stat.S_ISREG(mode) and wanted.fullmatch(name + item if wanted is OID else item):
                yield f"objects/{name}/{item}"


def _has(view: Git, oid: str) -> bool:
    return view.call("cat-file", "-e", f"{oid}^{{commit}}").returncode == 0


def _count(view: Git, oid: str, known: set[str]) -> int | None:
    """Return how many commits a tip has that are not known; None where they cannot be read."""
    asked = view.call("rev-list", "--count", f"{oid}^{{commit}}", *(f"^{each}" for each in sorted(known)))
    return int(asked.stdout) if asked.returncode == 0 else None


def _move(engine: Git, view: Git, tips: Sequence[str], base: str) -> None:
    asked = "".join(f"{line}\n" for line in (*tips, f"^{base}")).encode()
    pack = view.out("pack-objects", "--revs", "--stdout", "-q", "--window=0", "--threads=1", stdin=asked)
    engine.out("index-pack", "--stdin", "--strict", "--threads=1", stdin=pack)
    engine.out("rev-list", "--objects", "--quiet", *tips, f"^{base}")
