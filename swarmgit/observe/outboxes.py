"""What live sessions have put into their outboxes: letters, and receipts for what they have read.

A session may put anything there, so nothing is followed, waited for or believed: links, pipes, devices and files that
are too large are named and not read, and one look takes in a bounded number.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice

from msgspec import Struct

from swarmgit.documents import paths
from swarmgit.model.ids import MailId, SessionId
from swarmgit.model.mail import LETTER_BYTES_MAX, Outbox, Posted
from swarmgit.model.sessions import Session
from swarmgit.ports.sessions import SessionReader

ID = re.compile(r"[0-9a-z]{1,63}")
SUFFIXES = (".json", ".yaml", ".yml")
FILES_MAX = 500
"""Letters taken in of one outbox at one look, and receipts likewise; the rest waits for the next."""

FLOOD_MAX = 5_000
"""Of an outbox with more files than that, letters or not, none is read: the session floods it."""

STUCK_BYTES_MAX = 1 << 20
RIPE_S = 0.3
"""A letter that is not JSON may be cut off without showing it, and JSON that cannot be read may be half written: it is
taken in once it has been left alone for so long. What was changed after the time of the look, as is told of every file
that appears during it, counts from the first look that saw it so."""

RACY_NS = 50_000_000
"""A folder that changed so recently may change again within the same tick of the file system's clock."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NOTHING = Outbox()


class _Seen(Struct, frozen=True):
    """A look that found nothing, good for as long as the folders' times stay the same."""

    times: tuple[int, ...]
    outbox: Outbox


class OutboxReader:
    """Looks at outboxes again and again; one whose folders have not changed costs three stats."""

    def __init__(self, executor: SessionReader) -> None:
        self._executor = executor
        self._seen: dict[SessionId, _Seen] = {}
        self._young: dict[SessionId, dict[str, datetime]] = {}

    def outboxes(self, sessions: Iterable[Session], now: datetime) -> dict[SessionId, Outbox]:
        """Return the outbox of every agent's session that has put something into it or was given mail."""
        found: dict[SessionId, Outbox] = {}
        agents = [session for session in sessions if session.spec.kind == "agent"]
        for session in agents:
            outbox = self._look(session, now)
            if outbox != NOTHING:
                found[session.spec.id] = outbox
        for gone in self._seen.keys() - {session.spec.id for session in agents}:
            del self._seen[gone]
        for gone in self._young.keys() - {session.spec.id for session in agents}:
            del self._young[gone]
        return found

    def _look(self, session: Session, now: datetime) -> Outbox:
        folder = str(self._executor.folder(session.spec.id))
        times = tuple(_changed_ns(f"{folder}/{name}") for name in WATCHED)
        seen = self._seen.get(session.spec.id)
        if seen is not None and seen.times == times:
            return seen.outbox
        if any(_is_flooded(f"{folder}/{name}") for name in (paths.OUTBOX, f"{paths.OUTBOX}/{paths.READ}")):
            given = _delivered(self._executor.read(session.spec.id, paths.DELIVERED_FILE, 0, 64))
            return Outbox(delivered=given, is_flooded=True)
        stuck = self._stuck(session.spec.id)
        posted, is_waiting = self._letters(session, stuck, now)
        outbox = Outbox(
            posted,
            _receipts(f"{folder}/{paths.OUTBOX}/{paths.READ}", stuck),
            _delivered(self._executor.read(session.spec.id, paths.DELIVERED_FILE, 0, 64)),
            is_waiting,
        )
        is_quiet = not (outbox.posted or outbox.receipts or is_waiting or stuck)  # what is stuck may be written anew
        if is_quiet and max(times) < int(now.timestamp() * 1e9) - RACY_NS:
            self._seen[session.spec.id] = _Seen(times, outbox)
        return outbox

    def _letters(self, session: Session, stuck: frozenset[str], now: datetime) -> tuple[tuple[Posted, ...], bool]:
        """Return the letters that are whole, oldest first, and whether there are more, or some that are not ripe."""
        read, is_waiting = _letters(f"{self._executor.folder(session.spec.id)}/{paths.OUTBOX}", stuck)
        before = self._young.pop(session.spec.id, {})
        posted: list[Posted] = []
        young: dict[str, datetime] = {}
        for made in read:
            first = min(now, before.get(made.seed, now))
            age_s = now.timestamp() - min(made.changed_ns / 1e9, first.timestamp())
            is_whole = made.letter is not None and made.name.endswith(".json")
            if session.is_over or is_whole or age_s >= RIPE_S:
                posted.append(made)
            else:
                young[made.seed] = first
        if young:
            self._young[session.spec.id] = young
        return tuple(posted), is_waiting or bool(young)

    def _stuck(self, session: SessionId) -> frozenset[str]:
        """Return the seeds of what was taken in and cannot be removed: it is not taken in again."""
        raw = self._executor.read(session, paths.STUCK_FILE, 0, STUCK_BYTES_MAX)
        try:
            return frozenset(map(str, json.loads(raw))) if raw else frozenset()
        except (ValueError, TypeError, RecursionError):
            return frozenset()


WATCHED = (paths.OUTBOX, f"{paths.OUTBOX}/{paths.READ}", paths.DELIVERED_FILE)


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime_ns  # noqa: PTH116 - three for each session and tick
    except OSError:
        return 0


def _letters(folder: str, stuck: frozenset[str]) -> tuple[list[Posted], bool]:
    """Return what lies in an outbox, oldest first, whole or not, and whether there is more than one look takes in."""
    here = _open_folder(folder)
    if here is None:
        return [], False
    try:
        files = sorted(file for file in _files(here) if _seed(file[1], file[0]) not in stuck)
        made = (_letter(here, name, changed_ns) for changed_ns, name in files[:FILES_MAX])
        return [each for each in made if each is not None], len(files) > FILES_MAX
    finally:
        os.close(here)


def _is_flooded(folder: str) -> bool:
    """Return whether a folder has too many files; no more names are read than it takes to know that."""
    here = _open_folder(folder)
    if here is None:
        return False
    try:
        with os.scandir(here) as entries:
            return sum(1 for _ in islice(entries, FLOOD_MAX + 1)) > FLOOD_MAX
    finally:
        os.close(here)


def _files(here: int) -> Iterator[tuple[int, str]]:
    """Yield what may be a letter, with the time of its last change; folders are none."""
    with os.scandir(here) as entries:
        for entry in islice(entries, FLOOD_MAX):
            if not entry.name.endswith(SUFFIXES) or entry.name.startswith("."):
                continue
            if not entry.is_dir(follow_symlinks=False):
                with suppress(OSError):  # it may be gone by now
                    yield entry.stat(follow_symlinks=False).st_mtime_ns, entry.name


def _seed(name: str, changed_ns: int) -> str:
    return f"{name.encode('utf-8', 'backslashreplace').decode()}/{changed_ns}"


def _letter(here: int, name: str, changed_ns: int) -> Posted | None:
    """Return one file of an outbox as a letter, or what is wrong with it; None for a folder and what is gone."""
    shown = name.encode("utf-8", "backslashreplace").decode()
    seed = _seed(name, changed_ns)
    try:
        mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            return Posted(name, seed, None, f"{shown}: {what}; nothing else than files is sent", changed_ns)
        data, changed_ns = _content(here, name)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Posted(name, seed, None, f"{shown}: cannot be read: {error.strerror}", changed_ns)
    from swarmgit.documents import letters  # the parsers, which most looks do not need

    seed = _seed(name, changed_ns)
    if data is None:
        problem = f"{shown}: too large: at most {LETTER_BYTES_MAX} bytes are sent"
        return Posted(name, seed, None, problem, changed_ns)
    try:
        return Posted(name, seed, letters.read(shown, data), "", changed_ns)
    except letters.Unreadable as error:
        return Posted(name, seed, None, str(error), changed_ns)


def _content(here: int, name: str) -> tuple[bytes | None, int]:
    """Return a regular file's content, None where it is too large, and the time of the last change before it was read.

    OSError where it has become something else.
    """
    file = os.open(name, _FILE, dir_fd=here)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(name)
        data = os.pread(file, LETTER_BYTES_MAX + 1, 0)
        return data if len(data) <= LETTER_BYTES_MAX else None, status.st_mtime_ns
    finally:
        os.close(file)


def _receipts(folder: str, stuck: frozenset[str]) -> tuple[MailId, ...]:
    here = _open_folder(folder)
    if here is None:
        return ()
    try:
        with os.scandir(here) as entries:
            names = [e.name for e in islice(entries, FILES_MAX) if e.is_file(follow_symlinks=False)]
            return tuple(MailId(name) for name in sorted(names) if ID.fullmatch(name) and name not in stuck)
    finally:
        os.close(here)


def _delivered(raw: bytes) -> MailId | None:
    name = raw.decode("ascii", "replace").strip()
    return MailId(name) if ID.fullmatch(name) else None


def _open_folder(path: str) -> int | None:
    try:
        return os.open(path, _FOLDER)
    except OSError:
        return None
