"""An agent that is still at work hears of a conflict with what has landed meanwhile."""

from __future__ import annotations

import pytest

from tests.conftest import Repo

MAIL = 'ls "$SWARM_INBOX" | grep -q yaml'
WAIT = f"n=0; while ! {MAIL} && [ $n -lt 150 ]; do sleep 0.05; n=$((n+1)); done\n"


@pytest.mark.slow
def test_the_agent_is_warned_in_its_inbox_while_it_works(repo: Repo) -> None:
    repo.start({"words.txt": "one\ntwo\nthree\n"})
    change = "sed -i 's/^two.*/two {0}/' words.txt\n"
    repo.task("quick", change.format("quick") + "echo quick > quick.txt", shares=["words.txt"])
    fit = (
        'git show "$(git rev-parse HEAD)":words.txt > /dev/null; printf "one\\ntwo quick slow\\nthree\\n" > words.txt\n'
    )
    slow = change.format("slow") + WAIT + 'cat "$SWARM_INBOX"/*.yaml > slow.txt\n' + fit
    repo.task("slow", slow, shares=["words.txt"])
    repo.commit()

    assert repo.reconcile().code in {0, 4}

    heard = repo.git("show", f"{repo.status('slow').attempts[0].head}:slow.txt")
    assert "your change conflicts with what has landed, in words.txt" in heard
    assert "quick landed" in heard
    assert heard.count('"subject"') == 1


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("shares", [["words.txt"], ["other.txt"]])
def test_nobody_is_disturbed_where_nothing_clashes(repo: Repo, shares: list[str]) -> None:
    repo.start({"words.txt": "one\ntwo\nthree\n", "other.txt": "x\n"})
    repo.task("quick", "sed -i 's/^one.*/one quick/' words.txt; echo quick > quick.txt", shares=["words.txt"])
    repo.task("slow", 'sleep 1.5; ls "$SWARM_INBOX" > slow.txt', shares=shares)
    repo.commit()
    assert repo.reconcile().code == 0
    assert "yaml" not in repo.show("slow.txt")
