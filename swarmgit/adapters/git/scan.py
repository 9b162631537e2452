"""Look at what a session left behind, before git reads any of it: which paths changed, and what is wrong with them.

Only what would be taken in is judged. What git ignores, and what the worktree was given (`include`, `share`, set-up
outputs), is not the session's work.
"""

# Names need not be UTF-8, so paths are bytes here, which pathlib does not take.
# ruff: noqa: PTH101, PTH118

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from swarmgit.adapters.git import beside
from swarmgit.adapters.git.filling import places
from swarmgit.adapters.git.findings import DEFAULT_LIMITS, WITHOUT_END, Findings, Limits
from swarmgit.adapters.git.ignores import Ignores, Kept
from swarmgit.adapters.git.pipes import BYTES_MAX, READ_BY_GIT, listed
from swarmgit.adapters.git.run import Git, OutOfTime
from swarmgit.adapters.git.slots import Slot
from swarmgit.adapters.git.treediff import parse_raw
from swarmgit.model.intake import Intake
from swarmgit.plan.nametable import fold
from swarmgit.plan.protected import protected_rule
from swarmgit.plan.scope import is_inside

DEPTH_MAX = 100
ENTRIES_MAX = 2_000_000
PATH_BYTES_MAX = os.pathconf("/", "PC_PATH_MAX") - 300
"""Of a folder: the name of a file in it still has to fit behind."""

PATTERNS_WALL_S_MAX = 120.0
UNJUDGED_MAX = 10_000
"""New files that are saved where nobody can tell which of them are ignored."""
REPOSITORY_PARTS = (b"HEAD", b"objects", b"refs")
SHORT_DOTGIT = re.compile(r"git~[0-9]+")


def scan(engine: Git, slot: Slot, limits: Limits = DEFAULT_LIMITS) -> Findings:
    """Return what to take in of a slot's tree and every objection to it. Nothing is changed but missing read rights."""
    findings = Findings()
    if not slot.tree.is_dir() or slot.tree.is_symlink():
        findings.objections.append("the worktree itself was removed or replaced")
        return findings
    kept = Kept(slot.kept)
    root = os.fsencode(slot.tree)
    oddities = list(_walk(root, kept))
    changed = _tracked(engine.bounded(limits.patterns_cpu_s, PATTERNS_WALL_S_MAX), slot, findings)
    judge = Ignores(engine.bounded(limits.patterns_cpu_s, PATTERNS_WALL_S_MAX), slot, kept, excludes=limits.excludes)
    committed = beside.tracked(engine, slot)
    forced = _forced(engine, slot, kept, committed)
    candidates = [*changed, *sorted(forced.union(judge.untracked()))]
    for path in candidates:
        if path.endswith(b"/"):
            candidates.extend(_files_of_repository(root, path.rstrip(b"/")))
    ignored = judge.ignored([path for path, _ in oddities])
    for path, complaint in oddities:
        if path in ignored:
            continue
        if _is_left(path.removesuffix(b"/.git"), limits.intake):
            findings.left_odd.append(path)
        else:
            findings.object(path, complaint)
    if judge.is_beaten:
        candidates = _objected(findings, changed, candidates)
    known = {*changed, *committed}
    left = [path for path in candidates if path not in known and _is_left(path, limits.intake)]
    outside = set(left)
    _take(findings, root, [path for path in candidates if path not in outside], limits)
    _leave(findings, root, left, limits)
    _find_bare_repositories(findings, root)
    return findings


def _forced(engine: Git, slot: Slot, kept: Kept, committed: set[bytes]) -> set[bytes]:
    """Return the files that only the agent's git tracks: they count even where they are ignored."""
    if not committed:
        return set()
    ours = set(engine.out("ls-files", "-z", env=places(slot)).split(b"\0"))
    root = os.fsencode(slot.tree)
    new = (path for path in committed - ours if not kept.covers(path))
    return {path for path in new if os.path.lexists(os.path.join(root, path))}


def _is_left(path: bytes, intake: Intake) -> bool:
    """Return whether a new path is left out: the task has no business there, and nothing worse is wrong with it."""
    if intake.scope is None:
        return False
    text = path.rstrip(b"/").decode("utf-8", "backslashreplace")
    return not is_inside(text, intake.scope) and protected_rule(text, intake.protected, intake.obeyed) is None


def _leave(findings: Findings, root: bytes, paths: Sequence[bytes], limits: Limits) -> None:
    """Note what is left out, up to what one session may hand in; a file that is more than that is only named."""
    total = 0
    for path in paths:
        facts = _facts(root, path)
        if facts is None or path.endswith(b"/"):
            continue
        is_file = stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode)
        total += facts.st_size
        if not is_file or total > limits.total_size or len(findings.left) >= limits.files:
            findings.left_odd.append(path)
            continue
        _make_readable(root, path, facts)
        findings.left[path] = facts.st_size


def scan_all(engine: Git, slot: Slot, env: Mapping[str, str]) -> Findings:
    """Return every file of a slot's tree that git does not ignore, as new; `env` names an index that is empty."""
    findings = Findings()
    kept = Kept(slot.kept)
    judge = Ignores(engine.bounded(DEFAULT_LIMITS.patterns_cpu_s, PATTERNS_WALL_S_MAX), slot, kept, env)
    tracked = engine.out("ls-files", "-z", "-c", env=places(slot)).split(b"\0")
    names = dict.fromkeys(path for path in (*judge.untracked(), *tracked) if path and not path.endswith(b"/"))
    root = os.fsencode(slot.tree)
    there = [path for path in names if not kept.covers(path) and os.path.lexists(os.path.join(root, path))]
    _take(findings, root, there, DEFAULT_LIMITS)
    return findings


def _walk(root: bytes, kept: Kept) -> Iterator[tuple[bytes, str]]:
    """Yield each path that is neither file, folder nor link, that is a nested `.git`, or that lies too deep.

    Types come from the folder listing, so this costs one system call per folder and follows nothing.
    """
    todo = [b""]
    entries = 0
    while todo and entries < ENTRIES_MAX:
        folder = todo.pop()
        for entry in listed(os.path.join(root, folder)):
            entries += 1
            path = folder + b"/" + entry.name if folder else entry.name
            if path == b".git" or kept.covers(path):
                continue
            if entry.name == b".git":
                yield path, "belongs to a repository inside the worktree"
            elif entry.is_dir(follow_symlinks=False):
                if path.count(b"/") >= DEPTH_MAX:
                    yield path, f"lies more than {DEPTH_MAX} folders deep"
                elif len(root) + len(path) > PATH_BYTES_MAX:
                    yield path, "has a path so long that what is in it cannot be opened"
                else:
                    todo.append(path)
            elif not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
                yield path, "is a pipe, socket or device"


def _tracked(engine: Git, slot: Slot, findings: Findings) -> list[bytes]:
    """Return the tracked files that may have changed, and note those that are gone (also: behind a link)."""
    words = ("diff-files", "-z", "--raw", "--no-abbrev", "--ignore-submodules=all")
    try:
        output = engine.out(*words, env=places(slot))
    except OutOfTime:
        return _all_tracked(engine, slot, findings)
    changes = parse_raw(output)
    findings.absent.update(change.path for change in changes if change.new_mode == "000000")
    return [change.path for change in changes if change.new_mode not in {"000000", "160000"}]


def _all_tracked(engine: Git, slot: Slot, findings: Findings) -> list[bytes]:
    """Return every tracked file that is here, without asking for any attribute, and note those that are gone."""
    findings.object_to_attributes()
    root = os.fsencode(slot.tree)
    names = [name for name in engine.out("ls-files", "-z", env=places(slot)).split(b"\0") if name]
    here = [name for name in names if os.path.lexists(os.path.join(root, name))]
    findings.absent.update(set(names).difference(here))
    return here


def _objected(findings: Findings, changed: Sequence[bytes], candidates: Sequence[bytes]) -> list[bytes]:
    """Object to ignore rules that take too long, and return what is saved: all that changed, and a bounded rest.

    Among the new files are those that the rules would have left out.
    """
    rules = [path for path in candidates if path.rpartition(b"/")[2] == b".gitignore"]
    for path in rules or [b".gitignore"]:
        findings.object(path, WITHOUT_END)
    new = candidates[len(changed) :]
    if len(new) > UNJUDGED_MAX:
        findings.objections.append(
            f"{len(new) - UNJUDGED_MAX} new files more could not be looked at, and are not saved"
        )
    return [*changed, *new[:UNJUDGED_MAX]]


def _files_of_repository(root: bytes, folder: bytes) -> Iterator[bytes]:
    """Yield the files of a nested repository but for its `.git`, so that they are saved although they are refused."""
    todo = [folder]
    count = 0
    while todo and count < ENTRIES_MAX:
        at = todo.pop()
        for entry in listed(os.path.join(root, at)):
            count += 1
            path = at + b"/" + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name != b".git" and path.count(b"/") < DEPTH_MAX:
                    todo.append(path)
            elif entry.name != b".git":
                yield path


def _take(findings: Findings, root: bytes, candidates: Sequence[bytes], limits: Limits) -> None:
    """Sort the candidates into what to take in and what not to, within the limits."""
    links: dict[tuple[int, int], list[bytes]] = {}
    total = 0
    for path in candidates:
        facts = _facts(root, path)
        if facts is None or path.endswith(b"/"):
            continue
        if not stat.S_ISREG(facts.st_mode) and not stat.S_ISLNK(facts.st_mode):
            findings.absent.add(path)  # the walk has objected
            continue
        if path.count(b"/") > DEPTH_MAX:
            continue  # the walk has objected
        _make_readable(root, path, facts)
        if _is_too_large(findings, path, facts.st_size, limits):
            continue
        if len(findings.present) >= limits.files or total + facts.st_size > limits.total_size:
            findings.object(path, f"is beyond the limits of {limits.files} files and {limits.total_size >> 20} MiB")
            continue
        total += facts.st_size
        findings.present[path] = facts.st_size
        _check_name(findings, path)
        if facts.st_nlink > 1 and stat.S_ISREG(facts.st_mode):
            links.setdefault((facts.st_dev, facts.st_ino), []).append(path)
            if facts.st_nlink == len(links[facts.st_dev, facts.st_ino]):
                del links[facts.st_dev, facts.st_ino]
    findings.linked.extend(path for paths in links.values() for path in paths)


def _is_too_large(findings: Findings, path: bytes, size: int, limits: Limits) -> bool:
    """Object to a file that is too large, and return whether it cannot even be saved."""
    is_for_git = path.rpartition(b"/")[2] in READ_BY_GIT
    size_max = min(limits.intake.file_bytes, BYTES_MAX) if is_for_git else limits.intake.file_bytes
    if size <= size_max:
        return False
    told = f"is larger than {size_max / (1 << 20):g} MiB"
    if is_for_git:  # git would read it whole, so it was cut
        findings.object(path, told)
        return True
    is_beyond = size > limits.total_size
    more = ", and too large to be saved" if is_beyond else ""
    findings.object(path, f"{told} (limits.work_file_mb in policy.yaml){more}")
    return is_beyond


def _facts(root: bytes, path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(os.path.join(root, path))
    except OSError:
        return None


def _make_readable(root: bytes, path: bytes, facts: os.stat_result) -> None:
    """Take back the right to read a file of the session's, where the agent took it away."""
    if stat.S_ISREG(facts.st_mode) and not facts.st_mode & stat.S_IRUSR:
        with suppress(OSError):
            os.chmod(os.path.join(root, path), stat.S_IMODE(facts.st_mode) | stat.S_IRUSR)


def _check_name(findings: Findings, path: bytes) -> None:
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        findings.object(path, "has a name that is not UTF-8")
        return
    if not text.isprintable() and any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        findings.object(path, "has a line break or control character in its name")
    parts = text.split("/")
    if any(part.startswith("-") for part in parts):
        findings.object(path, "has a name that begins with a dash")
    if any(_is_dotgit(part) for part in parts):
        findings.object(path, "has a name that some file systems take for .git")


def _is_dotgit(part: str) -> bool:
    folded = fold(part.partition(":")[0])
    return folded == ".git" or SHORT_DOTGIT.fullmatch(folded) is not None


def _find_bare_repositories(findings: Findings, root: bytes) -> None:
    """Object to folders that git would take for a repository although they are plain files."""
    folders = {b""}
    for path in findings.present:
        parts = path.split(b"/")
        folders.update(b"/".join(parts[:size]) for size in range(1, len(parts)))
    for folder in sorted(folders):
        if all(os.path.lexists(os.path.join(root, folder, part)) for part in REPOSITORY_PARTS):
            findings.object(folder or b"the worktree", "looks like a bare repository")
