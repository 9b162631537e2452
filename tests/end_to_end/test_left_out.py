"""What an agent made besides its work is kept, and named to the person and to the next agent."""

from pathlib import Path

from tests.conftest import Repo

IDENTITY = "git config user.name A; git config user.email a@example.org;"


def test_work_on_another_branch_is_told_to_the_next_agent_and_to_the_person(repo: Repo) -> None:
    # given an agent that commits on a branch of its own and goes back, and does it right the second time
    repo.start({"src/a.txt": "one\n"})
    first = f"{IDENTITY} git checkout -q -b feature; echo two > src/a.txt; git commit -qam two; git checkout -q -"
    second = 'cp "$SWARM_PROMPT_FILE" "$(dirname "$0")/prompt"; echo two > src/a.txt'
    repo.task("t", f'if [ "$SWARM_ATTEMPT" = 1 ]; then {first}; else {second}; fi', owns=["src/**"])
    repo.commit(message="ask")
    # when it runs
    result = repo.reconcile()
    # then the first attempt was rejected with the branch by its name, its commit is kept, and the second one knew
    assert (result.code, repo.landed()) == (0, ["t"])
    first_try = repo.status("t").attempts[0]
    assert first_try.outcome == "rejected"
    assert "left out: feature (1 commit)" in first_try.reason
    assert first_try.left_out is not None
    assert repo.git("show", f"{first_try.left_out.ref}^2:src/a.txt") == "two"
    assert "feature (1 commit)" in (repo.agents / "prompt").read_text()
    assert first_try.left_out.commit[:12] in (repo.agents / "prompt").read_text()


def test_new_files_outside_the_scope_do_not_cost_an_attempt(repo: Repo) -> None:
    repo.start({"src/a.txt": "one\n"})
    repo.task("t", "echo two > src/a.txt; echo junk > .DS_Store; mkdir notes; echo plan > notes/plan", owns=["src/**"])
    repo.commit(message="ask")
    assert repo.reconcile().code == 0
    status = repo.status("t")
    assert len(status.attempts) == 1
    assert repo.git("diff", "--name-only", "main^", "main") == "src/a.txt"
    left = status.attempts[0].left_out
    assert left is not None
    assert repo.git("show", f"{left.ref}:notes/plan") == "plan"
    assert "left out: .DS_Store (new, outside the scope, not committed), notes/plan" in status.reason
    assert left.ref in repo.swarmgit("why", "t").stdout
    assert "notes/plan" in repo.swarmgit("task", "show", "t").stdout


def test_what_the_persons_git_ignores_is_no_work(repo: Repo) -> None:
    # given a person whose own settings and whose repository ignore some names
    repo.start({"src/a.txt": "one\n"})
    home = Path.home()
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text(".DS_Store\n")
    (repo.root / ".git" / "info" / "exclude").write_text("*.cache\n")
    repo.task(
        "t", "echo two > src/a.txt; echo j > src/.DS_Store; echo j > src/x.cache; echo new > src/new", owns=["src/**"]
    )
    repo.commit(message="ask")
    # when the agent makes some of them within its scope
    assert repo.reconcile().code == 0
    # then they do not land
    assert repo.git("diff", "--name-only", "main^", "main").split() == ["src/a.txt", "src/new"]
    assert repo.status("t").attempts[0].left_out is None


def test_excludes_of_the_agents_own_count_for_nothing(repo: Repo) -> None:
    repo.start({"src/a.txt": "one\n"})
    repo.task(
        "t",
        "echo '*' > .git/info/exclude; git config core.excludesFile .git/info/exclude; echo n > src/new",
        owns=["src/**"],
    )
    repo.commit(message="ask")
    assert repo.reconcile().code == 0
    assert repo.git("diff", "--name-only", "main^", "main") == "src/new"


def test_the_limit_of_a_files_size_is_the_persons_and_what_is_larger_is_kept(repo: Repo) -> None:
    repo.policy["limits"] = {"work_file_mb": 0.001}
    repo.start({"src/a.txt": "one\n"})
    repo.task("t", "head -c 3000 /dev/zero > src/big", owns=["src/**"], budget={"attempts": 1})
    repo.commit(message="ask")
    assert repo.reconcile().code == 4
    attempt = repo.status("t").attempts[0]
    assert "src/big is larger than 0.00099945" in attempt.reason
    assert "limits.work_file_mb in policy.yaml" in attempt.reason
    assert repo.git("cat-file", "-s", f"{attempt.salvage}:src/big") == "3000"
