"""The state branch is called as swarm.yaml says; a new name is followed, and a person's branch is never taken for it."""

from __future__ import annotations

import json

import pytest

from swarmgit.errors import PersonMustAct
from tests.conftest import Repo


def name_state(repo: Repo, branch: str) -> None:
    repo.swarm["state"] = {"branch": branch}
    repo.configure()
    repo.commit()


def branches(repo: Repo) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()


@pytest.fixture
def named(repo: Repo) -> Repo:
    """Return a repository with one task whose state is to be on `machine/known`."""
    repo.start()
    repo.task("one")
    name_state(repo, "machine/known")
    return repo


def test_state_is_kept_on_the_branch_that_swarm_yaml_names(named: Repo) -> None:
    assert named.reconcile().code == 0

    assert branches(named) == ["machine/known", "main"]
    assert "phase: landed" in named.git("show", "machine/known:tasks/one.yaml")
    assert named.git("-C", ".swarm/state", "symbolic-ref", "HEAD") == "refs/heads/machine/known"
    assert named.git("-C", ".swarm/state", "status", "--porcelain") == ""
    assert json.loads(named.swarmgit("status", "--json").stdout)["tasks"][0]["phase"] == "landed"
    assert named.swarmgit("fsck").returncode == 0
    assert "the state branch is readable: machine/known" in named.swarmgit("doctor", check=False).stdout
    named.swarmgit("freeze")
    assert "control/freeze.yaml" in named.git("ls-tree", "-r", "--name-only", "machine/known")
    assert "frozen" in named.swarmgit("status", "--at", "machine/known").stdout


@pytest.mark.slow
def test_a_broken_edit_keeps_the_name_that_was_good_also_in_a_fresh_clone(named: Repo) -> None:
    named.reconcile()
    named.commit({".swarm/swarm.yaml": "version: 1\ntarget: main\nstate: {branch: 'no..branch'}\n"})
    for root in (named.root, named.root.parent / "clone"):
        if root != named.root:
            named.git("clone", "-q", str(named.root), str(root))
            named.root = root
        seen = json.loads(named.swarmgit("status", "--json", check=False).stdout)
        assert seen["tasks"][0]["phase"] == "landed"
        assert any("'no..branch' is not a branch name" in each["message"] for each in seen["problems"])


@pytest.mark.default_cases("swarm/state/here")
@pytest.mark.parametrize("name", ["machine", "swarm", "swarm/state/here"])
def test_a_new_name_is_followed_by_the_next_reconcile_and_nothing_is_lost(settled: Repo, name: str) -> None:
    before = settled.git("rev-parse", "swarm/state")
    name_state(settled, name)
    settled.task("two")
    settled.commit()

    assert json.loads(settled.swarmgit("status", "--json").stdout)["problems"] == []
    assert "landed" in settled.swarmgit("why", "one").stdout
    assert f"renames it to {name}" in settled.swarmgit("doctor", check=False).stdout
    settled.swarmgit("task", "pause", "two")
    assert settled.git("merge-base", before, "swarm/state") == before

    assert settled.reconcile().code == 0
    assert branches(settled) == sorted(["main", name])
    assert settled.git("merge-base", before, name) == before
    assert "phase: landed" in settled.git("show", f"{name}:tasks/one.yaml")
    assert before in settled.git("reflog", "show", "--format=%H", name)
    assert settled.git("-C", ".swarm/state", "symbolic-ref", "HEAD") == f"refs/heads/{name}"
    assert settled.git("-C", ".swarm/state", "status", "--porcelain") == ""


def test_a_person_may_rename_it_with_git_as_well(settled: Repo) -> None:
    name_state(settled, "machine")
    settled.git("branch", "-m", "swarm/state", "machine")
    assert "landed" in settled.swarmgit("why", "one").stdout
    assert settled.reconcile().code == 0
    assert branches(settled) == ["machine", "main"]


@pytest.mark.slow
def test_a_rename_that_was_killed_half_way_is_healed(settled: Repo) -> None:
    name_state(settled, "machine")
    settled.git("update-ref", "-d", "refs/heads/swarm/state")
    assert settled.reconcile().code == 0
    assert "phase: landed" in settled.git("show", "machine:tasks/one.yaml")
    assert settled.git("-C", ".swarm/state", "symbolic-ref", "HEAD") == "refs/heads/machine"


@pytest.mark.default_cases("mine")
@pytest.mark.parametrize("branch", ["mine", "mine/below"])
def test_a_name_that_a_persons_branch_has_is_an_error_at_its_place_and_state_stays(settled: Repo, branch: str) -> None:
    settled.git("branch", branch)
    theirs = settled.git("rev-parse", branch)
    name_state(settled, "mine")
    written = (settled.root / ".swarm/swarm.yaml").read_text().splitlines()
    line = written.index("  branch: mine") + 1

    problems = json.loads(settled.swarmgit("validate", "--json", check=False).stdout)["problems"]
    assert [(each["file"], each["line"]) for each in problems] == [(".swarm/swarm.yaml", line)]
    assert f"git branch -m {branch} {branch.replace('/', '-')}-mine" in problems[0]["message"]
    assert json.loads(settled.swarmgit("status", "--json", check=False).stdout)["problems"] == problems

    settled.task("two")
    settled.commit()
    settled.reconcile()
    assert sorted(settled.landed()) == ["one", "two"]
    assert settled.phases() == {"one": "landed", "two": "landed"}
    assert settled.git("rev-parse", branch) == theirs


@pytest.mark.default_cases("named")
@pytest.mark.parametrize("kind", ["named", "default"])
def test_state_does_not_begin_on_a_persons_branch(repo: Repo, kind: str) -> None:
    repo.start()
    branch = "mine" if kind == "named" else "swarm/state"
    if kind == "named":
        name_state(repo, branch)
    repo.git("branch", branch)
    theirs = repo.git("rev-parse", branch)
    with pytest.raises(PersonMustAct, match=f"the branch {branch} is a person's"):
        repo.reconcile()
    for command in (["status"], ["freeze"], ["state", "reset", "present"], ["state", "reset", "empty"]):
        done = repo.swarmgit(*command, check=False)
        assert (done.returncode, f"the branch {branch} is a person's" in done.stderr) == (1, True), (command, done)
    assert repo.git("rev-parse", branch) == theirs
    assert f"the branch {branch} is a person's" in repo.swarmgit("validate", check=False).stdout

    repo.git("branch", "-m", branch, "theirs")
    assert repo.reconcile().code == 0
    assert repo.git("rev-parse", "theirs") == theirs


def test_reading_commands_take_no_persons_branch_for_state_although_it_was_kept(settled: Repo) -> None:
    settled.git("update-ref", "refs/heads/swarm/state", "main")
    for command in (["status"], ["state", "reset", "kept"]):
        assert "the branch swarm/state is a person's" in settled.swarmgit(*command, check=False).stderr
    assert settled.git("rev-parse", "swarm/state") == settled.git("rev-parse", "main")
