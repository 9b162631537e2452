"""Keeps what it starts from the abstract sockets of programs outside: run as a program of its own.

    python scope.py ARGV...

A network namespace of its own would do that; where a session has the machine's network, Landlock does from version 6
on. Becomes the program. The constants are those of linux/landlock.h; nothing but the standard library is needed.
"""

import ctypes
import os
import struct
import sys

CREATE, RESTRICT = 444, 446
NO_NEW_RIGHTS = 38
ABSTRACT_SOCKETS = 1
VERSION_MIN = 6
"""Of Landlock: the first that knows scopes."""


def main(argv: list[str]) -> None:
    """Become the program; end with 126 where it cannot be kept in."""
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = struct.pack("=3Q", 0, 0, ABSTRACT_SOCKETS)
    ruleset = libc.syscall(CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0 or libc.prctl(NO_NEW_RIGHTS, 1, 0, 0, 0) != 0 or libc.syscall(RESTRICT, ruleset, 0) != 0:
        sys.stderr.write(f"swarmgit: abstract sockets cannot be kept out: {os.strerror(ctypes.get_errno())}\n")
        sys.exit(126)
    os.close(ruleset)
    os.execvp(argv[0], argv)  # noqa: S606 - the session's program


if __name__ == "__main__":
    main(sys.argv[1:])
