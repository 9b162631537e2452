"""P5: a person's branch, index, working tree and stash are never changed, but for a landing on the target, and a
checkout of the target follows only where no edit of theirs is in the way."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from person_state import PersonState, git, person_state

from swarmgit.app.run import TickReport
from tests.conftest import Repo

TARGET = ("refs/heads/main",)


def two_tasks(repo: Repo, nap: str = "0.2") -> Repo:
    repo.start({"README.md": "hello\n", "notes.txt": "notes\n", "todo.txt": "todo\n"})
    repo.task("first", f"sleep {nap}; echo first > first.txt")
    repo.task("second", "cat first.txt > second.txt", depends_on=["first"])
    repo.commit(message="ask")
    return repo


def once(act: Callable[[], object], at_tick: int = 2) -> Callable[[TickReport], None]:
    """Do something to the repository in the middle of a run."""

    def on_tick(report: TickReport) -> None:
        if report.number == at_tick:
            act()

    return on_tick


def assert_landed_both(repo: Repo) -> None:
    assert repo.landed() == ["first", "second"]
    assert repo.show("second.txt") == "first"
    assert repo.phases() == {"first": "landed", "second": "landed"}


@pytest.mark.default_cases("checkout-6", "stash-2", "clean-6")
@pytest.mark.parametrize("tick", [2, 6, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4))])
@pytest.mark.parametrize(
    "command",
    [("checkout", "-q", "other"), ("stash", "-u"), ("reset", "-q", "--hard"), ("clean", "-fdxq")],
    ids=lambda command: command[0],
)
def test_a_git_command_in_the_middle_of_a_run_loses_nothing(repo: Repo, command: tuple[str, ...], tick: int) -> None:
    two_tasks(repo)
    repo.git("branch", "other")
    repo.write({"notes.txt": "mine\n", "untracked.txt": "mine too\n"})

    result = repo.reconcile(on_tick=once(lambda: repo.git(*command), tick))

    assert result.code == 0
    assert_landed_both(repo)
    if command[0] == "checkout":
        assert repo.git("rev-parse", "other") == repo.git("rev-parse", "HEAD")
        assert repo.git("status", "--porcelain") == "M notes.txt\n?? untracked.txt"
        assert not (repo.root / "second.txt").exists()
    else:
        expected = {"stash": "", "reset": "?? untracked.txt", "clean": "M notes.txt"}[command[0]]
        assert repo.git("status", "--porcelain") == expected
        assert (repo.root / "second.txt").read_text() == "first\n"
    if command[0] == "stash":
        assert repo.git("stash", "list").count("\n") == 0
        repo.git("stash", "pop", "-q")
        assert (repo.root / "notes.txt").read_text() == "mine\n"
        assert (repo.root / "untracked.txt").read_text() == "mine too\n"
    assert (repo.root / ".swarm" / "state" / "tasks" / "second.yaml").exists()


@pytest.mark.slow
def test_git_commands_while_an_agent_is_at_work_lose_nothing(repo: Repo) -> None:
    two_tasks(repo, nap="1.2")
    repo.git("branch", "other")
    failures: list[str] = []

    def disturb() -> None:
        for command in (("clean", "-fdxq"), ("checkout", "-q", "other"), ("stash", "-u"), ("checkout", "-q", "main"),
                        ("reset", "-q", "--hard")):  # fmt: skip
            done = subprocess.run(["git", *command], cwd=repo.root, capture_output=True, text=True, check=False)
            if done.returncode and "index.lock" not in done.stderr:
                failures.append(done.stderr)
            time.sleep(0.15)

    person = threading.Thread(target=disturb)
    result = repo.reconcile(on_tick=once(person.start, 1))
    person.join()

    assert failures == []
    assert result.code == 0
    assert_landed_both(repo)
    assert repo.git("status", "--porcelain") == ""


def test_a_person_on_another_branch_keeps_everything(repo: Repo) -> None:
    two_tasks(repo)
    repo.git("checkout", "-q", "-b", "other")
    repo.write({"README.md": "staged\n"})
    repo.git("add", "README.md")
    repo.write({"notes.txt": "unstaged\n", "new.txt": "untracked\n", "first.txt": "mine, though main gets one\n"})
    repo.write({"todo.txt": "stashed\n"})
    repo.git("stash", "push", "-q", "--", "todo.txt")
    before = person_state(repo.root, but=TARGET)

    result = repo.reconcile()

    assert result.code == 0
    assert_landed_both(repo)
    assert person_state(repo.root, but=TARGET) == before


def test_a_checkout_of_the_target_follows_and_keeps_unrelated_edits(repo: Repo) -> None:
    two_tasks(repo)
    repo.write({"README.md": "staged\n"})
    repo.git("add", "README.md")
    repo.write({"notes.txt": "unstaged\n", "new.txt": "untracked\n"})
    before = person_state(repo.root, but=TARGET)

    result = repo.reconcile()

    assert result.code == 0
    assert_landed_both(repo)
    assert repo.git("status", "--porcelain") == "M  README.md\n M notes.txt\n?? new.txt"
    assert without_landed(person_state(repo.root, but=TARGET)) == without_landed(before)
    assert (repo.root / "second.txt").read_text() == "first\n"


def without_landed(state: PersonState) -> tuple[object, ...]:
    landed = ("first.txt", "second.txt")
    index = [line for line in state.index.splitlines() if not line.endswith(landed)]
    files = {name: content for name, content in state.files.items() if name not in landed}
    return state.head, state.branches, index, state.stash, files, state.config


def test_a_linked_worktree_on_the_target_follows_and_the_main_one_stays(repo: Repo, tmp_path: Path) -> None:
    two_tasks(repo)
    repo.git("checkout", "-q", "-b", "other")
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "-q", str(linked), "main")
    (linked / "notes.txt").write_text("unstaged, in the linked one\n")
    before = person_state(repo.root, but=TARGET)

    result = repo.reconcile()

    assert result.code == 0
    assert_landed_both(repo)
    assert person_state(repo.root, but=TARGET) == before
    assert (linked / "second.txt").read_text() == "first\n"
    assert git(linked, "status", "--porcelain") == " M notes.txt\n"


def test_a_linked_worktree_with_an_edit_in_the_way_makes_the_landing_wait(repo: Repo, tmp_path: Path) -> None:
    two_tasks(repo)
    repo.git("checkout", "-q", "-b", "other")
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "-q", str(linked), "main")
    (linked / "first.txt").write_text("mine\n")

    result = repo.reconcile()

    assert result.code == 4
    assert repo.landed() == []
    assert (linked / "first.txt").read_text() == "mine\n"


@pytest.mark.default_cases("untracked")
@pytest.mark.parametrize("how", ["untracked", "unstaged", "staged"])
def test_an_edit_in_the_way_makes_the_landing_wait_and_says_for_which_file(repo: Repo, how: str) -> None:
    # given a task that changes a file which the person is editing as well
    repo.start({"shared.txt": "one\n"})
    name = "new.txt" if how == "untracked" else "shared.txt"
    repo.task("edit", f"echo theirs > {name}", owns=[name])
    repo.commit()
    repo.write({name: "mine\n"})
    if how == "staged":
        repo.git("add", name)
    before = person_state(repo.root)

    # when reconcile settles
    result = repo.reconcile()

    # then nothing of the person's has changed, and it says what it waits for
    assert result.code == 4
    assert person_state(repo.root) == before
    assert repo.landed() == []
    status = repo.status("edit")
    assert status.phase == "queued"
    assert re.search(rf"\b{name}\b", status.reason)

    # and when the person puts the edit away, it lands
    repo.git("stash", "push", "-q", "-u", "--", name)
    after = repo.reconcile()
    assert (after.code, after.reason) == (0, "settled")
    assert repo.landed() == ["edit"]
    assert repo.phases() == {"edit": "landed"}
    assert (repo.root / name).read_text() == "theirs\n"


@pytest.mark.slow
def test_a_landing_that_waits_goes_on_by_itself_while_reconcile_runs(repo: Repo) -> None:
    repo.start()
    repo.task("edit", "echo theirs > new.txt", owns=["new.txt"])
    repo.task("slow", "sleep 3; echo slow > slow.txt")
    repo.commit()
    repo.write({"new.txt": "mine\n"})
    waited: list[int] = []

    def on_tick(report: TickReport) -> None:
        if any("new.txt" in view.reason for view in report.look.plan.views.values()):
            waited.append(report.number)
            (repo.root / "new.txt").unlink(missing_ok=True)

    result = repo.reconcile(on_tick=on_tick)

    assert waited
    assert result.code == 0
    assert sorted(repo.landed()) == ["edit", "slow"]


def test_other_work_lands_while_one_landing_waits(repo: Repo) -> None:
    repo.start()
    repo.task("edit", "echo theirs > new.txt", owns=["new.txt"], priority="high")
    repo.task("other", "sleep 0.5; echo other > other.txt")
    repo.commit()
    repo.write({"new.txt": "mine\n"})

    result = repo.reconcile()

    assert result.code == 4
    assert repo.phases()["edit"] == "queued"
    assert (repo.root / "new.txt").read_text() == "mine\n"


def test_a_bare_repository_works_and_stays_bare(tmp_path: Path) -> None:
    source = two_tasks(Repo(tmp_path / "source"))
    bare = Repo(tmp_path / "bare", bare=True)
    for script in source.agents.iterdir():
        (bare.agents / script.name).write_text(script.read_text().replace(str(source.agents), str(bare.agents)))
    swarm = (source.root / ".swarm/swarm.yaml").read_text().replace(str(source.agents), str(bare.agents))
    source.commit({".swarm/swarm.yaml": swarm})
    source.git("push", "-q", str(bare.root), "main:main")

    result = bare.reconcile()

    assert result.code == 0
    assert_landed_both(bare)
    assert bare.git("rev-parse", "--is-bare-repository") == "true"
    assert not (bare.root / ".swarm").exists()
    assert not (bare.root / "index").exists()


def test_the_state_checkout_comes_back_when_it_is_deleted(repo: Repo) -> None:
    two_tasks(repo)
    repo.reconcile()
    subprocess.run(["rm", "-rf", str(repo.root / ".swarm" / "state"), str(repo.root / ".swarm" / "run")], check=True)

    assert repo.reconcile().code == 0

    assert (repo.root / ".swarm" / "state" / "tasks" / "first.yaml").exists()
    assert repo.git("-C", ".swarm/state", "status", "--porcelain") == ""
    assert repo.git("status", "--porcelain") == ""
