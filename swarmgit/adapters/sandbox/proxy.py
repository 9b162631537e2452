"""A network with one way out: run as a program of its own, with nothing but the standard library.

    python proxy.py PORT HOST... -- PROGRAM ARGV...

PROGRAM runs in a network namespace that has only a loopback device. The socket that listens there on PORT was made
inside and is served from outside, so nothing has to be carried across. It speaks CONNECT and refuses every host that is
not listed. A listed port of this machine's loopback (`127.0.0.1:8080`) is listened on inside as well and leads there:
programs seldom ask a proxy for what is local. Ends with PROGRAM and with its exit code.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

NEW_USER, NEW_NET = 0x10000000, 0x40000000
DEATH_SIGNAL = 1
INTERFACE_FLAGS = 0x8914
UP, RUNNING = 0x1, 0x40
HEAD_BYTES_MAX = 16 << 10
TUNNELS_MAX = 128
IDLE_S_MAX = 600.0
CONNECT_S_MAX = 20.0
PAUSE_S = 0.05
HTTPS = 443
HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.:_-")
HOST_CHARS_MAX = 253
LOCAL_MAX = 64
LOCAL = ("127.0.0.1", "localhost")


def main(argv: list[str]) -> int:
    """Run the program, serve its connections, return how it ended."""
    end = argv.index("--")
    port, hosts, program = int(argv[0]), argv[1:end], argv[end + 1 :]
    local = {number: host for host, number in local_ports(hosts) if number != port}
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _become(libc, program, (port, *local), theirs)
    theirs.close()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # asking to end is for the program; we end after it
    _, listeners, _, _ = socket.recv_fds(ours, 1, 1 + len(local))
    if listeners:
        answers = [partial(_answer, hosts=hosts), *(partial(_lead, host=h, port=n) for n, h in local.items())]
        for descriptor, answer in zip(listeners, answers, strict=True):
            threading.Thread(target=_serve, args=(socket.socket(fileno=descriptor), answer), daemon=True).start()
        ours.sendall(b"g")
    ours.close()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def local_ports(hosts: list[str]) -> list[tuple[str, int]]:
    """Return the listed (host, port) of this machine's own loopback, at most as many as one message hands over."""
    split = [entry.rpartition(":") for entry in hosts]
    named = [(host.lower(), port) for host, _, port in split if host.lower() in LOCAL and port.isdigit()]
    return [(host, int(port)) for host, port in named if 0 < int(port) < 1 << 16][:LOCAL_MAX]


def _become(libc: ctypes.CDLL, program: list[str], ports: tuple[int, ...], channel: socket.socket) -> None:
    """Enter the namespaces, hand the listening sockets out, wait until they are served, and become the program."""
    try:
        user, group = os.geteuid(), os.getegid()
        if libc.unshare(NEW_USER | NEW_NET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace could be made")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(text)
        listeners = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in ports]
        fcntl.ioctl(listeners[0], INTERFACE_FLAGS, struct.pack("16sH14x", b"lo", UP | RUNNING))
        for listener, port in zip(listeners, ports, strict=True):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen(TUNNELS_MAX)
        socket.send_fds(channel, [b"l"], [listener.fileno() for listener in listeners])
        for listener in listeners:
            listener.close()
        channel.recv(1)
        channel.close()
        os.execvp(program[0], program)  # noqa: S606 - bubblewrap
    except OSError as error:
        sys.stderr.write(f"swarmgit: the sandbox's network could not be made: {error}\n")
        sys.stderr.flush()
    os._exit(126)


def _serve(listener: socket.socket, answer: Callable[[socket.socket, threading.BoundedSemaphore], None]) -> None:
    slots = threading.BoundedSemaphore(TUNNELS_MAX)
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # it has hung up, or there is no descriptor left for the moment
            time.sleep(PAUSE_S)
            continue
        slots.acquire()
        try:
            threading.Thread(target=answer, args=(client, slots), daemon=True).start()
        except RuntimeError:  # no thread left for the moment
            client.close()
            slots.release()


def _lead(client: socket.socket, slots: threading.BoundedSemaphore, host: str, port: int) -> None:
    """Serve one connection to a listed port of this machine."""
    with _served(client, slots), socket.create_connection((host, port), CONNECT_S_MAX) as server:
        _carry(client, server)


def _answer(client: socket.socket, slots: threading.BoundedSemaphore, hosts: list[str]) -> None:
    """Serve one connection: a tunnel to a listed host, or a refusal that names the host."""
    with _served(client, slots):
        client.settimeout(CONNECT_S_MAX)
        host, port = _asked(client)
        if not is_allowed(host, port, hosts):
            sys.stderr.write(f"swarmgit: {host[:200] or 'a request that is no CONNECT'} was refused by policy\n")
            sys.stderr.flush()
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            _tunnel(client, host, port, is_named=f"{host}:{port}" in hosts)


@contextlib.contextmanager
def _served(client: socket.socket, slots: threading.BoundedSemaphore) -> Iterator[None]:
    """Close a connection and give its place to the next one, whatever it was that the client sent."""
    try:
        with contextlib.suppress(OSError, ValueError, OverflowError), client:
            yield
    finally:
        slots.release()


def _asked(client: socket.socket) -> tuple[str, int]:
    """Return the host and port of a CONNECT request; ('', 0) for anything else."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES_MAX:
        more = client.recv(4096)
        if not more:
            return "", 0
        head += more
    words = head.split(b"\r\n")[0].decode("latin-1").split(" ")
    host, _, port = words[1].rpartition(":") if len(words) == 3 else ("", "", "")
    if len(words) != 3 or words[0] != "CONNECT" or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return "", 0
    host = host.strip("[]").rstrip(".").lower()
    # nothing else is part of a name: a resolver may stop at a NUL, where the list has looked at the whole
    return (host, int(port)) if 0 < len(host) <= HOST_CHARS_MAX and HOST_CHARS.issuperset(host) else ("", 0)


def is_allowed(host: str, port: int, hosts: list[str]) -> bool:
    """Return whether a list such as `api.example.org`, `*.example.org`, `localhost:8080` has this host and port."""
    for entry in hosts:
        name, colon, number = entry.lower().rpartition(":")
        name, wanted = (name, int(number)) if colon and number.isdigit() else (entry.lower(), HTTPS)
        is_same = host.endswith(name[1:]) if name.startswith("*.") else host == name
        if host and is_same and port == wanted:
            return True
    return False


def _tunnel(client: socket.socket, host: str, port: int, *, is_named: bool) -> None:
    """Carry bytes both ways until both have said their last. A public name never leads to a machine of our own net."""
    import ipaddress  # here, because starting is what this program is quick at

    for family, kind, proto, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not is_named and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
            continue
        try:
            server = socket.socket(family, kind, proto)
            server.settimeout(CONNECT_S_MAX)
            server.connect(address)
        except OSError:
            continue
        with server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _carry(client, server)
        return
    client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def _carry(client: socket.socket, server: socket.socket) -> None:
    other = {client: server, server: client}
    for end in other:
        end.settimeout(IDLE_S_MAX)
    while other:
        ready, _, _ = select.select(list(other), [], [], IDLE_S_MAX)
        if not ready:
            return
        for end in ready:
            data = end.recv(1 << 16)
            if data:
                (server if end is client else client).sendall(data)
            else:
                (server if end is client else client).shutdown(socket.SHUT_WR)
                del other[end]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
