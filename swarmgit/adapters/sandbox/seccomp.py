"""The system calls that no session makes, as a classic BPF program. Source of the format: linux/seccomp.h, filter.h.

Everything is allowed but a list: most of these need rights that a session does not have, and a hole in the kernel is
most often behind one of them. Each answers "not permitted", so that a program can go on without.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping

# syscall → numbers on x86_64 and aarch64
_NUMBERS: Mapping[str, tuple[int, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_CLONE, _CLONE3, _IOCTL, _SOCKET = (56, 220), (435, 435), (16, 29), (41, 198)
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEW_USER = 0x10000000
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: typing into the terminal of whoever started us."""
_NETLINK = 16
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_NUMBER_AT, _ARCH_AT, _ARG0_AT, _ARG1_AT = 0, 4, 16, 24


def _refuse(number: int) -> int:
    return 0x00050000 | number


def is_known_machine() -> bool:
    """Return whether there is a filter for this processor."""
    return os.uname().machine in _AUDIT_ARCH


def program(*, sockets: bool = True) -> bytes:
    """Return the filter for this processor; `sockets` False: no socket of any kind but netlink can be made."""
    machine = os.uname().machine
    column = list(_AUDIT_ARCH).index(machine)
    rules = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_ANSWER, 0, 0, _refuse(errno.EPERM)),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine == "x86_64":
        rules += [(_AT_LEAST, 0, 1, _X32), (_ANSWER, 0, 0, _refuse(errno.ENOSYS))]
    rules += [
        rule
        for numbers in _NUMBERS.values()
        for rule in ((_EQUAL, 0, 1, numbers[column]), (_ANSWER, 0, 0, _refuse(errno.EPERM)))
    ]
    # glibc falls back to clone, whose flags can be seen here; those of clone3 lie in memory
    rules += [(_EQUAL, 0, 1, _CLONE3[column]), (_ANSWER, 0, 0, _refuse(errno.ENOSYS))]
    rules += _argument(_CLONE[column], _ARG0_AT, _HAS_BITS, (_NEW_USER,), errno.EPERM)
    rules += _argument(_IOCTL[column], _ARG1_AT, _EQUAL, _TERMINAL_INPUT, errno.EPERM)
    if not sockets:
        rules += _unless(_SOCKET[column], _ARG0_AT, _NETLINK, errno.EACCES)
    rules.append((_ANSWER, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", code, yes, no, value) for code, yes, no, value in rules)


def _argument(number: int, at: int, test: int, values: tuple[int, ...], answer: int) -> list[tuple[int, int, int, int]]:
    """Refuse one system call where the lower half of an argument is (or has the bits of) one of these values."""
    tests = [(test, len(values) - place, 0, value) for place, value in enumerate(values)]
    body = [(_LOAD, 0, 0, at), *tests, (_ANSWER, 0, 0, _ALLOW), (_ANSWER, 0, 0, _refuse(answer))]
    return [(_EQUAL, 0, len(body), number), *body]


def _unless(number: int, at: int, value: int, answer: int) -> list[tuple[int, int, int, int]]:
    """Refuse one system call unless the lower half of an argument is this value."""
    body = [
        (_LOAD, 0, 0, at),
        (_EQUAL, 1, 0, value),
        (_ANSWER, 0, 0, _refuse(answer)),
        (_ANSWER, 0, 0, _ALLOW),
    ]
    return [(_EQUAL, 0, len(body), number), *body]
