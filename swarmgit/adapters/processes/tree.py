"""Every process of a session, wherever it has gone, and how they are made to end.

Agent programs start their tools in sessions of their own, and tools leave daemons, so the process group is not enough.
A process belongs to a session when it descends from the session's wrapper, is in its process group or session, carries
`SWARM_SESSION=<id>` in its environment, or writes its output into the session's folder.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct

from swarmgit.adapters.processes import channel, identity
from swarmgit.adapters.processes.identity import Identity

_ENVIRON_SIZE_MAX = 1 << 21
_starts: dict[tuple[int, int], int] = {}
"""When a process started, by pid and inode in /proc; never more than there are processes."""

_FREEZE_ROUNDS_MAX = 5


class Process(Struct, frozen=True):
    """One row of the process table; `group` and `leader` are the ids of its process group and session."""

    pid: int
    parent: int
    group: int
    leader: int
    start: str
    is_dead: bool


class Tree(Struct, frozen=True):
    """Whose processes are meant. `wrapper` None: the session was never claimed, or by nobody we know."""

    session: str
    folder: str
    wrapper: Identity | None


def members(tree: Tree) -> list[Process]:
    """Return the session's live processes, the wrapper too, never this one."""
    table = table_by_proc(_oldest(tree)) if identity.HAS_PROC else table_by_ps()
    found = set(_rooted(tree.wrapper, table))
    if identity.HAS_PROC:
        found.update(_marked(tree, table))
    found.update(_descendants(found, table))
    return [table[pid] for pid in sorted(found) if not table[pid].is_dead and pid not in {1, os.getpid()}]


def send(process: Process, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it has gone. Never reaches another one with the same pid."""
    try:
        handle = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        return False
    except OSError:  # a kernel or a sandbox without pidfd_open
        handle = None
    try:
        if identity.start_of(process.pid) != process.start:
            return False
        if handle is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def ask(processes: Iterable[Process]) -> None:
    """Ask processes to end; a stopped one is woken, so that it can."""
    for process in processes:
        if send(process, signal.SIGTERM):
            send(process, signal.SIGCONT)


def kill(tree: Tree, *, spare: AbstractSet[int] = frozenset()) -> int:
    """Kill every process of the session but the pids `spare`; return how many were found.

    They are all stopped first, until no new one turns up: otherwise a program that forks faster than the process
    table can be read stays ahead. Bounded; a caller repeats it until 0 comes back.
    """
    stopped: dict[int, Process] = {}
    for _ in range(_FREEZE_ROUNDS_MAX):
        new = [p for p in members(tree) if p.pid not in spare and stopped.get(p.pid) != p]
        if not new:
            break
        for process in new:
            send(process, signal.SIGSTOP)
            stopped[process.pid] = process
    for process in stopped.values():
        send(process, signal.SIGKILL)
    return len(stopped)


def kill_group(wrapper: Identity) -> None:
    """Kill the wrapper with its whole process group at once, if it still is that process."""
    if identity.is_alive(wrapper):
        try:
            os.killpg(wrapper.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def table_by_proc(oldest: int = 0) -> dict[int, Process]:
    """Return the process table from /proc: of processes started at `oldest` (clock ticks since boot) or later.

    Most processes of a machine are older than any session: that is remembered by pid and inode (a process that gets
    the same pid has another inode), because reading them again takes 15 microseconds each.
    """
    table = {}
    remembered = dict(_starts)
    _starts.clear()
    with os.scandir("/proc") as entries:
        here = [(int(entry.name), entry.inode()) for entry in entries if entry.name.isdigit()]
    if not here:
        identity.require_proc()
    for pid, inode in here:
        start = remembered.get((pid, inode))
        if start is not None and start < oldest:
            _starts[pid, inode] = start
            continue
        process = _by_stat(pid)
        if process is not None:
            _starts[pid, inode] = int(process.start)
            if int(process.start) >= oldest:
                table[pid] = process
    return table


def _by_stat(pid: int) -> Process | None:
    stat = identity.read_proc(pid, "stat")
    fields = stat[stat.rfind(b")") + 1 :].split()
    if len(fields) < 20:
        return None
    return Process(
        pid=pid,
        parent=int(fields[1]),
        group=int(fields[2]),
        leader=int(fields[3]),
        start=fields[19].decode(),
        is_dead=fields[0] in {b"Z", b"X"},
    )


def table_by_ps() -> dict[int, Process]:
    """Return the process table on a machine without /proc; the session leader is not known there."""
    table = {}
    for line in identity.ask_system(["ps", "-axo", "pid=,ppid=,pgid=,stat=,lstart="]).splitlines():
        fields = line.split()
        if len(fields) < 5 or not (fields[0].isdigit() and fields[1].isdigit() and fields[2].isdigit()):
            continue
        pid, parent, group = int(fields[0]), int(fields[1]), int(fields[2])
        table[pid] = Process(pid, parent, group, group, " ".join(fields[4:]), fields[3].startswith("Z"))
    return table


def _oldest(tree: Tree) -> int:
    """Return the wrapper's start: nothing older is of the session, nor below one that is."""
    wrapper = tree.wrapper
    is_known = wrapper is not None and wrapper.start.isdigit() and wrapper.boot == identity.boot_id()
    return int(wrapper.start) if wrapper is not None and is_known else 0


def _rooted(wrapper: Identity | None, table: Mapping[int, Process]) -> Iterator[int]:
    """Yield the wrapper and its group, if it lives: once it is gone its number may be another's."""
    if wrapper is None or wrapper.boot != identity.boot_id():
        return
    root = table.get(wrapper.pid)
    if root is None or root.start != wrapper.start:
        return
    for process in table.values():
        if wrapper.pid in {process.pid, process.group, process.leader}:
            yield process.pid


def _marked(tree: Tree, table: Mapping[int, Process]) -> Iterator[int]:
    marker = b"\0SWARM_SESSION=" + tree.session.encode() + b"\0"
    logs = tuple(f"{tree.folder}/{name}" for pair in channel.LOGS.items() for name in pair)
    for process in table.values():
        if process.is_dead:
            continue
        environ = identity.read_proc(process.pid, "environ", _ENVIRON_SIZE_MAX)
        if marker in b"\0" + environ + b"\0" or _writes_to(process.pid, logs):
            yield process.pid


def _writes_to(pid: int, logs: tuple[str, ...]) -> bool:
    for stream in (1, 2):
        try:
            if os.readlink(f"/proc/{pid}/fd/{stream}") in logs:  # noqa: PTH115 - a kernel link
                return True
        except OSError:
            continue
    return False


def _descendants(found: set[int], table: Mapping[int, Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    todo = [pid for pid in found if not table[pid].is_dead]
    seen: set[int] = set(todo)
    while todo:
        new = [child for child in children.get(todo.pop(), ()) if child not in seen]
        seen.update(new)
        todo.extend(new)
    return seen
