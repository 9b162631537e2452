"""Refs of ours that say nothing or name what is missing, and locks that killed processes of ours left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from swarmgit.adapters.aside import sweep
from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.packs import Packs
from swarmgit.adapters.git.refs import OID, drop_broken, drop_stale_lock
from swarmgit.documents.paths import ABANDONED, CANDIDATE, CAPTURED, KEPT, LOST_REFS, SALVAGE, SUBMITTED, TRANSCRIPTS
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.git import RefFault
from swarmgit.model.ids import CommitId

OURS = "refs/swarm"
DERIVED = (f"{CANDIDATE}/", f"{SUBMITTED}/", f"{TRANSCRIPTS}/", f"{KEPT}/")
"""What these name is made, or brought, again, or is no work: a ref to nothing would stop the person's own `git gc`."""

WORK = (f"{SALVAGE}/", f"{ABANDONED}/", f"{SUBMITTED}/")
"""Below these lies work by task and session, which the engine may still have pinned as captured."""

OBJECT = re.compile(r"\b[0-9a-f]{40}([0-9a-f]{24})?\b")
NOT_COPIED = ("refs/swarm", "refs/*")


class GitUpkeep:
    """ports.Upkeep for the person's repository, whose objects `person` reads, and for the engine."""

    def __init__(self, person: GitObjects, engine: GitEngine) -> None:
        self._person = person
        self._engine = engine

    def faults(self, *, thorough: bool = False) -> tuple[RefFault, ...]:
        common_dir = self._person.git.git_dir
        empty = [
            RefFault(name, f"{name} says nothing: its file is empty or damaged", is_derived=True)
            for name in _names(common_dir)
            if not OID.fullmatch(_text(common_dir / name))
        ]
        dangling, whole = [], {}
        for name, oid in self._refs().items():
            if self._is_there(oid):
                whole[name] = oid
            else:
                dangling.append(_fault(name, f"names commit {oid[:12]}, which is not here"))
        if thorough and self._lacks(whole.values()):
            dangling += [
                _fault(name, f"names commit {oid[:12]}, of which {lack[:12]} is not here")
                for name, oid in whole.items()
                if (lack := self._lacks([oid]))
            ]
        return tuple(sorted((*empty, *dangling), key=lambda fault: fault.name))

    def drop(self, faults: Sequence[RefFault]) -> None:
        refs = self._refs()
        if not all(map(self._is_there, self._person.refs("refs/heads/").values())):
            raise PersonMustAct("branches cannot be read either: first repair the repository", "git fsck")
        with (self._engine.git.git_dir.parent / LOST_REFS).open("a") as notes:
            for fault in faults:
                notes.write(f"{refs.get(fault.name, '')} {fault.name}\n")
        self._engine.withdraw([fault.name for fault in faults])

    def heal(self) -> None:
        sweep(self._engine.git.git_dir.parent)
        for folder, below in ((self._engine.git.git_dir, ""), (self._person.git.git_dir, OURS)):
            for lock in _locks(folder / below):
                with suppress(OSError):
                    drop_stale_lock(lock)
        with suppress(OSError):
            Packs(self._person.git.git_dir / "objects").tidy()
        _keep_what_can_be_read(self._engine.git.git_dir / "packed-refs")
        for name in _names(self._engine.git.git_dir):
            drop_broken(self._engine.git.git_dir, name)
        for fault in self.faults():
            with suppress(SwarmError, OSError):
                self._heal(fault)

    def mirrors(self) -> tuple[str, ...]:
        listed = self._person.git.call("config", "-z", "--get-regexp", r"^remote\..*\.(push|fetch|mirror)$").stdout
        found: dict[str, None] = {}
        for record in listed.decode("utf-8", "replace").split("\0"):
            key, _, value = record.partition("\n")
            _, _, rest = key.partition(".")
            remote, _, kind = rest.rpartition(".")
            is_mirror = value.strip().lower() in {"true", "yes", "on", "1", ""} if kind == "mirror" else _covers(value)
            if remote and is_mirror:
                found[remote] = None
        return tuple(found)

    def _heal(self, fault: RefFault) -> None:
        """Put a ref of work back from what the engine has captured; drop one that says nothing, or is made again."""
        drop_broken(self._person.git.git_dir, fault.name)
        prefix = next((prefix for prefix in WORK if fault.name.startswith(prefix)), None)
        captured = self._engine.objects.ref(f"{CAPTURED}/{fault.name.removeprefix(prefix)}") if prefix else None
        if captured is not None:
            self._engine.salvage(fault.name, captured)
        elif fault.is_derived:
            self._engine.withdraw([fault.name])

    def _lacks(self, commits: Iterable[CommitId]) -> str:
        """Return an object that is missing below commits and not below a branch; '' for none, or where git fetches."""
        if any((self._person.git.git_dir / "objects" / "pack").glob("*.promisor")):
            return ""
        heads = "".join(f"^{oid}\n" for oid in self._person.refs("refs/heads/").values() if self._is_there(oid))
        asked = heads + "".join(f"{oid}\n" for oid in commits)
        options = ("--objects", "--missing=print", "--no-object-names", "--ignore-missing", "--stdin")
        done = self._person.git.call("rev-list", *options, stdin=asked.encode())
        if done.returncode:
            found = OBJECT.search(done.stderr.decode("utf-8", "replace"))
            return found[0] if found else "a commit"
        return next((line[1:].decode() for line in done.stdout.splitlines() if line.startswith(b"?")), "")

    def _refs(self) -> dict[str, CommitId]:
        try:
            return self._person.refs(f"{OURS}/")
        except SwarmError:  # packed-refs cannot be read, which git itself says
            return {}

    def _is_there(self, oid: CommitId) -> bool:
        try:
            return self._person.kind(oid) is not None
        except SwarmError:  # git ends on an object that it cannot unpack
            return False


def _fault(name: str, what: str) -> RefFault:
    return RefFault(name, f"{name} {what}", is_derived=name.startswith(DERIVED))


def _names(git_dir: Path) -> Iterator[str]:
    """Yield the refs of ours that have a file of their own."""
    for path in sorted((git_dir / OURS).rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".lock":
            yield path.relative_to(git_dir).as_posix()


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""


def _locks(folder: Path) -> Iterator[Path]:
    """Yield lock files below a git folder, but for those among its objects' own folders."""
    for path in folder.rglob("*.lock"):
        if path.is_file():
            yield path
    if (folder / "gc.pid").is_file():
        yield folder / "gc.pid"


def _keep_what_can_be_read(packed: Path) -> None:
    """Take lines out of the engine's packed refs that git ends on."""
    if not packed.is_file():
        return
    lines = packed.read_bytes().splitlines(keepends=True)
    good = [line for line in lines if _is_readable(line.rstrip(b"\n"))]
    if good != lines:
        packed.write_bytes(b"".join(good))


def _is_readable(line: bytes) -> bool:
    if line.startswith(b"#"):
        return True
    oid, _, name = line.removeprefix(b"^").partition(b" ")
    is_peeled = line.startswith(b"^") and not name
    return OID.fullmatch(oid.decode("ascii", "replace")) is not None and (is_peeled or name.startswith(b"refs/"))


def _covers(refspec: str) -> bool:
    """Return whether a refspec takes refs of ours with it."""
    source = refspec.lstrip("+^").partition(":")[0]
    return not refspec.startswith("^") and source.startswith(NOT_COPIED)
