"""Bounds how many processes a program has, where the kernel does not: run as a program of its own.

    python counted.py MOST PROGRAM ARGV...

The kernel's limit on processes does not hold for root, not even for root without rights, and control groups cannot be
made everywhere. So this counts the descendants of PROGRAM a few times a second and ends all of them when there are too
many. PROGRAM is a sandbox whose processes stay below it. Ends with it and with its exit code; 137 after such an end.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time

DEATH_SIGNAL = 1
PAUSE_S = 0.25
ROUNDS_MAX = 200


def main(argv: list[str]) -> int:
    """Run the program, look at it until it ends, return how it ended."""
    most, program = int(argv[0]), argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid == 0:
        libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        os.execvp(program[0], program)  # noqa: S606 - the session's program
    for descriptor in (8, 9):
        os.close(descriptor)
    libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # asking to end is for the program; we end after it
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if len(below(pid)) > most:
            sys.stderr.write(f"swarmgit: this session had more than {most} processes; it was ended\n")
            sys.stderr.flush()
            end(pid)
        time.sleep(PAUSE_S)


def below(pid: int) -> list[int]:
    """Return the descendants of a process that can be seen now. What a kernel says of children, not all do."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            children.setdefault(parent(name), []).append(int(name))
    found = children.get(pid, [])
    for each in found:  # grows meanwhile
        found.extend(children.get(each, ()))
    return found


def parent(pid: str) -> int:
    """Return a process's parent, 0 where it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def end(pid: int) -> None:
    """Stop all descendants first, for what is stopped starts nothing, and end them then; the sandbox itself last."""
    stopped: set[int] = set()
    for _ in range(ROUNDS_MAX):
        fresh = set(below(pid)) - stopped
        if not fresh:
            break
        for each in fresh:
            send(each, signal.SIGSTOP)
        stopped |= fresh
    for each in stopped.intersection(below(pid)):
        send(each, signal.SIGKILL)
    send(pid, signal.SIGUSR1 if is_ours(pid) else signal.SIGKILL)


def is_ours(pid: int) -> bool:
    """Return whether it is the start of the reduced sandbox, which ends what is left below it when it is told."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            return b"landlock_start.py" in file.read()
    except OSError:
        return False


def send(pid: int, number: int) -> None:
    """Send a signal; what has ended needs none."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
