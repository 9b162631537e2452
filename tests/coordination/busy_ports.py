"""A machine on which somebody listens on every range of ports that sessions of a repository could have."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from swarmgit.adapters.loopback import is_free
from swarmgit.observe.ports import PortRanges
from tests.conftest import Repo


def listen(sockets: ExitStack, port: int = 0, address: str = "127.0.0.1") -> int:
    """Listen on a port until `sockets` is closed, and return it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = sockets.enter_context(socket.socket(family, socket.SOCK_STREAM))
    listener.bind((address, port))
    listener.listen(1)
    return int(listener.getsockname()[1])


@contextmanager
def busy(repo: Repo, count: int = 4) -> Iterator[None]:
    """Listen on the first port of each range that is looked at for this repository."""
    tried: list[int] = []

    def note(port: int) -> bool:
        tried.append(port)
        return False

    world = repo.world()
    store = world.repository.store
    world.close()
    assert PortRanges(store, note).free(count, frozenset()) is None
    with ExitStack() as sockets:
        for port in filter(is_free, tried):
            listen(sockets, port)
        yield
