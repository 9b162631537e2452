"""What stands in the way of everything is refused before anything starts, and a brake says that it is on."""

from __future__ import annotations

import json

import pytest


def checks(repo, name: str) -> list[dict]:
    return [
        each
        for each in json.loads(repo.swarmgit("doctor", "--json", check=False).stdout)["checks"]
        if each["name"] == name
    ]


@pytest.mark.default_cases("False-swarm")
@pytest.mark.parametrize("branch", ["swarm", "swarm/state/mine"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_branch_that_leaves_no_room_for_state_is_named_before_anything_starts(
    repo, branch: str, is_packed: bool
) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    repo.git("branch", branch)
    if is_packed:
        repo.git("pack-refs", "--all")
    move = f"git branch -m {branch} {branch.replace('/', '-')}-mine"
    for command in (["init"], ["reconcile"], ["freeze"], ["task", "pause", "api"]):
        done = repo.swarmgit(*command, check=False)
        assert (done.returncode, f"the branch {branch} leaves no room for" in done.stderr) == (1, True), done
        assert f"hint: {move}\n" in done.stderr
    assert f"the branch {branch} leaves no room" in repo.swarmgit("validate", check=False).stdout
    assert [(each["level"], each["repair"]) for each in checks(repo, "room")] == [("fail", move)]
    assert json.loads(repo.swarmgit("status", "--json").stdout)["sessions"] == []

    repo.git(*move.split()[1:])
    assert repo.swarmgit("reconcile", check=False).returncode == 0
    assert repo.landed() == ["api"]


@pytest.mark.default_cases("refs/swarm")
@pytest.mark.parametrize("ref", ["refs/swarm", "refs/swarm/candidate"])
def test_a_ref_in_the_place_of_ours_is_named_with_the_command_that_moves_it(repo, ref: str) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    repo.git("update-ref", ref, "HEAD")
    done = repo.swarmgit("reconcile", check=False)
    assert (done.returncode, f"the ref {ref} leaves no room" in done.stderr) == (1, True)
    for each in done.stderr.partition("hint: ")[2].strip().split(" && "):
        repo.git(*each.split()[1:])
    assert repo.swarmgit("reconcile", check=False).returncode == 0


def test_a_branch_or_a_tag_with_a_like_name_is_in_nobodys_way(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    repo.git("branch", "swarm-work")
    repo.git("tag", "swarm/state")
    assert repo.swarmgit("reconcile", check=False).returncode == 0
    assert repo.landed() == ["api"]


@pytest.mark.default_cases("command0")
@pytest.mark.parametrize("command", [["freeze"], ["thaw"], ["queue", "pause"], ["incident", "new", "x"]])
def test_a_request_where_nothing_was_set_up_makes_no_state_branch(repo, command) -> None:
    repo.commit({"README.md": "hello\n"})
    done = repo.swarmgit(*command, check=False)
    assert (done.returncode, "swarmgit init" in done.stderr) == (1, True)
    assert repo.git("for-each-ref", "refs/heads/swarm", "refs/swarm") == ""


@pytest.mark.slow
def test_a_frozen_reconcile_says_since_when_by_whom_why_and_the_command(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    repo.swarmgit("freeze", "--reason", "fire drill")
    done = repo.swarmgit("reconcile", check=False)
    assert done.returncode == 4
    assert "as far as a freeze lets it" in done.stdout
    assert "frozen since" in done.stdout
    assert "fire drill; nothing starts or lands until: swarmgit thaw" in done.stdout
    repo.swarmgit("thaw")
    assert repo.swarmgit("reconcile", check=False).returncode == 0
    repo.swarmgit("freeze")
    assert repo.swarmgit("reconcile", check=False).returncode == 0, "nothing is left to do"
