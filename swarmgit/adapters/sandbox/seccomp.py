"""The system calls that no session makes, as a classic BPF program. Source of the format: linux/seccomp.h, filter.h.

Everything is allowed but a list: most of these need rights that a session does not have, and a hole in the kernel is
most often behind one of them. Each answers "not permitted", so that a program can go on without. Some are refused by
their arguments. The rules of the reduced sandbox stand in for the namespaces that it does not have.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from swarmgit.adapters.sandbox.syscalls import FACTS, LABELS, MESSAGES, NEVER, NUMBERS

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_SET_ID = 0o6000
_MAKES_A_FILE = 0o100 | 0o20000000
"""O_CREAT and the bit of O_TMPFILE: without them an open has no mode, and what stands in its place means nothing."""
_NAMESPACES = 0x7E020000
_ON_TERMINALS_AND_FILES = (0x5412, 0x541C, 0x40086602, 0x401C5820, 0x40806685)
"""TIOCSTI and TIOCLINUX type into the terminal of whoever started us. FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR and
FS_IOC_ENABLE_VERITY change a file that was opened only to be read."""
_UNIX, _INTERNET, _INTERNET6, _NETLINK = 1, 2, 10, 16

_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16

Step = tuple[int, int, int, int]


class If(NamedTuple):
    """A test on 32 bits of an argument: it is `value` or, with `bits`, has one of its bits. `no`: it must fail."""

    argument: int
    value: int
    bits: bool = False
    no: bool = False
    is_upper: bool = False


class Rule(NamedTuple):
    """Answer a system call with an error where all tests hold. `is_asked`: whoever listens says which."""

    call: str
    tests: tuple[If, ...] = ()
    answer: int = errno.EPERM
    is_asked: bool = False


def is_known_machine() -> bool:
    """Return whether there is a filter for this processor."""
    return os.uname().machine in _AUDIT_ARCH


def program(*, is_reduced: bool = False, is_open: bool = True, guards_length: bool = True) -> bytes:
    """Return the filter for this processor. `is_reduced`: there are no namespaces. `is_open`: to any network.

    `guards_length`: Landlock knows who may cut a file short, as it does from its third version on.
    """
    machine = os.uname().machine
    column = list(_AUDIT_ARCH).index(machine)
    steps: list[Step] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_ANSWER, 0, 0, _refusal(errno.EPERM)),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), (_ANSWER, 0, 0, _refusal(errno.ENOSYS))]
    rules = [*_EVERYWHERE, *(_REDUCED if is_reduced else ()), *_sockets(is_reduced=is_reduced, is_open=is_open)]
    rules += [] if guards_length else _lengths()
    for rule in rules:
        number = NUMBERS[rule.call][column]
        if number is not None:
            steps += _steps(rule, number)
    steps.append((_ANSWER, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", code, yes, no, value) for code, yes, no, value in steps)


def asked() -> Mapping[int, str]:
    """Return the calls that somebody has to answer in the reduced sandbox, by number."""
    column = list(_AUDIT_ARCH).index(os.uname().machine)
    return {number: call for call in FACTS if (number := NUMBERS[call][column]) is not None}


def _steps(rule: Rule, number: int) -> list[Step]:
    """Return one rule; where it does not apply, the number of the call is loaded again for the next."""
    if not rule.tests:
        return [(_EQUAL, 0, 1, number), (_ANSWER, 0, 0, _answered(rule))]
    body: list[Step] = []
    for place, test in enumerate(rule.tests):
        past = 2 * (len(rule.tests) - place - 1) + 1
        code = _HAS_BITS if test.bits else _EQUAL
        jumps = (past, 0) if test.no else (0, past)
        at = _ARGUMENTS_AT + 8 * test.argument + 4 * test.is_upper
        body += [(_LOAD, 0, 0, at), (code, *jumps, test.value)]
    body += [(_ANSWER, 0, 0, _answered(rule)), (_LOAD, 0, 0, _NUMBER_AT)]
    return [(_EQUAL, 0, len(body), number), *body]


def _answered(rule: Rule) -> int:
    return _ASK if rule.is_asked else _refusal(rule.answer)


def _refusal(number: int) -> int:
    return 0x00050000 | number


def _modes() -> Iterable[Rule]:
    """Yield what keeps programs with somebody's rights from being left on the disk, where others could start them."""
    at = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
    for call, mode in at.items():
        yield Rule(call, (If(mode, _SET_ID, bits=True),))
    for call, flags in {"open": 1, "openat": 2}.items():
        yield Rule(call, (If(flags, _MAKES_A_FILE, bits=True), If(flags + 1, _SET_ID, bits=True)))


def _lengths() -> Iterable[Rule]:
    """Yield what cuts a file short that was not opened to be written."""
    yield Rule("truncate")
    for call, flags in {"open": 1, "openat": 2}.items():
        yield Rule(call, (If(flags, os.O_TRUNC, bits=True), If(flags, os.O_WRONLY | os.O_RDWR, bits=True, no=True)))


def _on_others() -> Iterable[Rule]:
    """Yield what changes how a process runs, where it names another one; a namespace would hide that."""
    another = If(0, 0, no=True)
    yield Rule("prlimit64", (another, If(2, 0, no=True)))
    yield Rule("prlimit64", (another, If(2, 0, no=True, is_upper=True)))
    for call in ("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"):
        yield Rule(call, (another,))
    for call, process, group in (("setpriority", 0, 1), ("ioprio_set", 1, 2)):  # and never all of a user's
        yield Rule(call, (If(1, 0, no=True),))
        yield Rule(call, (If(0, process, no=True), If(0, group, no=True)))


def _sockets(*, is_reduced: bool, is_open: bool) -> Iterable[Rule]:
    """Yield which sockets can be made: not those of a virtual machine's host, or of the kernel's own services."""
    families = {_UNIX, _INTERNET, _INTERNET6, _NETLINK}
    if is_reduced:  # a socket of the person's lies at a path that Landlock does not guard
        families -= {_UNIX} if is_open else {_UNIX, _INTERNET, _INTERNET6}
    others = tuple(If(0, family, no=True) for family in sorted(families))
    yield Rule("socket", others, errno.EACCES)
    yield Rule("socket", (If(0, _NETLINK), If(2, 0, no=True)), errno.EPROTONOSUPPORT)
    yield Rule("socketpair", (If(0, _UNIX, no=True),), errno.EACCES)


# glibc falls back to clone, whose flags can be seen here; those of clone3 and openat2 lie in memory
_EVERYWHERE: tuple[Rule, ...] = (
    *map(Rule, NEVER),
    Rule("clone3", answer=errno.ENOSYS),
    Rule("openat2", answer=errno.ENOSYS),
    Rule("clone", (If(0, _NAMESPACES, bits=True),)),
    *(Rule("ioctl", (If(1, request),)) for request in _ON_TERMINALS_AND_FILES),
    *_modes(),
)
_REDUCED: tuple[Rule, ...] = (
    *map(Rule, MESSAGES),
    *(Rule(call, answer=errno.EOPNOTSUPP) for call in LABELS),
    *_on_others(),
    *(Rule(call, is_asked=True) for call in FACTS),
)
