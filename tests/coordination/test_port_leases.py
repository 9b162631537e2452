"""Ports: each session has a range of its own that was found free; where none is, its task waits and says so."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from swarmgit.adapters.loopback import is_free
from swarmgit.model.actions import StartSession
from swarmgit.observe.ports import RANGES_MAX, PortRanges
from tests.conftest import Repo
from tests.coordination.busy_ports import busy, listen
from tests.plan.values import life, never_ends, task


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def ranges_of(repo: Repo) -> PortRanges:
    world = repo.world()
    store = world.repository.store
    world.close()
    return PortRanges(store, is_free)


def shown_ports(repo: Repo) -> dict[str, list[int]]:
    rows = json.loads(repo.swarmgit("status", "--json").stdout)["sessions"]
    return {row["task"]: row["ports"] for row in rows}


# --- deciding ---------------------------------------------------------------------------------------------------------


def test_sessions_that_start_together_and_later_ones_share_no_port() -> None:
    made = life(task("a"), task("b"), task("c"), ends=never_ends, swarm={"agents_max": 3})
    made.tick()
    leased = [action.spec.ports for action in made.did if isinstance(action, StartSession)]
    assert [len(ports) for ports in leased] == [4, 4, 4]
    assert len({port for ports in leased for port in ports}) == 12


def test_a_lease_ends_with_its_session() -> None:
    made = life(task("a"), task("b", depends_on=("a",)))
    made.settle()
    first, second = [action.spec.ports for action in made.did if isinstance(action, StartSession)]
    assert first == second


def test_where_nothing_is_free_the_task_waits_once_reported_and_goes_on_by_itself() -> None:
    made = life(task("a"))
    made.see(ports=lambda _count, _taken: None)
    for _ in range(3):
        decided = made.tick()
    assert decided.is_settled
    assert decided.needs_person
    assert made.status("a").waiting_for == ("ports",)
    assert "no free range of 4 ports" in made.status("a").reason
    (incident,) = made.observed.incidents.values()
    assert (incident.signature, incident.count, incident.tasks) == ("ports/none-free", 1, ("a",))

    made.see(ports=lambda count, _taken: tuple(range(5000, 5000 + count)))
    made.settle()
    assert made.status("a").phase == "landed"


def test_sessions_without_ports_ask_for_none() -> None:
    made = life(task("a"), swarm={"ports_per_session": 0})
    made.see(ports=lambda _count, _taken: None)
    made.settle()
    assert made.status("a").phase == "landed"


# --- trying -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_a_port_that_somebody_listens_on_is_not_free(sockets: ExitStack, address: str) -> None:
    try:
        port = listen(sockets, address=address)
    except OSError:
        pytest.skip("no such address here")
    assert not is_free(port)
    sockets.close()
    assert is_free(port)


def test_a_range_with_a_taken_port_is_stepped_over(tmp_path: Path) -> None:
    ranges = PortRanges(tmp_path, lambda _: True)
    first = ranges.free(4, frozenset())
    assert first is not None
    busy = first[2]
    second = PortRanges(tmp_path, lambda port: port != busy).free(4, frozenset())
    assert second == tuple(port + 4 for port in first)
    assert ranges.free(4, {busy}) == second


def test_every_range_lies_below_the_ephemeral_ports(tmp_path: Path) -> None:
    for number in range(40):
        taken: set[int] = set()
        ranges = PortRanges(tmp_path / str(number), lambda _: True)
        while (found := ranges.free(64, taken)) is not None:
            assert found[0] >= 10240
            assert found[-1] < 32768
            taken |= {*found}
        assert len(taken) == 64 * RANGES_MAX


# --- for real ---------------------------------------------------------------------------------------------------------


def test_a_session_is_given_the_next_range_when_somebody_listens_on_its_own(repo: Repo, sockets: ExitStack) -> None:
    repo.start()
    repo.task("one", 'echo "$SWARM_PORT_0" > one.txt')
    repo.commit()
    wanted = ranges_of(repo).free(4, frozenset())
    assert wanted is not None
    listen(sockets, wanted[1])

    assert repo.reconcile().code == 0

    found = int(repo.show("one.txt"))
    assert found != wanted[0]
    assert (found - wanted[0]) % 4 == 0


def test_without_any_free_range_the_task_waits_why_says_so_and_an_incident_tells(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    with busy(repo):
        result = repo.reconcile()
        assert "no free range of 4 ports was found" in repo.swarmgit("why", "one").stdout

    assert result.code == 4
    assert repo.status("one").waiting_for == ("ports",)
    (name,) = repo.git("ls-tree", "--name-only", "swarm/state:incidents").splitlines()
    assert "ss -ltnp" in repo.show(f"incidents/{name}", "swarm/state")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["one"]


@pytest.mark.slow
def test_two_sessions_at_work_have_different_ports_and_a_killed_one_gives_its_own_back(repo: Repo) -> None:
    repo.swarm["attempts_max"] = 1
    repo.start()
    repo.task("one", "sleep 30")
    repo.task("two", "sleep 30")
    repo.commit()
    repo.reconcile(timeout_s=1)
    before = shown_ports(repo)
    assert len({*before["one"], *before["two"]}) == 8

    world = repo.world()
    (killed,) = [job for job in world.executor.poll().values() if job.spec.task == "one"]
    world.close()
    assert killed.pid is not None
    os.killpg(killed.pid, signal.SIGKILL)
    repo.reconcile(timeout_s=3)
    repo.task("three", "sleep 30")
    repo.commit()
    repo.reconcile(timeout_s=2)

    after = shown_ports(repo)
    assert after["two"] == before["two"]
    assert after["three"] == before["one"]
