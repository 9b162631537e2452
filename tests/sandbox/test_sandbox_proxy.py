"""The proxy that is the only way out: what it takes for a host, and that nothing it is sent wears it out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from swarmgit.adapters.sandbox import proxy
from swarmgit.adapters.sandbox.probe import search

ASK = r"""
import collections, socket
def ask(host):
    with socket.create_connection(("127.0.0.1", 3128), 5) as there:
        there.settimeout(5)
        there.sendall(b"CONNECT " + host + b" HTTP/1.1\r\n\r\n")
        return there.recv(100).split(b"\r\n")[0].decode()
said = collections.Counter(ask(b"\xff.." + b"a" * 70 + b".example.org:443") for _ in range(140))
print(dict(said))
for host in (b"127.0.0.1\0.example.org:443", b"127.0.0.1#.example.org:443", b"1\xff.example.org:443", b"other.net:443"):
    print(host, ask(host))
"""


@pytest.mark.skipif(search(("bubblewrap",)).kind != "bubblewrap", reason="no user namespaces here")
def test_a_strange_host_is_refused_and_the_next_one_is_still_served() -> None:
    argv = [sys.executable, "-I", "-S", proxy.__file__, "3128", "*.example.org", "--", sys.executable, "-I", "-c", ASK]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.count(" HTTP/1.1 403 Forbidden") == 4, done
    assert "{'HTTP/1.1 403 Forbidden': 140}" in done.stdout
    assert "Traceback" not in done.stderr
