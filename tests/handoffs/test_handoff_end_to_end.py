"""A real session fills its window, hands over, and another process lands the work; killed anywhere, the end is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swarmgit.app.fsck import check
from tests.conftest import HOLD, Repo
from tests.crash.crash_scenario import Fuse, Killed

SUMMARY = {"state": "one is written", "done": ["one.txt"], "remaining": ["two.txt"], "surprises": ["nobody knows it"]}
ACCEPTED = {"state": "one.txt is there, two.txt is not", "next": "write two.txt"}

AGENT = """
held="{agents}/held" overlaps="{agents}/overlaps"
{hold}
grep -q "You take over" "$SWARM_PROMPT_FILE" || {{
    echo one > one.txt
    echo '{{"type": "conversation", "window": 1000, "takes_messages": {listens}}}'
    echo '{{"type": "usage", "input_tokens": 850, "output_tokens": 5}}'
    echo '{{"type": "context", "used": 850}}'
    {asked}
    sleep 30
    exit 0
}}
{successor}
"""
WAITS = """n=0
    until grep -qs '"handoff"' "$SWARM_INBOX"/*.yaml; do n=$((n+1)); [ $n -lt 600 ] || exit 9; sleep 0.05; done
    printf %s '{summary}' > "$SWARM_OUTBOX/handoff"
"""
GOES_ON = """test "$(cat one.txt)" = one || exit 8
printf %s '{accepted}' > "$SWARM_OUTBOX/accepted"
echo two > two.txt
"""


def begin(repo: Repo, *, listens: bool = True, successor: str = GOES_ON) -> Repo:
    asked = WAITS.format(summary=json.dumps(SUMMARY)) if listens else ""
    script = AGENT.format(
        agents=repo.agents,
        hold=HOLD,
        listens=json.dumps(listens),
        asked=asked,
        successor=successor.format(accepted=json.dumps(ACCEPTED)),
    )
    repo.task("long", script, owns=["*.txt"], budget={"attempts": 1})
    return repo.start()


@pytest.mark.usefixtures("published")
def test_a_session_is_asked_and_its_successor_lands_the_work(repo: Repo) -> None:
    assert begin(repo).reconcile(timeout_s=60).code == 0
    status = repo.status("long")
    first, second = status.attempts
    assert [first.outcome, second.outcome] == ["handed-over", "landed"]
    assert (repo.show("one.txt"), repo.show("two.txt")) == ("one", "two")
    assert first.handoff is not None
    assert first.handoff.by == "session"
    assert first.handoff.summary.surprises == ("nobody knows it",)
    assert first.handoff.successor == second.session
    assert first.handoff.acceptance.startswith(ACCEPTED["state"])
    assert first.salvage is not None
    assert not (repo.agents / "overlaps").exists(), "never two sessions at once in one task"
    said = repo.swarmgit("why", "long").stdout
    assert "handed over" in said
    shown = repo.swarmgit("task", "show", "long").stdout
    assert "two.txt is not" in shown
    assert (
        json.loads(repo.swarmgit("task", "show", "long", "--json").stdout)["history"][0]["handoff"]["by"] == "session"
    )


def test_a_session_that_cannot_be_asked_is_summed_up_by_what_it_did(repo: Repo) -> None:
    assert begin(repo, listens=False).reconcile(timeout_s=60).code == 0
    first = repo.status("long").attempts[0]
    assert first.handoff is not None
    assert first.handoff.by == "swarmgit"
    assert "added one.txt" in first.handoff.summary.done
    assert repo.show("two.txt") == "two"
    events = repo.git("show", f"swarm/state:events/{first.started:%Y-%m/%d}/{first.session}.jsonl")
    kinds = [json.loads(line)["type"] for line in events.splitlines()]
    assert kinds[-2:] == ["handoff", "handoff_accepted"]


def test_a_successor_that_says_nothing_lands_its_work_all_the_same(repo: Repo) -> None:
    begin(repo, listens=False, successor="echo two > two.txt\n")
    assert repo.reconcile(timeout_s=60).code == 0
    first = repo.status("long").attempts[0]
    assert first.handoff is not None
    assert "without a word" in first.handoff.unanswered
    assert "no acknowledgement" in repo.swarmgit("task", "show", "long").stdout


def same_end(repo: Repo) -> None:
    status = repo.status("long")
    assert status.phase == "landed", status.reason
    assert {a.outcome for a in status.attempts} <= {"handed-over", "landed", "lost"}
    handed = [a for a in status.attempts if a.handoff is not None]
    assert len(handed) == 1
    assert handed[0].handoff is not None
    assert not handed[0].handoff.is_pending
    assert (repo.show("one.txt"), repo.show("two.txt"), repo.landed()) == ("one", "two", ["long"])
    assert not (repo.agents / "overlaps").exists()
    world = repo.world()
    try:
        assert world.executor.poll() == {}
        assert world.worktrees.leases() == {}
        assert check(world).violations == ()
    finally:
        world.close()


@pytest.mark.crash
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(4))
def test_killed_at_steps_all_along_the_end_is_the_same(tmp_path: Path, part: int) -> None:
    for at in range(3 * part + 1, 200, 12):
        place = tmp_path / str(at)
        place.mkdir()
        repo = begin(Repo(place))
        try:
            repo.reconcile(fault=Fuse(at))
        except Killed:
            assert repo.reconcile().code == 0
            same_end(repo)
        else:
            return
    raise AssertionError("there are more steps than are tried")
