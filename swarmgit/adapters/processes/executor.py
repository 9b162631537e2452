"""Sessions on this machine. Everything known of one is in its folder, so any later reconciler can adopt it.

`<live>/active/<id>`    the session is not forgotten; made before the folder, so that no folder is overlooked
`<live>/sessions/<id>/` made under a temporary name and renamed; `pid` is the wrapper's claim, `stop.json` a request to
                        end, `exit.json` the end, written last
`<live>/bell/<id>`      touched by the wrapper at the end, for whoever watches that folder
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

import msgspec

from swarmgit.adapters.deletion import delete
from swarmgit.adapters.processes import channel, tree, vitals
from swarmgit.adapters.processes import folder as files
from swarmgit.adapters.processes.job import Jobs, StopRequest, encoded
from swarmgit.adapters.processes.launch import Launcher
from swarmgit.adapters.sandbox import groups
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, TryLater
from swarmgit.model.endings import Stop
from swarmgit.model.health import DiskUse
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job, StartSpec
from swarmgit.model.sessions import SessionSpec
from swarmgit.ports.machine import Clock

_WRAPPER_GRACE_S = 1.0
_MARKER_S_MAX = 60.0
_REAP_S_MAX = 3.0
_NOBODY = b"0\n-\n-\n"
"""What stands in `pid` when a session was ended before a wrapper had claimed it."""


class LocalExecutor:
    """Executor on this machine's processes. One writer (the lock's holder); anyone may poll and read."""

    def __init__(self, live: Path, clock: Clock, fault: Callable[[str], None] | None = None) -> None:
        self._sessions = live / paths.SESSIONS
        self._active = live / paths.ACTIVE
        self._bell = live / paths.BELL
        self._clock = clock
        self._fault = fault or _no_fault
        self._launcher = Launcher()
        self._jobs = Jobs(self._sessions, clock, self._launcher)
        self._is_laid_out = False
        self._clean: set[str] = set()
        """Ended sessions of which nothing is left: only a process of theirs could start another."""
        self._asked: set[tuple[int, str]] = set()
        self._counts: dict[SessionId, vitals.DiskCount] = {}
        self._damaged: tuple[SessionId, ...] = ()

    def start(self, spec: StartSpec) -> None:
        """Start once per session id; see Executor. A folder without a claim is started from."""
        session = files.check_id(spec.spec.id)
        _check(spec)
        self._launcher.reap()
        if not self._make(spec.spec, {**(spec.files or {})}):
            return
        if self._launcher.has(session) or (self._sessions / session / "pid").exists():
            return
        self._fault("executor.spawn")
        blocks = max(1, spec.spec.output_bytes_max // channel.BLOCK_BYTES)
        folder, bell = str(self._sessions / session), str(self._bell / session)
        arguments = (folder, bell, str(blocks), str(len(spec.setup)))
        self._launcher.launch(session, (*arguments, *spec.setup, *spec.argv), spec.cwd, spec.env)

    def refuse(self, spec: SessionSpec, error: str) -> None:
        """Leave a folder whose end is `error`; nothing when the session runs or has ended."""
        files.check_id(spec.id)
        if self._make(spec, {}) and self._claim_for_nobody(spec.id):
            self._fault("executor.refuse")
            files.write(self._jobs.path(spec.id), "exit.json", encoded({"version": 1, "code": None, "error": error}))

    def withdraw(self, session: SessionId) -> None:
        """Forget a session whose start came to nothing; nothing where a wrapper has claimed it."""
        files.check_id(session)
        if not self._launcher.has(session) and not (self._sessions / session / "pid").exists():
            self.forget(session)

    def poll(self, ids: Sequence[SessionId] | None = None) -> dict[SessionId, Job]:
        """Return the state of the named sessions, or of every one that is not forgotten; a few stats each."""
        self._launcher.reap()
        jobs, damaged = {}, []
        for session in self._names() if ids is None else ids:
            job = self._jobs.look(session)
            if job is not None:
                jobs[session] = job
            elif (self._sessions / session).exists():
                damaged.append(session)
            elif ids is None:
                self._drop_old_marker(session)
        if ids is None:
            self._damaged = tuple(sorted(damaged))
        return jobs

    def damaged(self) -> tuple[SessionId, ...]:
        """Return what the last look at all sessions found without a record that can be read."""
        return self._damaged

    def read(self, session: SessionId, name: str, offset: int = 0, size_max: int = 1 << 20) -> bytes:
        """Return part of a session's file; b'' where there is no regular one."""
        return files.read(self._jobs.path(files.check_id(session)), name, offset, size_max)

    def size(self, session: SessionId, name: str) -> int | None:
        """Return how many bytes a session's file has; None where there is no regular one."""
        return files.size(self._jobs.path(files.check_id(session)), name)

    def cancel(self, session: SessionId, stop: Stop, grace_s: float) -> None:
        """Ask a session to end; called every tick until it is over. Never waits."""
        job = self._jobs.look(session)
        if job is None or job.state not in {"queued", "running"}:
            return
        asked = self._jobs.stop(session) or self._write_stop(session, stop)
        if self._claim_for_nobody(session):
            files.write(self._jobs.path(session), "exit.json", encoded({"version": 1, "code": None}))
            return
        self._fault("executor.signal")
        waited_s = max((self._clock.now() - asked.at).total_seconds(), time.monotonic() - asked.seen)
        whole = self._jobs.tree(session)
        if waited_s < grace_s:
            new = [p for p in self._askable(whole, session) if (p.pid, p.start) not in self._asked]
            self._asked.update((p.pid, p.start) for p in new)
            tree.ask(new)
        elif waited_s < grace_s + _WRAPPER_GRACE_S:
            tree.kill(whole, spare=self._jobs.keepers(session))
        else:
            if whole.wrapper is not None:
                tree.kill_group(whole.wrapper)
            tree.kill(whole)

    def _askable(self, whole: tree.Tree, session: SessionId) -> list[tree.Process]:
        """Return the processes to ask. Those that hold a sandbox end after what is in it, or it would have no grace."""
        wrapper = whole.wrapper.pid if whole.wrapper else None
        is_boxed = (self._sessions / session / paths.BOX_FILE).exists()
        return [p for p in tree.members(whole) if p.pid != wrapper and not (is_boxed and p.group == wrapper)]

    def reap(self, session: SessionId) -> None:
        """Kill what is left of an ended session and wait until it is gone; TryLater when it stays or still runs."""
        job = self._jobs.look(session)
        if job is None or session in self._clean:
            return
        if job.state in {"queued", "running", "unknown"}:
            raise TryLater(f"session {session} still runs", hint=f"swarmgit stop {session}")
        self.end(session)
        self._clean.add(session)

    def end(self, session: SessionId) -> None:
        """Kill every process of a session, whatever is known of it, and wait for that; TryLater when one stays."""
        whole = self._jobs.tree(files.check_id(session))
        deadline, pause_s = time.monotonic() + _REAP_S_MAX, 0.001
        while tree.kill(whole):
            self._launcher.reap()
            if time.monotonic() > deadline:
                raise TryLater(f"processes of session {session} do not end")
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)
        self._launcher.reap()

    def write(self, session: SessionId, name: str, content: bytes) -> None:
        """Write a file into a session's folder by rename."""
        files.write(self._jobs.path(files.check_id(session)), name, content)

    def write_all(self, session: SessionId, below: str, contents: Mapping[str, bytes]) -> None:
        """Write files into one of a session's folders by rename, in their order."""
        files.write_all(self._jobs.path(files.check_id(session)), below, contents)

    def discard(
        self, session: SessionId, below: str, names: Sequence[str], times: Sequence[int] = ()
    ) -> dict[str, str]:
        """Delete files of one of a session's folders, whatever its modes are; return those that resist, and why."""
        return files.discard(self._jobs.path(files.check_id(session)), below, names, times)

    def move(self, session: SessionId, old: str, new: str) -> None:
        """Rename a file within a session's folder, making the folders between; nothing where there is none."""
        files.move(self._jobs.path(files.check_id(session)), old, new)

    def measure(self, session: SessionId) -> tuple[int, float]:
        """Return the bytes of memory and the processor seconds of all of a session's processes."""
        return vitals.memory_and_cpu(tree.members(self._jobs.tree(files.check_id(session))))

    def disk(self, session: SessionId, folder: Path | None) -> DiskUse:
        """Return what a session's folder and `folder` take on the disk, as far as this look or the count has come."""
        count = self._counts.get(session)
        if count is None:
            places = self._jobs.path(files.check_id(session)), str(folder or "")
            count = self._counts[session] = vitals.DiskCount(*places)
        is_whole = count.go_on()
        if is_whole:
            del self._counts[session]
        return DiskUse(count.used, is_whole, count.uncounted)

    def folder(self, session: SessionId) -> Path:
        """Return where a session's files are, or would be."""
        return self._sessions / files.check_id(session)

    def forget(self, session: SessionId) -> None:
        """Stop reporting a session; its folder stays until `gc`."""
        files.check_id(session)
        self._fault("executor.forget")
        if count := self._counts.pop(session, None):
            count.close()
        groups.remove(files.read(self._jobs.path(session), groups.GROUP_FILE))
        (self._bell / session).unlink(missing_ok=True)
        (self._active / session).unlink(missing_ok=True)
        self._jobs.forget(session)
        self._clean.discard(session)

    def gc(self, older_than: datetime, keep: AbstractSet[SessionId] = frozenset()) -> int:
        """Delete folders of forgotten sessions that ended before `older_than`; return how many are gone.

        One that resists stays behind under another name and is tried again next time.
        """
        count = 0
        for entry in list(self._sessions.iterdir()) if self._sessions.is_dir() else []:
            name = entry.name
            if name in keep or (self._active / name).exists():
                continue
            at = files.modified(str(entry), "exit.json", "session.yaml") or entry.lstat().st_mtime
            if at >= older_than.timestamp():
                continue
            trash = entry if name.startswith(files.TRASH) else entry.with_name(f"{files.TRASH}{name}")
            try:
                entry.rename(trash)
            except OSError:  # one folder that cannot be moved stops nobody else's
                continue
            is_gone = not delete(trash)
            (self._bell / name).unlink(missing_ok=True)
            count += is_gone
        return count

    def _names(self) -> list[SessionId]:
        try:
            return [SessionId(name) for name in os.listdir(self._active)]  # noqa: PTH208 - every tick
        except FileNotFoundError:
            return []

    def _make(self, spec: SessionSpec, contents: dict[str, bytes]) -> bool:
        """Make marker and folder where they are missing; False when the session has been forgotten."""
        folder, marker = self._sessions / spec.id, self._active / spec.id
        if folder.exists():
            return marker.exists()
        if not self._is_laid_out:
            for parent in (self._sessions, self._active, self._bell):
                parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._is_laid_out = True
        self._fault("executor.mark")
        marker.touch()
        self._fault("executor.make")
        contents["session.yaml"] = encoded({"version": 1, **msgspec.to_builtins(spec)})
        files.make(self._sessions, spec.id, contents)
        return True

    def _claim_for_nobody(self, session: str) -> bool:
        """Take the claim of a session that no wrapper has claimed, so that none can; True when it is taken so."""
        folder = self._jobs.path(session)
        return files.create(folder, "pid", _NOBODY) or files.read(folder, "pid") == _NOBODY

    def _drop_old_marker(self, session: str) -> None:
        """Remove a marker without a folder, unless it is so young that the folder is just being made."""
        at = files.modified(str(self._active), session)
        is_old = at is not None and abs(self._clock.now().timestamp() - at) > _MARKER_S_MAX
        if is_old and not (self._sessions / session).exists():
            (self._active / session).unlink(missing_ok=True)

    def _write_stop(self, session: str, stop: Stop) -> StopRequest:
        self._fault("executor.stop")
        request = StopRequest(stop, self._clock.now(), time.monotonic())
        files.write(self._jobs.path(session), "stop.json", request.encoded())
        return request


def _no_fault(name: str) -> None:
    """Stand in for the crash tests' seam."""


def _check(spec: StartSpec) -> None:
    """Refuse what the wrapper's shell would not carry over exactly."""
    if spec.env.get("SWARM_SESSION") != spec.spec.id:
        raise ValueError("StartSpec.env must hold SWARM_SESSION: stray processes are found by it")
    for name in spec.env:
        if not (name.isascii() and name.isidentifier()):
            raise PersonMustAct(f"{name!r} cannot be an environment variable of a session: letters, digits and _ only")
    if not spec.argv or not spec.argv[0] or spec.argv[0].startswith("-"):
        raise PersonMustAct(f"session {spec.spec.id} has no program to run")
