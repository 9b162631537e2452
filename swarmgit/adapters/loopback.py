"""The network of this machine alone."""

from __future__ import annotations

import errno
import socket

ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})
"""Any other error says that there is no such address here, not that somebody has the port."""


def is_free(port: int) -> bool:
    """Return whether a program could listen on a port of the loopback now; nothing stays open."""
    for family, address in ADDRESSES:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, port))
        except OSError as error:
            if error.errno in TAKEN:
                return False
    return True
