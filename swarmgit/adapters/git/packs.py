"""New objects for a repository in which other people's git collects garbage.

`git gc` and `git prune` read the refs and then delete what these did not reach, with `--prune=now` whatever its age. A
loose object that is written in between goes, and the ref that is moved to it names nothing. So objects come in a pack
with a `.keep` beside it, as `git fetch` brings them: both commands leave it alone until a ref names what is in it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.loose import NewObject, write_out

SMALL = b"swarmgit".hex()
"""Begins the name of a pack that was written here. git takes any digits for the name of a pack."""

LARGE = b"swarmbig".hex()
"""Begins the name of one that git made, with deltas."""

JOIN_MIN = 24
"""So many small packs are joined to one: every git command opens each pack's index."""

SMALL_BYTES_MAX = 1 << 20
STALE_S = 60.0
"""Who held a pack longer than this was killed: between writing and moving a ref lie milliseconds."""

KINDS = {b"commit": 1, b"tree": 2, b"blob": 3, b"tag": 4}
INDEX_HEAD = b"\377tOc\0\0\0\2"
HEAD_BYTES = 12
FANOUT_BYTES = 1024


class Packed(Struct, frozen=True):
    """One object as it stands in a pack: head and compressed content."""

    oid: bytes
    entry: bytes


class Packs:
    """swarmgit's own packs in an objects folder. `durable`: they are on the disk before anything names them."""

    def __init__(self, objects_dir: Path, *, durable: bool = True) -> None:
        self._folder = objects_dir / "pack"
        self._durable = durable

    @contextmanager
    def holding(self, new: Iterable[NewObject]) -> Iterator[None]:
        """Write objects; nobody collects them inside of this, where a ref is moved to what needs them."""
        entries = [_packed(item) for item in {item.oid: item for item in new}.values()]
        with ExitStack() as stack:
            if entries:
                stack.enter_context(self._holding(entries))
            yield

    @contextmanager
    def holding_files(self, pack: Path, index: Path, digits: int) -> Iterator[None]:
        """Take in a pack that git made on this file system, as `holding` does. `digits`: an object id's length."""
        stem = self._stem(LARGE, digits)
        with self._kept(stem):
            for path, suffix in ((pack, "pack"), (index, "idx")):
                if self._durable:
                    _flush(path)
                path.rename(f"{stem}.{suffix}")
            yield

    def tidy(self) -> None:
        """Give up what killed processes held, and join small packs."""
        held = list(self._folder.glob(f"pack-{SMALL[:10]}*.keep"))
        if held:
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".swarmgit-now-") as file:
                now = os.fstat(file.fileno()).st_mtime
            for keep in held:
                with suppress(OSError):
                    if abs(now - keep.stat().st_mtime) >= STALE_S:
                        _give_up(keep)
        self.join()

    def join(self) -> None:
        """Join small packs to one where there are many; what cannot be read stays as it is."""
        small = [stem for stem in self._small() if not _path(stem, "keep").exists()]
        if len(small) < JOIN_MIN:
            return
        found: dict[bytes, Packed] = {}
        joined: list[Path] = []
        for stem in small:
            with suppress(OSError, ValueError, struct.error):
                found.update({each.oid: each for each in _read(stem)})
                joined.append(stem)
        if len(joined) < 2:
            return
        with self._holding(list(found.values())):
            for stem in joined:
                for suffix in ("idx", "pack"):
                    _path(stem, suffix).unlink(missing_ok=True)

    def _small(self) -> Iterator[Path]:
        """Yield the small packs by their names without a suffix, but those that an index of many packs names."""
        many = self._folder / "multi-pack-index"
        since = many.stat().st_mtime if many.exists() else float("-inf")
        for index in self._folder.glob(f"pack-{SMALL}*.idx"):
            with suppress(OSError):
                stem = index.with_suffix("")
                if _path(stem, "pack").stat().st_size <= SMALL_BYTES_MAX and index.stat().st_mtime > since:
                    yield stem

    def _stem(self, mark: str, digits: int) -> Path:
        """Return a name that no pack ever had: a git that has listed the packs already deletes by name."""
        return self._folder / f"pack-{mark}{secrets.token_hex(digits // 2)[: digits - len(mark)]}"

    @contextmanager
    def _holding(self, entries: list[Packed]) -> Iterator[None]:
        stem = self._stem(SMALL, 2 * len(entries[0].oid))
        pack, index = _layout(entries)
        with self._kept(stem):
            self._write(_path(stem, "pack"), pack)
            unseen = Path(f"{stem}.unseen")
            self._write(unseen, index)
            unseen.rename(_path(stem, "idx"))  # git sees the pack from here on
            yield

    @contextmanager
    def _kept(self, stem: Path) -> Iterator[None]:
        keep = _path(stem, "keep")
        self._folder.mkdir(parents=True, exist_ok=True)
        keep.write_bytes(b"swarmgit moves a ref to what is in this pack\n")
        try:
            yield
        finally:
            _give_up(keep)

    def _write(self, path: Path, content: bytes) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if self._durable:
                write_out([handle])
        finally:
            os.close(handle)


def _path(stem: Path, suffix: str) -> Path:
    return stem.with_name(f"{stem.name}.{suffix}")


def _give_up(keep: Path) -> None:
    """Leave a pack to git; one that was not finished goes."""
    stem = keep.with_suffix("")
    if not _path(stem, "idx").exists():
        for suffix in ("unseen", "pack"):
            _path(stem, suffix).unlink(missing_ok=True)
    keep.unlink(missing_ok=True)


def _packed(item: NewObject) -> Packed:
    header, _, content = item.data.partition(b"\0")
    kind = KINDS[header.partition(b" ")[0]]
    size = len(content)
    head = bytearray([kind << 4 | size & 15])
    size >>= 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return Packed(bytes.fromhex(item.oid), bytes(head) + zlib.compress(content, 1))


def _layout(entries: list[Packed]) -> tuple[bytes, bytes]:
    """Return a pack and its index, in version 2 of both formats."""
    digest = hashlib.sha1 if len(entries[0].oid) == 20 else hashlib.sha256
    offsets: dict[bytes, int] = {}
    at = HEAD_BYTES
    for each in entries:
        offsets[each.oid] = at
        at += len(each.entry)
    body = struct.pack(">4sII", b"PACK", 2, len(entries)) + b"".join(each.entry for each in entries)
    pack = body + digest(body, usedforsecurity=False).digest()
    in_order = sorted(entries, key=lambda each: each.oid)
    counts = [0] * 256
    for each in entries:
        counts[each.oid[0]] += 1
    fanout = [sum(counts[: first + 1]) for first in range(256)]
    listed = b"".join(
        (
            INDEX_HEAD,
            struct.pack(">256I", *fanout),
            b"".join(each.oid for each in in_order),
            struct.pack(f">{len(entries)}I", *(zlib.crc32(each.entry) for each in in_order)),
            struct.pack(f">{len(entries)}I", *(offsets[each.oid] for each in in_order)),
            pack[len(body) :],
        )
    )
    return pack, listed + digest(listed, usedforsecurity=False).digest()


def _read(stem: Path) -> list[Packed]:
    """Return what is in a small pack; ValueError where it is not as it was written."""
    pack, index = _path(stem, "pack").read_bytes(), _path(stem, "idx").read_bytes()
    id_size = (len(stem.name) - len("pack-")) // 2
    start = len(INDEX_HEAD) + FANOUT_BYTES
    (count,) = struct.unpack_from(">I", index, start - 4)
    sums = struct.unpack_from(f">{count}I", index, start + count * id_size)
    offsets = struct.unpack_from(f">{count}I", index, start + count * (id_size + 4))
    ends: Mapping[int, int] = dict(zip(sorted(offsets), [*sorted(offsets)[1:], len(pack) - id_size], strict=True))
    found = []
    for place, (offset, checksum) in enumerate(zip(offsets, sums, strict=True)):
        entry = pack[offset : ends[offset]]
        if zlib.crc32(entry) != checksum:
            raise ValueError(stem)
        found.append(Packed(index[start + place * id_size : start + (place + 1) * id_size], entry))
    return found


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        write_out([handle])
    finally:
        os.close(handle)
