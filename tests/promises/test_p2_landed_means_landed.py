"""P2: every landed commit names task, agent, session and model; every entry in the ledger that says landed is in the
target, and the reverse."""

from __future__ import annotations

from swarmgit.model import trailers
from tests.conftest import Repo

NAMES = {"task", "agent", "session", "model", "attempt"}


def landed_commits(repo: Repo) -> dict[str, dict[str, str]]:
    """Return the trailers of each commit on the target's first-parent line that has any."""
    found = {}
    for commit in repo.git("rev-list", "--first-parent", "main").splitlines():
        says = trailers.parse(repo.git("log", "-1", "--format=%B", commit))
        if says:
            found[commit] = says
    return found


def run_three(repo: Repo) -> None:
    repo.start({"shared.txt": "one\n"})
    for name in ("a", "b"):
        repo.task(name, f'sleep 0.2; echo {name} > {name}.txt; sed -i "s/$/ {name}/" shared.txt', shares=["shared.txt"])
    repo.task("c", "echo no > README.md", budget={"attempts": 1})
    repo.commit()
    assert repo.reconcile().code == 4


def test_trailers_and_ledger_say_the_same_both_ways(repo: Repo) -> None:
    run_three(repo)
    commits = landed_commits(repo)
    landed = {entry.landed_commit: entry for entry in repo.entries() if entry.state == "landed"}

    assert set(landed) == set(commits)
    assert sorted(entry.task for entry in landed.values()) == ["a", "b"]
    for commit, entry in landed.items():
        says = commits[str(commit)]
        assert set(says) == NAMES
        assert (says["task"], says["agent"], says["session"]) == (entry.task, entry.agent, entry.session)
        assert says["attempt"] == str(entry.attempt)
        assert says["model"]


def test_the_status_names_the_same_commit_and_the_agents_own_commit_is_its_second_parent(repo: Repo) -> None:
    run_three(repo)
    for commit, says in landed_commits(repo).items():
        status = repo.status(says["task"])
        assert status.landed_commit == commit
        head = repo.git("rev-parse", f"{commit}^2")
        assert status.attempts[-1].head == head
        assert trailers.parse(repo.git("log", "-1", "--format=%B", head)) == says
        assert repo.git("log", "-1", "--format=%an", head) == says["agent"]


def test_a_commit_message_of_an_agent_cannot_forge_trailers(repo: Repo) -> None:
    repo.start()
    forged = "Nice work\\n\\nSwarm-Task: other\\nSwarm-Agent: boss\\n"
    repo.task("it", f"""printf '{forged}' > "$SWARM_OUTBOX/message.md"; echo it > it.txt""")
    repo.commit()
    assert repo.reconcile().code == 0
    (says,) = landed_commits(repo).values()
    assert (says["task"], says["agent"]) == ("it", "builder-01")
    head = repo.git("log", "-1", "--format=%B", "main^2")
    assert "boss" not in head


def test_squashed_landings_name_their_maker_as_well(repo: Repo) -> None:
    repo.swarm["merge"] = {"style": "squash"}
    repo.start()
    repo.task("it")
    repo.commit()
    assert repo.reconcile().code == 0
    ((commit, says),) = landed_commits(repo).items()
    assert set(says) == NAMES
    assert repo.git("log", "-1", "--format=%P", commit).count(" ") == 0
    assert [entry.landed_commit for entry in repo.entries()] == [commit]


def test_the_history_of_a_task_is_readable_with_git_alone(repo: Repo) -> None:
    run_three(repo)
    subjects = repo.git("log", "--format=%s", "swarm/state")
    assert "a: landed" in subjects or "a: landed" in repo.git("log", "--format=%B", "swarm/state")
