"""What wakes the loop: file notifications where the machine has them, a slow poll where it has none left."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

_JOIN_S_MAX = 2.0


class PollingDoorbell:
    """ports.Doorbell without notifications: rings every `poll_s` seconds."""

    def __init__(self, poll_s: float = 1.0) -> None:
        self._poll_s = poll_s
        self._closed = threading.Event()

    def watch(self, path: Path) -> None:
        """Take no notice: everything is looked at anyway."""

    def unwatch(self, path: Path) -> None:
        """Take no notice."""

    def wait(self, timeout_s: float) -> bool:
        """Sleep; True when the time to look again has come before the timeout."""
        self._closed.wait(max(0.0, min(timeout_s, self._poll_s)))
        return timeout_s > self._poll_s

    def close(self) -> None:
        """End a sleep."""
        self._closed.set()


class WatchdogDoorbell:
    """ports.Doorbell on watchdog. Folders only, never what is below them; rings are coalesced.

    A folder that does not exist yet (or any more) is waited for through its nearest parent. Where the machine's
    watches are used up it polls every `poll_s` seconds instead, and says so once.
    """

    def __init__(self, paths: Iterable[Path], *, poll_s: float = 1.0, say: Callable[[str], None] | None = None) -> None:
        self._rung = threading.Event()
        self._polling: PollingDoorbell | None = None
        self._poll_s = poll_s
        self._say = say or _say_nothing
        self._wanted: set[Path] = set()
        self._watches: dict[Path, tuple[ObservedWatch, int]] = {}
        self._observer: BaseObserver | None = None
        self._handler: Any = None
        try:
            self._observer, self._handler = _observe(self._rung)
        except OSError as error:
            self._fall_back(error)
        for path in paths:
            self._wanted.add(path)
        self._settle()

    def watch(self, path: Path) -> None:
        """Ring for this folder too; nothing when it is watched already."""
        if path not in self._wanted:
            self._wanted.add(path)
            self._settle()

    def unwatch(self, path: Path) -> None:
        """Ring for this folder no more."""
        if path in self._wanted:
            self._wanted.discard(path)
            self._settle()

    def wait(self, timeout_s: float) -> bool:
        """Return True when something rang since the last call, False after `timeout_s` seconds."""
        if self._polling is not None:
            return self._polling.wait(timeout_s)
        rung = self._rung.wait(timeout_s)
        self._rung.clear()
        return self._settle() or rung

    def close(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(_JOIN_S_MAX)
            self._observer = None
        if self._polling is not None:
            self._polling.close()
        self._rung.set()

    def _settle(self) -> bool:
        """Watch what is there now; True when a folder has come, gone or been replaced since the last look."""
        if self._observer is None:
            return False
        targets = {near: inode for near, inode in map(_nearest, self._wanted) if inode is not None}
        changed = False
        for path, (watch, inode) in list(self._watches.items()):
            if targets.get(path) != inode:
                changed = True
                del self._watches[path]
                self._observer.unschedule(watch)
        for path, inode in targets.items():
            if path in self._watches:
                continue
            changed = True
            try:
                self._watches[path] = _schedule(self._observer, self._handler, path), inode
            except FileNotFoundError:  # it went between the two looks; the next wait sees it
                continue
            except OSError as error:
                self._fall_back(error)
                return True
        return changed

    def _fall_back(self, error: OSError) -> None:
        self._polling = PollingDoorbell(self._poll_s)
        self._say(f"file notifications are not available ({error.strerror}); looking every {self._poll_s:g} s instead")
        observer, self._observer = self._observer, None
        self._watches.clear()
        if observer is not None:
            observer.stop()


def _say_nothing(message: str) -> None:
    """Stand in for a caller that does not listen."""


def _nearest(path: Path) -> tuple[Path, int | None]:
    """Return the folder itself or its nearest parent that is there, with its inode."""
    for candidate in (path, *path.parents):
        try:
            status = candidate.stat()
        except OSError:
            continue
        if candidate.is_dir():
            return candidate, status.st_ino
    return path, None


def _observe(rung: threading.Event) -> tuple[BaseObserver, Any]:
    """Start watchdog and return it with the handler that rings. Imported here: it costs 36 ms."""
    from watchdog.events import FileSystemEventHandler
    from watchdog.observers import Observer

    _pass_moves_on_at_once()
    logging.getLogger("watchdog").addHandler(logging.NullHandler())

    class Ringer(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            path = os.fsdecode(getattr(event, "dest_path", "") or event.src_path)
            if not path.endswith(".lock"):  # the file that is renamed into place comes next
                rung.set()

    observer = Observer()
    observer.start()
    return observer, Ringer()


def _schedule(observer: BaseObserver, handler: Any, path: Path) -> ObservedWatch:  # noqa: ANN401 - made in _observe
    from watchdog import events

    kinds: list[type[FileSystemEvent]] = [
        events.FileCreatedEvent,
        events.FileMovedEvent,
        events.FileDeletedEvent,
        events.FileClosedEvent,
        events.DirCreatedEvent,
        events.DirMovedEvent,
        events.DirDeletedEvent,
    ]
    return observer.schedule(handler, str(path), recursive=False, event_filter=kinds)


def _pass_moves_on_at_once() -> None:
    """Let watchdog not hold a rename back for half a second to pair it with its other half: a ring needs no pair.

    The delay is a class attribute whose place depends on the version; where it is not found, rings come late.
    """
    from importlib import import_module

    for module, name in (
        ("watchdog.observers.inotify_move_event_grouper", "InotifyMoveEventGrouper"),
        ("watchdog.observers.inotify_buffer", "InotifyBuffer"),
    ):
        try:
            buffer = getattr(import_module(module), name)
        except (ImportError, AttributeError, OSError):
            continue
        buffer.delay = 0.0
