"""What a runtime needs inside the sandbox: its hosts by policy, a local server, its programs, its conversations."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmgit.adapters.sandbox.probe import search
from swarmgit.adapters.sandbox.programs import add_program
from swarmgit.adapters.sandbox.proxy import local_ports
from swarmgit.adapters.sandbox.trails import Seen
from swarmgit.model.status import TaskStatus
from tests.conftest import Repo

HAS_BUBBLEWRAP = search(("bubblewrap",)).kind == "bubblewrap"
with_bubblewrap = pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="this machine has no bubblewrap that works")
ASK = """
import os, socket
said = []
for port in os.environ["ASKED"].split():
    try:
        with socket.create_connection(("127.0.0.1", int(port)), 5) as there:
            said.append(there.recv(9).decode())
    except OSError:
        said.append("nobody")
open("said.txt", "w").write(" ".join(said))
"""


@pytest.fixture
def local() -> Iterator[int]:
    """A server on loopback that says hello once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_hello, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _hello(listener: socket.socket) -> None:
    try:
        client, _ = listener.accept()
    except OSError:
        return
    with client:
        client.sendall(b"hello")


def remote(repo: Repo, adapter: str = "anthropic", **env: str) -> TaskStatus:
    """Let a program that needs a provider try; return how its task stands."""
    repo.swarm["runtimes"]["away"] = {"adapter": adapter, "env": {"ANTHROPIC_API_KEY": "dummy", **env}}
    repo.swarm["tiers"] = {"standard": {"runtime": "away", "model": "sonnet"}}
    repo.task("it")
    repo.start()
    repo.reconcile()
    return repo.status("it")


@with_bubblewrap
def test_a_provider_that_policy_does_not_list_is_named_with_what_to_write(repo: Repo) -> None:
    repo.policy["network"] = ["example.org"]
    status = remote(repo)
    assert status.phase == "needs-human"
    assert "'away' has to reach api.anthropic.com" in status.reason
    assert "write network: [example.org, api.anthropic.com] in .swarm/policy.yaml" in status.reason


@with_bubblewrap
def test_an_address_that_policy_does_not_list_is_named_with_its_port(repo: Repo) -> None:
    status = remote(repo, ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert status.phase == "needs-human"
    assert "write network: [127.0.0.1:9] in .swarm/policy.yaml" in status.reason


def test_a_reduced_sandbox_says_that_it_lets_through_all_hosts_or_none(repo: Repo) -> None:
    if search(("landlock",)).kind != "landlock":
        pytest.skip("this kernel has no Landlock")
    repo.sandboxes = ("landlock",)
    repo.policy["network"] = ["api.anthropic.com"]
    assert "write network: full in .swarm/policy.yaml" in remote(repo).reason


@with_bubblewrap
def test_a_listed_local_server_is_reached_directly_and_no_other(repo: Repo, local: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        repo.policy["network"] = [f"127.0.0.1:{local}"]
        repo.task("it", f'ASKED="{local} {other.getsockname()[1]}" python3 "{repo.agents}/ask.py"', owns=["said.txt"])
        (repo.agents / "ask.py").write_text(ASK)
        repo.start()
        repo.reconcile()
    assert repo.show("said.txt") == "hello nobody"


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        (["127.0.0.1:8080", "LocalHost:9"], [("127.0.0.1", 8080), ("localhost", 9)]),
        (["localhost", "example.org:80", "10.0.0.1:80", "127.0.0.1:0", "127.0.0.1:70000"], []),
    ],
)
def test_only_named_ports_of_this_machine_are_led_inside(hosts: list[str], found: list[tuple[str, int]]) -> None:
    assert local_ports(hosts) == found


def test_a_package_is_seen_with_those_it_depends_on(tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    for name, said in (
        ("@a/cli", '{"optionalDependencies": {"@a/cli-linux": "1"}, "dependencies": {"../../etc": "1"}}'),
        ("@a/cli-linux", '{"dependencies": {"deep": "1", "gone": "1"}}'),
        ("deep", "no JSON"),
        ("other", "{}"),
    ):
        (modules / name).mkdir(parents=True)
        (modules / name / "package.json").write_text(said)
    program = modules / "@a/cli/cli.js"
    program.write_text("")
    seen = Seen()
    add_program(seen, str(program))
    below = {path.removeprefix(f"{os.path.realpath(modules)}/") for path in seen.paths}
    assert below == {"@a/cli", "@a/cli/cli.js", "@a/cli-linux", "deep"}


@with_bubblewrap
def test_a_runtimes_own_programs_are_seen_whatever_policy_lists(repo: Repo, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "own-agent"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho hi > hi.txt\n")
    program.chmod(0o755)
    repo.policy["commands"] = ["git"]
    repo.swarm["runtimes"]["script"] = {"adapter": "command", "run": [str(program)]}
    repo.task("it", owns=["hi.txt"])
    repo.start()
    repo.reconcile()
    assert repo.show("hi.txt") == "hi"
