"""What an agent cannot reach."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmgit.adapters.sandbox.landlock import abi
from swarmgit.adapters.sandbox.scope import VERSION_MIN
from tests.attacks.stage import CANARY, Stage


class Services:
    """What listens on a person's machine: TCP, UDP, an abstract socket and one in a folder. `reached` counts."""

    def __init__(self, folder: Path) -> None:
        self.reached: list[str] = []
        self.path = folder / "service.sock"
        self.abstract = f"swarmgit-test-{secrets.token_hex(8)}"
        self.tcp = self._listen(socket.AF_INET, ("127.0.0.1", 0))
        self._listen(socket.AF_UNIX, str(self.path))
        self._listen(socket.AF_UNIX, "\0" + self.abstract)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(0.2)
        self.port = self.tcp.getsockname()[1]
        self.open = [self.tcp, self.udp]

    def _listen(self, family: int, address: object) -> socket.socket:
        server = socket.socket(family, socket.SOCK_STREAM)
        server.bind(address)
        server.listen(8)
        threading.Thread(target=self._serve, args=(server, address), daemon=True).start()
        return server

    def _serve(self, server: socket.socket, address: object) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            self.reached.append(repr(address))
            with client:
                client.sendall(CANARY.encode())

    def datagrams(self) -> int:
        try:
            self.udp.recv(100)
        except TimeoutError:
            return 0
        return 1


@pytest.fixture
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    made = Services(tmp_path_factory.mktemp("s"))
    yield made
    for each in made.open:
        each.close()


REACH = """
    import socket
    def ask(family, address, kind=socket.SOCK_STREAM):
        with socket.socket(family, kind) as client:
            client.settimeout(2)
            client.connect(address)
            if kind == socket.SOCK_DGRAM:
                client.send(b"x")
                return "sent"
            return client.recv(100)
    attempt("tcp", lambda: ask(socket.AF_INET, ("127.0.0.1", {port})))
    attempt("tcp6", lambda: ask(socket.AF_INET6, ("::1", {port})))
    attempt("abstract", lambda: ask(socket.AF_UNIX, "\\0{abstract}"))
    attempt("path", lambda: ask(socket.AF_UNIX, {path!r}))
    attempt("world", lambda: ask(socket.AF_INET, ("192.0.2.1", 443)))
    try:
        ask(socket.AF_INET, ("127.0.0.1", {udp}), socket.SOCK_DGRAM)
    except OSError:
        pass
"""


def reach(services: Services) -> str:
    return REACH.format(
        port=services.port, abstract=services.abstract, path=str(services.path), udp=services.udp.getsockname()[1]
    )


def test_an_agent_reaches_no_service_of_this_machine(stage: Stage, services: Services) -> None:
    stage.open()
    stage.attacker(reach(services))
    stage.run()
    stage.assert_nothing_was_had(tried=5)
    assert services.reached == []
    assert services.datagrams() == 0


def welcome(listener: socket.socket) -> None:
    """Answer two connections to a server that policy lists."""
    for _ in range(2):
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            client.sendall(b"welcome")


def test_with_named_hosts_an_agent_reaches_these_and_no_others(boxed: Stage, services: Services) -> None:
    other, listed = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=welcome, args=(listed,), daemon=True).start()
    port = listed.getsockname()[1]
    boxed.policy["network"] = [f"127.0.0.1:{port}"]
    boxed.open()
    boxed.attacker(
        reach(services)
        + f"""
    import os
    proxy = os.environ["HTTPS_PROXY"].split("//")[1].split(":")
    def through(host):
        with socket.create_connection((proxy[0], int(proxy[1])), 5) as client:
            client.sendall(f"CONNECT {{host}} HTTP/1.1\\r\\nHost: {{host}}\\r\\n\\r\\n".encode())
            answer = client.recv(200)
            if b" 200 " not in answer:
                raise OSError(answer)
            return answer + client.recv(100)
    loot("allowed", b"welcome" in through("127.0.0.1:{port}") and "yes")
    with socket.create_connection(("127.0.0.1", {port}), 5) as client:
        loot("directly", b"welcome" in client.recv(100) and "yes")
    for host in ("127.0.0.1:{other.getsockname()[1]}", "evil.example:443", "127.0.0.1:{services.port}",
                 "localhost:{port}", "169.254.169.254:80"):
        attempt(host, lambda: through(host))
    open("evil.txt", "w").write("done")
    """
    )
    boxed.run()
    other.close()
    listed.close()
    assert "allowed yes" in boxed.loot()
    assert "directly yes" in boxed.loot()
    boxed.assert_nothing_was_had(tried=10)
    assert boxed.landed() == ["evil"]
    assert services.reached == []
    assert services.datagrams() == 0
    assert "evil.example was refused by policy" in boxed.stderr()


def test_a_gate_has_no_network_either(stage: Stage, services: Services) -> None:
    stage.gates = [{"name": "test", "run": "sh run-tests.sh"}]
    stage.open({"README.md": "hello\n", "run-tests.sh": "true\n"})
    code = f"import socket; print(socket.create_connection((chr(49)+'27.0.0.1', {services.port}), 2).recv(99))"
    script = f'/usr/bin/env python3 -c "{code}"\n[ $? -ne 0 ]\n'
    stage.attacker(f"open('run-tests.sh', 'w').write({script!r})", owns=["run-tests.sh"])
    stage.run()
    assert services.reached == []


def test_with_all_of_the_network_the_sockets_of_programs_here_stay_out_of_reach(
    boxed: Stage, services: Services
) -> None:
    boxed.policy["network"] = "full"
    boxed.open()
    boxed.attacker(f"""
        import socket
        def ask(family, address):
            with socket.socket(family) as client:
                client.settimeout(2)
                client.connect(address)
                return client.recv(100)
        attempt("abstract", lambda: ask(socket.AF_UNIX, "\\0{services.abstract}"))
        attempt("path", lambda: ask(socket.AF_UNIX, {str(services.path)!r}))
        own = socket.socket(socket.AF_UNIX)
        own.bind("\\0own-{services.abstract}")
        own.listen(1)
        socket.socket(socket.AF_UNIX).connect("\\0own-{services.abstract}")
        loot("its own works, and so does the network:", bool(ask(socket.AF_INET, ("127.0.0.1", {services.port}))))
    """)
    boxed.run()
    text = boxed.loot()
    if "abstract GOT" in text and abi() < VERSION_MIN:
        pytest.skip("this kernel's Landlock does not know abstract sockets")
    assert "abstract refused PermissionError" in text
    assert "path refused" in text
    assert "so does the network: True" in text
