"""Enters the reduced sandbox: run as a program of its own, with nothing but the standard library.

    python landlock_start.py ARGV...

Reads what is allowed as JSON from file descriptor 9 and the filter of system calls from 8. Stays as the parent of
whatever the program leaves behind, and ends it when the program has ended. The constants are those of linux/landlock.h.
"""

import contextlib
import ctypes
import json
import os
import resource
import runpy
import signal
import socket
import stat
import struct
import sys
import threading
import time

CREATE, ADD_RULE, RESTRICT = 444, 445, 446
DEATH_SIGNAL, SUBREAPER, NO_NEW_RIGHTS = 1, 36, 38
SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
SET_FILTER, NEW_LISTENER = 1, 8
WRITE = 1 << 1  # into a file
READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read a file, list a folder
FILE = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)
DEVICE_FILES = (1 << 6) | (1 << 11)
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP = 3
SCOPES = 3  # abstract sockets, signals
DEVICES = ("null", "zero", "full", "random", "urandom")  # no terminals: those of the person are among them
PAUSE_S = 0.05
DROP_BOUNDING, AMBIENT, AMBIENT_CLEAR, CAPABILITY_VERSION = 24, 47, 4, 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def main(argv: list[str]) -> int:
    """Run the program confined, end what it leaves, return how it ended."""
    with os.fdopen(9, "rb") as file:
        allowed = json.load(file)
    with os.fdopen(8, "rb") as file:
        rules = file.read()
    libc.prctl(SUBREAPER, 1, 0, 0, 0)
    _drop_capabilities()  # what we do for the session needs none either
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _become(argv, allowed, rules, theirs)
    theirs.close()
    signal.signal(signal.SIGUSR1, lambda *_: os.kill(pid, signal.SIGKILL))
    libc.prctl(DEATH_SIGNAL, signal.SIGUSR1, 0, 0, 0)
    if os.getppid() == 1:  # our parent was gone before we could ask to be told
        os.kill(pid, signal.SIGKILL)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # asking to end is for the program; we end after it
    _listen(ours, allowed)
    code = _wait(pid)
    _sweep()
    return code if code >= 0 else 128 - code


def _listen(channel: socket.socket, allowed: dict) -> None:  # type: ignore[type-arg]
    """Answer what the filter asks, in the background, once the program has its walls."""
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    channel.close()
    if descriptors:
        names = {int(number): name for number, name in allowed["asked"].items()}
        serve = runpy.run_path(os.path.join(os.path.dirname(__file__), "landlock_modes.py"))["serve"]  # noqa: PTH118, PTH120
        threading.Thread(target=serve, args=(descriptors[0], names, allowed["write"]), daemon=True).start()


def _wait(pid: int) -> int:
    """Return how the program ended, collecting what was left to us meanwhile."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _sweep() -> None:
    """Kill and collect descendants until there is none, whatever happens: each that dies leaves us its children."""
    while True:
        try:
            for child in _children():
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)
            os.wait()
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        except Exception:  # noqa: BLE001 - no memory, no descriptor: to go on without looking is all that helps
            time.sleep(PAUSE_S)


def _children() -> list[int]:
    """Return our children. Not every kernel lists them, so all processes are asked for their parent."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _parent(name) == os.getpid()]  # noqa: PTH208


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):  # it has ended
        return 0


def _become(argv: list[str], allowed: dict, rules: bytes, channel: socket.socket) -> None:  # type: ignore[type-arg]
    try:
        os.setsid()
        libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        _limit(allowed["processes"])
        _call("no new rights", libc.prctl(NO_NEW_RIGHTS, 1, 0, 0, 0))
        _restrict(allowed)
        if rules:
            _filter(rules, channel)
        os.execvp(argv[0], argv)  # noqa: S606 - the session's program
    except OSError as error:
        sys.stderr.write(f"swarmgit: {argv[0]} could not be started in the sandbox: {error}\n")
        sys.stderr.flush()
    os._exit(127 if os.access("/dev/null", os.R_OK) else 126)


def _limit(processes: int) -> None:
    """Allow that many more processes than the user has now; the kernel counts all of a user's together."""
    here = sum(map(_is_ours, (name for name in os.listdir("/proc") if name.isdigit())))  # noqa: PTH208
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    wanted = processes + 2 * here
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))


def _is_ours(pid: str) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid()  # noqa: PTH116
    except OSError:  # it has ended
        return False


def _drop_capabilities() -> None:
    """Give up every special right for good. Root without them is a user with root's files, which Landlock bounds."""
    if os.geteuid() != 0:
        return
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:  # noqa: PTH123
        last = int(file.read())
    for capability in range(last + 1):
        _call("capabilities", libc.prctl(DROP_BOUNDING, capability, 0, 0, 0))
    _call("capabilities", libc.prctl(AMBIENT, AMBIENT_CLEAR, 0, 0, 0))
    header, nothing = struct.pack("=Ii", CAPABILITY_VERSION, 0), struct.pack("=6I", 0, 0, 0, 0, 0, 0)
    _call("capabilities", libc.capset(header, nothing))


def _restrict(allowed: dict) -> None:  # type: ignore[type-arg]
    version = allowed["abi"]
    everything = (1 << RIGHTS.get(version, 16)) - 1
    net = 0 if allowed["network"] or version < 4 else TCP
    fields = [everything, net, SCOPES][: 1 if version < 4 else 2 if version < 6 else 3]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _call("landlock", libc.syscall(CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path in allowed["read"]:
        _allow(ruleset, path, READ)
    for path in allowed["write"]:
        _allow(ruleset, path, everything & ~DEVICE_FILES)
    for path in allowed["pipes"]:
        _allow(ruleset, path, WRITE)
    for name in DEVICES:
        _allow(ruleset, f"/dev/{name}", everything)
    _call("landlock", libc.syscall(RESTRICT, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow `rights` beneath a path; a path that is not there has nothing to allow."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    wanted = rights & (-1 if stat.S_ISDIR(os.fstat(place).st_mode) else FILE)
    _call("landlock", libc.syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", wanted, place), 0))
    os.close(place)


def _filter(rules: bytes, channel: socket.socket) -> None:
    """Load the filter and hand out where it asks. Where somebody listens already, it asks nobody: that is refused."""
    buffer = ctypes.create_string_buffer(rules, len(rules))
    head = struct.pack("HxxxxxxP", len(rules) // 8, ctypes.addressof(buffer))
    number = SECCOMP_CALL[os.uname().machine]
    listener = libc.syscall(number, SET_FILTER, NEW_LISTENER, head)
    if listener < 0:
        _call("seccomp", libc.syscall(number, SET_FILTER, 0, head))
        return
    socket.send_fds(channel, [b"l"], [listener])
    os.close(listener)


def _call(what: str, result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
