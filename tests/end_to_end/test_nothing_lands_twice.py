"""State and target disagree: a task with a proven landing never lands again; a bare trailer holds its task back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Repo

STATE = "refs/heads/swarm/state"
TRAILERS = "Swarm-Task: {0}\nSwarm-Agent: builder-01\nSwarm-Session: {1}\nSwarm-Model: script\nSwarm-Attempt: 1"


def clone_of(repo: Repo, place: Path, *refs: str) -> Repo:
    """Return a clone with its own live folder; `refs`: what is fetched besides."""
    repo.git("clone", "-q", str(repo.root), str(place))
    other = object.__new__(Repo)
    other.__dict__.update(repo.__dict__)
    other.root = place
    if refs:
        other.git("fetch", "-q", "origin", *refs)
    return other


def claim(repo: Repo, task: str, session: str = "s1", **files: str) -> str:
    return repo.commit(files, f"Land {task}\n\n{TRAILERS.format(task, session)}")


def test_an_old_state_that_a_person_accepts_lets_nothing_land_twice(settled: Repo) -> None:
    landed = settled.git("rev-parse", "main")
    settled.git("update-ref", STATE, settled.git("rev-list", "--max-parents=0", STATE))
    settled.swarmgit("state", "reset", "present")

    assert settled.reconcile().code == 0

    assert settled.git("rev-parse", "main") == landed
    status = settled.status("one")
    assert (status.phase, status.landed_commit) == ("landed", landed)
    assert settled.swarmgit("fsck", check=False).returncode == 0


@pytest.mark.default_cases("3", "8")
@pytest.mark.parametrize("back", [1, 2, 3, 5, 8])
def test_a_state_from_any_instant_of_a_landing_lets_nothing_land_twice(settled: Repo, back: int) -> None:
    landed = settled.git("rev-parse", "main")
    commits = settled.git("rev-list", STATE).splitlines()
    settled.git("update-ref", STATE, commits[min(back, len(commits) - 1)])
    settled.swarmgit("state", "reset", "present")

    assert settled.reconcile().code == 0

    assert settled.git("rev-parse", "main") == landed
    assert settled.phases() == {"one": "landed"}


def test_a_state_that_begins_anew_knows_what_has_landed(settled: Repo) -> None:
    landed = settled.git("rev-parse", "main")
    settled.swarmgit("state", "reset", "empty")
    settled.task("two")
    settled.commit()

    assert settled.reconcile().code == 0

    assert settled.landed() == ["one", "two"]
    assert settled.status("one").landed_commit == landed
    assert settled.swarmgit("fsck", check=False).returncode == 0


def test_a_status_file_that_was_deleted_lets_nothing_land_twice(settled: Repo, tmp_path: Path) -> None:
    settled.git("worktree", "add", "-q", "-f", str(tmp_path / "hand"), "swarm/state")
    settled.git("rm", "-q", "tasks/one.yaml", cwd=tmp_path / "hand")
    settled.git("commit", "-q", "-m", "by hand", cwd=tmp_path / "hand")

    assert settled.reconcile().code == 0

    assert settled.landed() == ["one"]
    assert settled.phases() == {"one": "landed"}


def test_a_clone_that_has_fetched_the_state_branch_runs_nothing_again(settled: Repo, tmp_path: Path) -> None:
    clone = clone_of(settled, tmp_path / "clone")
    clone.swarmgit("freeze")  # its own state branch begins on the remote's
    settled.task("two")
    settled.commit()
    assert settled.reconcile().code == 0
    clone.git("pull", "-q")
    clone.swarmgit("thaw")

    assert clone.reconcile().code == 0

    assert clone.git("rev-parse", "main") == settled.git("rev-parse", "main")
    assert clone.phases()["two"] == "landed"
    assert "refs/remotes/origin/swarm/state" in clone.status("two").reason


@pytest.mark.slow
def test_what_another_clone_landed_is_known_behind_a_merge_of_a_persons(settled: Repo, tmp_path: Path) -> None:
    clone = clone_of(settled, tmp_path / "clone")
    settled.task("two")
    settled.commit()
    assert settled.reconcile().code == 0
    clone.task("three")
    clone.commit()
    clone.git("pull", "-q", "--no-rebase", "--no-edit")
    clone.git("fetch", "-q")

    assert clone.reconcile().code == 0

    assert sorted(clone.landed()) == ["one", "three"], "two lies behind the merge"
    assert clone.phases() == {"one": "landed", "two": "landed", "three": "landed"}
    assert clone.git("log", "--format=%s", "main").count("Land two") == 1


def test_a_clone_without_any_state_holds_what_is_only_claimed(settled: Repo, tmp_path: Path) -> None:
    clone = clone_of(settled, tmp_path / "clone")
    clone.git("update-ref", "-d", "refs/remotes/origin/swarm/state")
    head = clone.git("rev-parse", "main")

    result = clone.reconcile()

    status = clone.status("one")
    assert result.code == 4
    assert (status.phase, status.attempts) == ("needs-human", ())
    assert f"commit {head[:10]} claims it" in status.reason
    assert "swarmgit task accept one" in status.reason
    assert "swarmgit task reopen one" in status.reason
    assert clone.git("rev-parse", "main") == head


def test_a_trailer_that_anybody_wrote_holds_its_task_and_no_other(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.task("two")
    repo.commit()
    forged = claim(repo, "one")

    result = repo.reconcile()

    assert result.code == 4
    assert repo.phases() == {"one": "needs-human", "two": "landed"}
    assert repo.status("one").attempts == ()
    why = repo.swarmgit("why", "one").stdout
    assert forged[:10] in why
    assert "next: swarmgit task accept one" in why
    assert "next: swarmgit task reopen one" in why


def test_a_claim_that_a_person_accepts_is_a_landing_and_no_violation(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.task("two", depends_on=["one"])
    repo.commit()
    forged = claim(repo, "one", **{"one.txt": "by hand\n"})
    assert repo.reconcile().code == 4
    assert repo.swarmgit("fsck", check=False).returncode == 1

    repo.swarmgit("task", "accept", forged[:12], "--reason", "I merged it")

    assert repo.reconcile().code == 0
    assert repo.phases() == {"one": "landed", "two": "landed"}
    assert repo.status("one").landed_commit == forged
    done = repo.swarmgit("fsck")
    assert "acknowledged by" in done.stdout
    assert "I merged it" in done.stdout
    assert repo.git("ls-tree", "-r", "--name-only", "swarm/state", "control/landings") == ""


def test_a_claimed_task_that_a_person_reopens_lands_by_a_run_of_its_own(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    claim(repo, "one")
    assert repo.reconcile().code == 4

    repo.swarmgit("task", "reopen", "one")

    assert repo.reconcile().code == 0
    assert repo.status("one").run == 2
    assert repo.git("log", "-1", "--format=%(trailers:key=Swarm-Run,valueonly)", "main").strip() == "2"
    assert repo.show("one.txt") == "one"


def test_a_landed_task_runs_again_only_where_a_person_reopens_it(settled: Repo) -> None:
    settled.task("one", "echo again >> one.txt", title="Another title")
    settled.commit()
    assert settled.reconcile().code == 0
    assert settled.landed() == ["one"], "landing is for each id, whatever the file says now"
    assert settled.swarmgit("task", "restart", "one", check=False).returncode == 1

    settled.swarmgit("task", "reopen", "one", "--reason", "once more")

    assert settled.reconcile().code == 0
    assert settled.landed() == ["one", "one"]
    assert settled.status("one").run == 2
    assert settled.show("one.txt") == "one\nagain"
    assert settled.swarmgit("fsck").returncode == 0
    assert settled.reconcile().code == 0
    assert settled.landed() == ["one", "one"]


@pytest.mark.slow
def test_a_state_reset_after_a_second_landing_lets_no_third_one_happen(settled: Repo) -> None:
    settled.task("one", "echo again >> one.txt")
    settled.commit()
    settled.swarmgit("task", "reopen", "one")
    assert settled.reconcile().code == 0
    commits = settled.git("rev-list", STATE).splitlines()
    for back in (4, 8):
        settled.git("update-ref", STATE, commits[min(back, len(commits) - 1)])
        settled.swarmgit("state", "reset", "present")
        assert settled.reconcile().code == 0
    assert settled.landed() == ["one", "one"]


def test_a_session_at_work_is_stopped_where_the_target_comes_to_name_its_task(repo: Repo) -> None:
    repo.start()
    repo.task("one", "echo begun > one.txt; sleep 60")
    repo.commit()
    made: list[str] = []

    def forge(report) -> None:
        if report.look.observed.sessions and not made:
            made.append(claim(repo, "one"))

    result = repo.reconcile(on_tick=forge, timeout_s=30)

    status = repo.status("one")
    assert result.code == 4, result.reason
    assert (status.phase, status.last.outcome) == ("needs-human", "cancelled")
    assert "is claimed by" in status.last.reason
    assert repo.git("show", f"{status.last.salvage}:one.txt") == "begun"


@pytest.mark.default_cases("command0")
@pytest.mark.parametrize(
    "command",
    [["task", "reopen", "one"], ["task", "accept", "one"], ["fsck", "--acknowledge", "1234567", "--reason", "x"]],
)
def test_sessions_do_not_say_what_has_landed(
    settled: Repo, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    before = settled.git("rev-parse", STATE)
    monkeypatch.setenv("SWARM_SESSION", "s1")
    done = settled.swarmgit(*command, check=False)
    assert done.returncode == 1
    assert "is for people" in done.stderr
    assert settled.git("rev-parse", STATE) == before


def test_a_signed_landing_is_proven_by_its_signature_alone(repo: Repo) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen")
    repo.swarm["merge"] = {"sign": "ssh"}
    repo.start()
    repo.task("one")
    repo.commit()
    assert repo.reconcile().code == 0
    repo.swarmgit("state", "reset", "empty")
    for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/kept").split():
        repo.git("update-ref", "-d", ref)

    assert repo.reconcile().code == 0

    assert repo.landed() == ["one"]
    assert "signature" in repo.status("one").reason
