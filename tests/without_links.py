"""A process for which link(2) does not exist, as on exFAT, SMB and shared folders: the system says EPERM."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

LINK_CALLS = {"x86_64": (86, 265), "aarch64": (37,)}.get(platform.machine(), ())
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
FILTER = 2
RETURN_ERRNO = 0x00050000
ALLOW = 0x7FFF0000


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def refuse_links() -> None:
    """Take hard links from this process and all its children; for `preexec_fn`."""
    load = struct.pack("HBBI", 0x20, 0, 0, 0)  # the number of the call
    tests = [struct.pack("HBBI", 0x15, len(LINK_CALLS) - at, 0, call) for at, call in enumerate(LINK_CALLS)]
    ends = [struct.pack("HBBI", 0x06, 0, 0, ALLOW), struct.pack("HBBI", 0x06, 0, 0, RETURN_ERRNO | errno.EPERM)]
    steps = b"".join([load, *tests, *ends])
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(tests) + 3, steps)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0) == 0
