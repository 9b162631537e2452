"""What set-up made in a slot, as set-up left it: kept out of every session's reach, compared and put back at a lease.

    python pristine.py SLOT LISTING

is what a session's wrapper runs outside of the sandbox, when the set-up commands have ended and before anything else
starts. It copies the untracked paths of the listing to `<slot>/pristine/`, with a manifest of what the originals look
like: type, mode, size, times and inode. A change time cannot be set by who may write the file, so a look at each file
finds whatever touched it. Where set-up ran on another commit than the one that is asked for, the tree then moves on to
that. It runs as a script, so this module imports nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER = "pristine"
FILES = "files"
FACTS = "facts.json"
MOVE = "move.json"
MANIFEST = "manifest.json"
ENTRIES_MAX = 500_000
BYTES_MAX = 16 << 30
DEPTH_MAX = 100
TICK_S = 0.02
"""Longer than the clock of change times stands still: a write after that much time cannot look like none."""
_FICLONE = 0x40049409

Look = list[int]
"""Mode, and for a file or link also size, modification and change time in ns, and inode."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Whose set-up is kept. `carried`: earlier work lay over its commit. `outputs`: paths below the tree."""

    setup: str
    commit: str
    carried: bool
    outputs: tuple[str, ...]


def kept(slot: Path) -> Kept | None:
    """Return what is kept for a slot; None where nothing whole is."""
    try:
        facts = json.loads((slot / FOLDER / FACTS).read_bytes())
        return Kept(facts["setup"], facts["commit"], facts["carried"], tuple(facts["outputs"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --- keeping: after set-up, by the session's wrapper ------------------------------------------------------------------


def keep(slot: Path, listing: Path) -> None:
    """Keep a pristine copy of the untracked paths that set-up has made; raise OSError where that cannot be."""
    facts = json.loads((slot / "slot.json").read_bytes())
    apart = {*facts["included"], *facts["shared"], ".git"}
    *names, done, rest = ["", *os.fsdecode(listing.read_bytes()).split("\0")]
    if (done, rest) != ("done", ""):
        raise OSError("the list of it is not whole")
    if facts["setup_wanted"] is None:
        return
    outputs = [path for name in names if (path := name.rstrip("/")) and path not in apart]
    made = slot / f"work-{secrets.token_hex(8)}"
    (made / FILES).mkdir(parents=True)
    manifest = {path: _copied(slot / "tree", made / FILES, path) for path in _found(slot / "tree", outputs)}
    _write(made / MANIFEST, manifest)
    carried, commit = facts.get("carried", False), facts.get("setup_commit") or facts["commit"]
    _write(
        made / FACTS,
        {"setup": facts["setup_wanted"], "commit": commit, "carried": carried, "outputs": outputs},
    )
    drop(slot)
    made.rename(slot / FOLDER)
    _settle(manifest)


def plan_move(slot: Path, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
    """Leave word of the command that brings the tree to its commit when set-up has ended."""
    _write(slot / MOVE, {"argv": list(argv), "env": dict(env), "cwd": str(cwd)})


def move(slot: Path) -> int:
    """Run the command, and give the tree's own git the index that goes with it; return its exit code."""
    try:
        asked = json.loads((slot / MOVE).read_bytes())
    except FileNotFoundError:
        return 0
    done = subprocess.run(asked["argv"], env=asked["env"], cwd=asked["cwd"], stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        theirs = slot / "tree" / ".git" / "index"
        theirs.unlink(missing_ok=True)
        shutil.copy2(slot / "index", theirs)
        (slot / MOVE).unlink()
    return done.returncode


def drop(slot: Path) -> None:
    """Take the copy of a slot away whole; the next lease deletes it."""
    with suppress(FileNotFoundError):
        (slot / FOLDER).rename(slot / f"work-{secrets.token_hex(8)}")


def _found(tree: Path, outputs: Sequence[str]) -> Iterator[str]:
    """Yield each folder, file and link at or below the outputs, folders first; anything else is left out."""
    count = size = 0
    for path in _walk(tree, outputs):
        facts = os.lstat(tree / path)
        count, size = count + 1, size + (facts.st_size if stat.S_ISREG(facts.st_mode) else 0)
        if count > ENTRIES_MAX or size > BYTES_MAX:
            raise OSError("set-up has made too much to keep a copy of it")
        if _is_plain(facts.st_mode):
            yield path


def _is_plain(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)


def _walk(tree: Path, outputs: Sequence[str]) -> Iterator[str]:
    todo = [path for path in outputs if os.path.lexists(tree / path)]
    while todo:
        path = todo.pop()
        yield path
        if path.count("/") > DEPTH_MAX:
            raise OSError(f"{path[:80]}… lies too deep")
        if stat.S_ISDIR(os.lstat(tree / path).st_mode):
            with os.scandir(tree / path) as entries:
                todo += [f"{path}/{entry.name}" for entry in entries]


def _copied(source: Path, target: Path, path: str) -> Look:
    """Copy one entry, and return how the original looks. A file with further names becomes one with a single name."""
    copy = target / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    _copy(source / path, copy)
    facts = os.lstat(source / path)
    if stat.S_ISREG(facts.st_mode) and facts.st_nlink > 1:
        alone = source / f"{path}.{secrets.token_hex(8)}"
        _copy(copy, alone)
        alone.replace(source / path)
    return _look(os.lstat(source / path))


def _copy(source: Path, target: Path) -> None:
    facts = os.lstat(source)
    if stat.S_ISDIR(facts.st_mode):
        target.mkdir(exist_ok=True)
        target.chmod(stat.S_IMODE(facts.st_mode) | 0o700)
    elif stat.S_ISLNK(facts.st_mode):
        target.symlink_to(os.readlink(source))  # noqa: PTH115 - the text as it is
        os.utime(target, ns=(facts.st_mtime_ns, facts.st_mtime_ns), follow_symlinks=False)
    else:
        _copy_content(source, target)
        target.chmod(stat.S_IMODE(facts.st_mode))
        os.utime(target, ns=(facts.st_mtime_ns, facts.st_mtime_ns))


def _copy_content(source: Path, target: Path) -> None:
    """Share the blocks where the file system can, else copy them."""
    with source.open("rb") as content, target.open("xb") as copy:
        try:
            fcntl.ioctl(copy, _FICLONE, content.fileno())
        except OSError:
            shutil.copyfileobj(content, copy, 1 << 20)


def _look(facts: os.stat_result) -> Look:
    if stat.S_ISDIR(facts.st_mode):
        return [facts.st_mode]
    return [facts.st_mode, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]


def _write(path: Path, value: object) -> None:
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(json.dumps(value), "ascii")
    fresh.replace(path)


def _settle(manifest: Mapping[str, Look]) -> None:
    """Wait until no change from now on can bear the time of the newest of these."""
    newest = max((look[3] for look in manifest.values() if len(look) > 3), default=0) / 1e9
    time.sleep(min(TICK_S, max(0.0, newest + TICK_S - time.time())))  # noqa: TID251 - as files tell it


# --- putting back: at a lease, by the reconciler ----------------------------------------------------------------------


def put_back(slot: Path, tracked: Callable[[], set[str]]) -> bool:
    """Make the kept paths what set-up left there, and nothing else; return whether anything had been changed.

    `tracked` is asked for the paths of the commit only where something differs. OSError: one of those is where set-up
    has made something, or the copy is not whole; then the slot is of no use.
    """
    facts = kept(slot)
    if facts is None:
        raise FileNotFoundError(slot / FOLDER)
    manifest: dict[str, Look] = json.loads((slot / FOLDER / MANIFEST).read_bytes())
    tree = slot / "tree"
    _insist_on_folders(tree, facts.outputs)
    differing, extra = _compare(tree, facts.outputs, manifest)
    if not differing and not extra:
        return False
    names = tracked()
    if not names.isdisjoint({*differing, *extra}) or any(
        name.startswith(tuple(f"{e}/" for e in extra)) for name in names
    ):
        raise FileExistsError("the commit has files where set-up has made some")
    _set_aside(slot, [path for path in (*extra, *differing) if os.path.lexists(tree / path)])
    for path in differing:  # folders come before what is in them
        _copy(slot / FOLDER / FILES / path, tree / path)
        if stat.S_ISDIR(manifest[path][0]):
            (tree / path).chmod(stat.S_IMODE(manifest[path][0]))
        manifest[path] = _look(os.lstat(tree / path))
    _write(slot / FOLDER / MANIFEST, manifest)
    _settle(manifest)
    return True


def _insist_on_folders(tree: Path, outputs: Sequence[str]) -> None:
    """Raise NotADirectoryError where the way to an output leads through anything but folders."""
    for above in {parent for path in outputs for parent in Path(path).parents}:
        if os.path.lexists(tree / above) and not stat.S_ISDIR(os.lstat(tree / above).st_mode):
            raise NotADirectoryError(above)


def _compare(tree: Path, outputs: Sequence[str], manifest: Mapping[str, Look]) -> tuple[list[str], list[str]]:
    """Return the paths to make again, folders first, and the paths that set-up did not make. Nothing is followed."""
    seen: set[str] = set()
    differing: list[str] = []
    extra: list[str] = []
    root = str(tree)
    todo = [path for path in outputs if os.path.lexists(f"{root}/{path}")]
    while todo:
        path = todo.pop()
        known, facts = manifest.get(path), os.lstat(f"{root}/{path}")
        if known is None:
            extra.append(path)
            continue
        if stat.S_ISDIR(known[0]) and stat.S_ISDIR(facts.st_mode):
            if facts.st_mode != known[0]:
                (tree / path).chmod(stat.S_IMODE(known[0]))
            with os.scandir(f"{root}/{path}") as entries:
                todo += [f"{path}/{entry.name}" for entry in entries]
            seen.add(path)
        elif _look(facts) == known:
            seen.add(path)
    differing = sorted(path for path in manifest if path not in seen)
    return differing, extra


def _set_aside(slot: Path, paths: Sequence[str]) -> None:
    """Move paths of the tree out of it; the next lease deletes them."""
    aside = slot / f"work-{secrets.token_hex(8)}"
    aside.mkdir()
    for number, path in enumerate(paths):
        if os.path.lexists(slot / "tree" / path):  # it may have lain in one before
            (slot / "tree" / path).rename(aside / str(number))


def main(words: Sequence[str]) -> int:
    """Keep a copy, and move on; where nothing can be kept, say so, and set-up runs again next time."""
    slot, listing = words
    try:
        keep(Path(slot), Path(listing))
    except (OSError, ValueError, KeyError) as error:
        drop(Path(slot))
        print(f"no copy of what set-up made was kept: {error}", file=sys.stderr)  # noqa: T201 - into setup.log
    return move(Path(slot))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
