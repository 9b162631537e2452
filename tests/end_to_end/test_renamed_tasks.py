"""A task whose file is renamed in git keeps its story: work is neither paid nor landed twice."""

from __future__ import annotations

import json

import pytest

from swarmgit.app.fsck import check
from tests import published
from tests.conftest import Repo

OLD, NEW = ".swarm/tasks/old.yaml", ".swarm/tasks/new.yaml"


def rename(repo: Repo, old: str = OLD, new: str = NEW) -> None:
    repo.git("mv", old, new)
    repo.git("commit", "-q", "-m", "another name")


def agent(repo: Repo, script: str) -> None:
    """Let the task's agent do the same by either name, and write down each time that it is called."""
    repo.task("old", f'echo run >> "{repo.agents}/calls"\n{script}')
    repo.agent("new", (repo.agents / "old.sh").read_text())


def calls(repo: Repo) -> int:
    return len((repo.agents / "calls").read_text().splitlines())


def is_clean(repo: Repo) -> bool:
    """Return whether fsck finds nothing, and all of state holds by its published schemas."""
    world = repo.world()
    try:
        return not check(world).violations and not published.problems(repo.root)
    finally:
        world.close()


def test_a_landed_task_does_not_run_again_by_another_name(repo: Repo) -> None:
    repo.start()
    agent(repo, "echo done > old.txt")
    repo.commit()
    assert repo.reconcile().code == 0
    landed = repo.status("old").landed_commit

    rename(repo)
    assert repo.reconcile().code == 0

    assert (calls(repo), repo.landed()) == (1, ["old"])
    status = repo.status("new")
    assert (status.phase, status.landed_commit, len(status.attempts)) == ("landed", landed, 1)
    assert repo.phases() == {"new": "landed"}
    assert is_clean(repo)
    shown = json.loads(repo.swarmgit("task", "show", "old", "--json").stdout)
    assert (shown["id"], shown["renamed_from"], shown["landed_commit"]) == ("new", ["old"], landed)
    blamed = json.loads(repo.swarmgit("blame", "old.txt:1", "--json").stdout)
    assert blamed["record"]["number"] == 1
    assert "It was called old before" in repo.swarmgit("why", "new").stdout


def test_a_state_that_was_put_back_to_before_the_rename_lets_nothing_land_twice(repo: Repo) -> None:
    repo.start()
    agent(repo, "echo done > old.txt")
    repo.commit()
    assert repo.reconcile().code == 0
    before = repo.git("rev-parse", "swarm/state")
    rename(repo)
    assert repo.reconcile().code == 0

    repo.git("update-ref", "refs/heads/swarm/state", before)
    repo.swarmgit("state", "reset", "present")
    assert repo.reconcile().code == 0

    assert (calls(repo), repo.landed(), repo.phases()) == (1, ["old"], {"new": "landed"})


def test_a_task_that_has_left_for_the_archive_does_not_run_again_by_another_name(repo: Repo) -> None:
    repo.swarm["retention_days"] = 0.000000001
    repo.start()
    agent(repo, "echo done > old.txt")
    repo.commit()
    repo.reconcile()
    repo.reconcile()
    assert "tasks/old.yaml" not in repo.git("ls-tree", "-r", "--name-only", "swarm/state").splitlines()

    rename(repo)
    assert repo.reconcile().code == 0

    assert (calls(repo), repo.landed()) == (1, ["old"])
    files = repo.git("ls-tree", "-r", "--name-only", "swarm/state").splitlines()
    assert [each.split("/")[-1] for each in files if each.startswith("archive/") and each.count("/") == 3] == [
        "new.yaml"
    ]
    assert json.loads(repo.swarmgit("blame", "old.txt:1", "--json").stdout)["record"]["number"] == 1
    assert is_clean(repo)


def test_a_state_that_begins_anew_knows_what_has_landed_under_an_earlier_name(repo: Repo) -> None:
    repo.start()
    agent(repo, "echo done > old.txt")
    repo.commit()
    assert repo.reconcile().code == 0
    rename(repo)
    assert repo.reconcile().code == 0

    repo.swarmgit("state", "reset", "empty")
    assert repo.reconcile().code == 0

    assert (calls(repo), repo.landed(), repo.phases()) == (1, ["old"], {"new": "landed"})


@pytest.mark.slow
def test_a_landing_that_is_reverted_after_the_rename_is_known_by_its_old_name(repo: Repo) -> None:
    repo.start()
    agent(repo, "echo done > old.txt")
    repo.commit()
    assert repo.reconcile().code == 0
    rename(repo)
    assert repo.reconcile().code == 0
    repo.git("revert", "--no-edit", "-m", "1", str(repo.status("new").landed_commit))

    assert repo.reconcile().code == 0

    assert (calls(repo), repo.phases()) == (1, {"new": "reverted"})
    repo.swarmgit("task", "reopen", "old")
    assert repo.reconcile().code == 0
    assert (calls(repo), repo.phases(), repo.landed()) == (2, {"new": "landed"}, ["old", "new"])
    assert is_clean(repo)


@pytest.mark.slow
def test_a_task_that_waits_goes_on_with_its_attempts(repo: Repo) -> None:
    repo.start()
    agent(repo, f'test "$(grep -c run {repo.agents}/calls)" -gt 1 || exit 1\necho done > old.txt')
    repo.commit()
    repo.swarmgit("task", "pause", "old")
    repo.swarmgit("task", "resume", "old")
    repo.reconcile(on_tick=lambda _: pause_after_the_first(repo))
    assert repo.status("old").phase == "rework"

    rename(repo)
    plan = json.loads(repo.swarmgit("plan", "--json", check=False).stdout)
    assert ("rename", "new", "it was called old") in [(a["kind"], a["task"], a["reason"]) for a in plan["actions"]]
    repo.swarmgit("task", "resume", "old")
    assert repo.reconcile().code == 0

    status = repo.status("new")
    assert [(a.number, a.outcome) for a in status.attempts] == [(1, "failed"), (2, "landed")]
    assert (calls(repo), repo.landed(), repo.phases()) == (2, ["new"], {"new": "landed"})
    assert is_clean(repo)


def pause_after_the_first(repo: Repo) -> None:
    control = repo.git("show", "swarm/state:control/tasks/old.yaml", check=False)
    if "paused: true" not in control and (repo.agents / "calls").exists():
        repo.swarmgit("task", "pause", "old")


@pytest.mark.default_cases("running")
@pytest.mark.parametrize("moment", ["running", "queued"])
def test_a_file_that_is_renamed_while_its_task_is_worked_for_lands_once(repo: Repo, moment: str) -> None:
    repo.start()
    agent(repo, f'for i in $(seq 600); do test -e "{repo.agents}/go" && break; sleep 0.1; done\necho done > old.txt')
    repo.commit()
    if moment == "queued":
        (repo.agents / "go").touch()
        repo.swarmgit("queue", "pause")
    seen: list[str] = []

    def rename_once(_: object) -> None:
        if not seen and repo.git("rev-parse", "-q", "--verify", "swarm/state", check=False):
            phases = repo.phases() if "tasks" in repo.git("ls-tree", "--name-only", "swarm/state") else {}
            if phases.get("old") == moment:
                seen.append(moment)
                rename(repo)
                (repo.agents / "go").touch()
                repo.swarmgit("queue", "resume", check=False)

    assert repo.reconcile(on_tick=rename_once).code == 0

    assert seen == [moment]
    assert (calls(repo), repo.landed(), repo.phases()) == (1, ["old"], {"new": "landed"})
    assert repo.status("new").renamed_from == ("old",)
    assert is_clean(repo)


def test_a_file_that_moves_into_a_folder_stays_the_same_task(repo: Repo) -> None:
    repo.start()
    agent(repo, "echo done > old.txt")
    repo.commit()
    assert repo.reconcile().code == 0
    state = repo.git("rev-parse", "swarm/state")

    (repo.root / ".swarm/tasks/folder").mkdir()
    rename(repo, OLD, ".swarm/tasks/folder/old.yaml")
    assert repo.reconcile().code == 0

    assert (calls(repo), repo.phases()) == (1, {"old": "landed"})
    assert repo.git("rev-parse", "swarm/state") == state


@pytest.mark.slow
def test_commands_take_the_new_name_while_the_task_is_in_line(repo: Repo) -> None:
    repo.start()
    agent(repo, "echo done > old.txt")
    repo.commit()
    repo.swarmgit("queue", "pause")
    repo.reconcile()
    assert repo.phases() == {"old": "queued"}
    rename(repo)

    assert json.loads(repo.swarmgit("queue", "show", "new", "--json").stdout)["task"] == "old"
    assert "Its file is called new now" in repo.swarmgit("why", "new").stdout
    repo.swarmgit("queue", "drop", "new")
    repo.swarmgit("queue", "resume")
    repo.reconcile()
    assert repo.phases() == {"new": "waiting"}
    repo.swarmgit("task", "resume", "old")
    assert repo.reconcile().code == 0

    assert (repo.phases(), repo.landed()) == ({"new": "landed"}, ["new"])
    assert is_clean(repo)
