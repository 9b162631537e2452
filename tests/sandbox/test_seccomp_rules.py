"""What the filter of system calls answers, as the kernel would work it out."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from swarmgit.adapters.sandbox import seccomp
from swarmgit.adapters.sandbox.syscalls import NUMBERS

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of another processor")
FULL = seccomp.program()
CLOSED = seccomp.program(is_reduced=True, is_open=False)
OPEN = seccomp.program(is_reduced=True)
OLD = seccomp.program(is_reduced=True, guards_length=False)
ALLOWED, ASKED = 0, -1


def answer(rules: bytes, call: str, *arguments: int) -> int:
    """Return the error that a call gets, ALLOWED or ASKED."""
    steps = list(struct.iter_unpack("=HBBI", rules))
    six = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=iIQ6Q", NUMBERS[call][0], 0xC000003E, 0, *(each & (1 << 64) - 1 for each in six))
    at = held = 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x20:
            held = int.from_bytes(data[value : value + 4], "little")
        elif code == 0x06:
            return {0x7FFF0000: ALLOWED, 0x7FC00000: ASKED}.get(value, value & 0xFFFF)
        else:
            is_true = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += yes if is_true else no


@pytest.mark.parametrize("rules", [FULL, CLOSED, OPEN, OLD])
@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("chmod", (0, 0o4755), errno.EPERM),
        ("fchmod", (3, 0o2755), errno.EPERM),
        ("fchmodat", (3, 0, 0o6755), errno.EPERM),
        ("fchmodat2", (3, 0, 0o4000, 0), errno.EPERM),
        ("open", (0, os.O_CREAT, 0o4755), errno.EPERM),
        ("open", (0, os.O_RDONLY, 0o4755), ALLOWED),
        ("openat", (0, 0, os.O_TMPFILE | os.O_RDWR, 0o2755), errno.EPERM),
        ("openat", (0, 0, os.O_CREAT, 0o1777), ALLOWED),
        ("creat", (0, 0o4755), errno.EPERM),
        ("mknodat", (0, 0, 0o104755), errno.EPERM),
        ("openat2", (), errno.ENOSYS),
        ("clone3", (), errno.ENOSYS),
        ("clone", (0x01200011,), ALLOWED),
        ("clone", (0x20000,), errno.EPERM),
        ("ioctl", (0, 0x5412), errno.EPERM),
        ("ioctl", (0, 0x5413), ALLOWED),
        ("socket", (40,), errno.EACCES),
        ("socket", (16, 3, 0), ALLOWED),
        ("socket", (16, 3, 15), errno.EPROTONOSUPPORT),
        ("socketpair", (1,), ALLOWED),
        ("keyctl", (), errno.EPERM),
    ],
)
def test_every_sandbox_refuses(rules: bytes, call: str, arguments: tuple[int, ...], expected: int) -> None:
    assert answer(rules, call, *arguments) == expected


@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("prlimit64", (0, 1, 1 << 40), ALLOWED),
        ("prlimit64", (7, 1, 0), ALLOWED),
        ("prlimit64", (7, 1, 1 << 40), errno.EPERM),
        ("prlimit64", (7, 1, 4096), errno.EPERM),
        ("sched_setaffinity", (0,), ALLOWED),
        ("sched_setaffinity", (7,), errno.EPERM),
        ("setpriority", (0, 0), ALLOWED),
        ("setpriority", (0, 7), errno.EPERM),
        ("setpriority", (2, 0), errno.EPERM),
        ("ioprio_set", (1, 0), ALLOWED),
        ("ioprio_set", (3, 0), errno.EPERM),
        ("shmget", (), errno.EPERM),
        ("setxattr", (), errno.EOPNOTSUPP),
        ("chmod", (0, 0o755), ASKED),
        ("utimensat", (), ASKED),
        ("socket", (1,), errno.EACCES),
    ],
)
def test_the_reduced_sandbox_refuses_more(call: str, arguments: tuple[int, ...], expected: int) -> None:
    assert answer(CLOSED, call, *arguments) == answer(OPEN, call, *arguments) == expected
    assert answer(FULL, call, *arguments) == ALLOWED


def test_a_closed_network_has_no_sockets_at_all() -> None:
    assert [answer(CLOSED, "socket", family) for family in (2, 10)] == [errno.EACCES, errno.EACCES]
    assert [answer(OPEN, "socket", family) for family in (2, 10)] == [ALLOWED, ALLOWED]


def test_where_landlock_is_too_old_a_file_that_is_only_read_is_not_cut_short() -> None:
    assert answer(OLD, "truncate") == answer(OLD, "open", 0, os.O_TRUNC) == errno.EPERM
    assert answer(OLD, "open", 0, os.O_TRUNC | os.O_WRONLY) == answer(OPEN, "truncate") == ALLOWED
    assert answer(OLD, "openat", 0, 0, os.O_RDONLY) == ALLOWED
