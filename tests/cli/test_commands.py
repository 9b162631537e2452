"""The real command line on a real repository with real agents."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime

import pytest

from tests.calls import call, document
from tests.conftest import Repo

SLOW = "echo started; echo work > slow.txt; sleep 60"


def until(condition, seconds: float = 30):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come true in time")


@pytest.fixture
def running(repo):
    """A repository with one session that runs and no reconciler."""
    repo.start()
    repo.task("slow", SLOW)
    repo.commit()
    call(repo, "reconcile", "--once")
    until(lambda: "started" in call(repo, "logs", "slow").stdout)
    return repo


def test_a_run_from_start_to_end(repo) -> None:
    # given three tasks, one of which has to wait for another
    repo.start()
    repo.task("api")
    repo.task("ui", depends_on=["api"])
    repo.task("bad", "touch BROKEN", owns=["BROKEN"], budget={"attempts": 1})
    repo.commit()

    # when it is planned
    planned = {(each["kind"], each["task"]) for each in document(repo, "plan")["actions"]}

    # then nothing has begun, and the plan says what would
    assert planned == {("start", "api"), ("start", "bad"), ("wait", "ui")}
    assert document(repo, "status")["sessions"] == []

    # when it runs
    done = call(repo, "reconcile", "--timeout", "60", check=False)

    # then what is good has landed, what is not waits for a person, and every event had its line
    assert done.returncode == 0 or done.returncode == 4
    assert " start   api  builder-0" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("look further: swarmgit why bad, ")
    status = document(repo, "status")
    rows = {each["id"]: each for each in status["tasks"]}
    assert {name: row["phase"] for name, row in rows.items()} == {"api": "landed", "ui": "landed", "bad": "failed"}
    assert rows["api"]["landed_commit"] in repo.git("log", "--format=%H", "main")
    assert (rows["bad"]["attempts"], status["queue"], status["sessions"]) == (1, [], [])

    # and every promise is kept, and everything can be looked at
    checked = document(repo, "fsck")
    assert (checked["ok"], checked["checked"], checked["violations"]) == (True, 2, [])
    assert "gate check failed" in call(repo, "why", "bad").stdout
    assert "bad: failed" in call(repo, "log").stdout
    assert "+phase: " in call(repo, "diff", "HEAD~2").stdout
    assert "create api.txt" in call(repo, "events").stdout
    assert document(repo, "gates")["gates"][0]["ever_failed"] is True
    assert len(document(repo, "queue", "list", "--all")["queue"]) == 2
    assert call(repo, "queue").stdout.startswith("the queue is empty")
    assert document(repo, "queue")["queue"] == []
    assert len(document(repo, "agents", "show", "builder-01")["recent"]) > 0
    assert "landed as" in call(repo, "queue", "show", "api").stdout
    assert sum(each["tasks_completed"] for each in document(repo, "agents")["agents"]) == 2
    blamed = document(repo, "blame", "api.txt:1")
    assert (blamed["task"], blamed["session"]) == ("api", rows["api"]["session"])
    assert "state       the state branch is readable" in call(repo, "doctor").stdout
    assert call(repo, "gc").stderr == "nothing to remove\n"
    assert "# Task bad: Do bad" in call(repo, "prompt", "bad").stdout

    # and the past is still there
    then = document(repo, "status", "--at", "HEAD~2")
    assert then["sessions"] == []
    assert call(repo, "status", "--at", "nosuch", check=False).returncode == 1


def test_status_imports_nothing_heavy(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    show = "import sys; from swarmgit.cli import main; main(); print(' '.join(sys.modules), file=sys.stderr)"
    call(repo, "reconcile", "--once")  # it fills the cache; status only reads it
    done = subprocess.run(
        [sys.executable, "-c", show, "status", "--json"], cwd=repo.root, capture_output=True, text=True, check=False
    )
    assert not {"yaml", "jsonschema", "rich", "git", "watchdog", "asyncio"} & set(done.stderr.split())


def test_stop_ends_the_session_keeps_its_work_and_pauses_its_task(running) -> None:
    # given a session at work
    (session,) = document(running, "status")["sessions"]
    assert call(running, "worktree", "path", "--unsafe", "slow").stderr.startswith(
        f"warning: session {session['id']} is at work"
    )

    # when a person stops it
    told = call(running, "stop", session["id"][:20]).stderr

    # then it is over, its task is paused, and its work is kept
    assert f"session {session['id']} has ended; task slow is paused" in told
    assert call(running, "stop", session["id"]).stderr == f"session {session['id']} is over already\n"
    call(running, "reconcile", check=False)
    (task,) = document(running, "status")["tasks"]
    assert (task["phase"], task["attempts"]) == ("waiting", 1)
    assert "paused by" in task["reason"]
    ref = f"refs/swarm/salvage/slow/{session['id']}"
    assert running.git("show", f"{ref}:slow.txt") == "work"

    # and it goes on when it is resumed
    running.agent("slow", "echo done > slow.txt")
    call(running, "task", "resume", "slow")
    call(running, "reconcile", "--timeout", "60")
    assert running.show("slow.txt") == "done"


def test_an_interrupted_reconcile_leaves_its_sessions_running_and_says_how_to_stop_them(running) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "swarmgit", "reconcile", "--watch"], cwd=running.root, stderr=subprocess.PIPE, text=True
    )
    until(lambda: f'"pid":{child.pid},' in (running.root / ".git/swarmgit/lock").read_text())
    assert "another reconcile" in call(running, "reconcile", check=False).stderr
    child.terminate()
    told = child.communicate(timeout=30)[1]
    assert child.returncode == 130
    assert "swarmgit stop SESSION" in told
    (session,) = document(running, "status")["sessions"]
    assert session["state"] == "running"


def test_a_freeze_holds_everything_until_thaw(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    call(repo, "freeze", "--reason", "fire drill")
    frozen = document(repo, "status")["frozen"]
    assert frozen["reason"] == "fire drill"
    assert datetime.fromisoformat(frozen["at"]).tzinfo is not None
    call(repo, "reconcile", check=False)
    assert [each["phase"] for each in document(repo, "status")["tasks"]] == ["waiting"]
    assert (repo.root / ".swarm/state/control/freeze.yaml").exists()
    assert "thawed" in call(repo, "thaw").stderr
    assert call(repo, "thaw").stderr == "there was no freeze\n"
    call(repo, "reconcile")
    assert repo.landed() == ["api"]


def test_a_task_is_paused_cancelled_and_restarted(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    call(repo, "task", "pause", "api", "--reason", "later")
    call(repo, "reconcile", check=False)
    assert "It is paused by" in call(repo, "why", "api").stdout
    call(repo, "task", "cancel", "api")
    call(repo, "reconcile", check=False)
    assert document(repo, "task", "show", "api")["phase"] == "cancelled"
    assert "is cancelled, not paused" in call(repo, "task", "resume", "api", check=False).stderr
    call(repo, "task", "restart", "api")
    call(repo, "reconcile")
    assert repo.landed() == ["api"]
    assert "has landed as" in call(repo, "task", "restart", "api", check=False).stderr
    assert "there is nothing to cancel" in call(repo, "task", "cancel", "api", check=False).stderr


def test_an_unknown_name_gets_a_guess_and_exit_code_1(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    for args in (["why", "apu"], ["task", "pause", "apu"], ["prompt", "apu"], ["reconcile", "--task", "apu"]):
        done = call(repo, *args, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "error: there is no task 'apu'; did you mean 'api'?\nhint: list them with: swarmgit task list\n"
        )
    assert call(repo, "logs", "nosuch", check=False).returncode == 1
    assert call(repo, "agents", "show", "nosuch", check=False).returncode == 1


def test_only_the_named_task_is_started(repo) -> None:
    repo.start()
    repo.task("api")
    repo.task("ui")
    repo.commit()
    call(repo, "reconcile", "--task", "ui", check=False)
    assert repo.landed() == ["ui"]


def test_quiet_says_nothing_but_what_was_asked_for(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    for args in (["-q", "reconcile", "--once"], ["reconcile", "-q"], ["-q", "freeze"], ["-q", "validate"]):
        done = call(repo, *args, check=False)
        assert (done.stdout, done.stderr) == ("", "")


def test_a_new_task_is_a_draft_until_it_is_committed(repo) -> None:
    repo.start()
    done = call(repo, "task", "new", "api", "--title", 'Say: "hi"', "--owns", "api.txt", "--type", "docs")
    assert done.stdout == ".swarm/tasks/api.yaml\n"
    assert document(repo, "validate")["problems"] == []
    assert document(repo, "status")["drafts"] == [".swarm/tasks/api.yaml"]
    assert document(repo, "status")["tasks"] == []
    again = call(repo, "task", "new", "api", "--title", "x", check=False)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    assert call(repo, "task", "new", "../x", "--title", "x", check=False).returncode == 2
    call(repo, "task", "new", "ui", "--title", "no scope")
    problems = document(repo, "validate", code=1)["problems"]
    assert [each["file"] for each in problems] == [".swarm/tasks/ui.yaml"]
    assert set(problems[0]) == {"file", "line", "column", "message"}


def test_a_path_is_meant_from_the_folder_where_the_command_is_given(repo) -> None:
    repo.start({"src/a.py": "x = 1\n"})
    for folder, path in (("src", "a.py"), ("src", "../src/a.py"), (".", "src/a.py")):
        told = call(repo, "-C", str(repo.root / folder), "blame", f"{path}:1").stdout
        assert told.startswith("src/a.py:1 is from ")
        assert "written by Pat Person: no agent's work" in told
    assert call(repo, "blame", "src/a.py", check=False).returncode == 2
    assert call(repo, "blame", "nosuch:1", check=False).returncode == 1


def test_init_can_be_run_twice(repo) -> None:
    repo.commit({"README.md": "hello"})
    assert "committed them on main" in call(repo, "init").stdout
    assert "nothing to do" in call(repo, "init").stdout
    assert document(repo, "validate")["problems"] == []


def test_a_schema_is_printed_and_an_unknown_kind_is_wrong_usage(repo) -> None:
    repo.start()
    assert json.loads(call(repo, "schema", "task").stdout)["type"] == "object"
    done = call(repo, "schema", "tusk", check=False)
    assert done.returncode == 2
    assert "did you mean 'task'?" in done.stderr


def test_doctor_in_a_folder_without_a_repository_names_the_repair(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "swarmgit", "-C", str(tmp_path), "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    checks = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert checks["repository"]["repair"] == "git init"


def test_a_person_pauses_the_queue_and_resumes_it(repo: Repo) -> None:
    repo.start()
    call(repo, "queue", "pause", "--reason", "release day")
    assert "paused by" in call(repo, "queue").stdout
    repo.task("a")
    repo.commit()
    repo.reconcile()
    assert repo.landed() == []
    assert "release day" in call(repo, "why", "a").stdout
    call(repo, "queue", "urgent", "a")
    call(repo, "queue", "retry", "a")
    call(repo, "queue", "resume")
    repo.reconcile()
    assert repo.landed() == ["a"]


def test_an_entry_that_a_person_drops_leaves_the_queue_and_its_task_pauses(repo: Repo) -> None:
    repo.start()
    call(repo, "queue", "pause")
    repo.task("a")
    repo.commit()
    repo.reconcile()
    call(repo, "queue", "drop", "a", "--reason", "not now")
    call(repo, "queue", "resume")
    repo.reconcile()
    assert repo.landed() == []
    assert '"state": "dropped"' in call(repo, "queue", "show", "a", "--json").stdout


def test_the_simulator_prints_a_line_for_each_algorithm(repo: Repo) -> None:
    shown = call(repo, "simulate", "queue", "--entries", "40", "--plot", str(repo.agents / "plot.svg")).stdout
    assert "one at a time" in shown
    assert (repo.agents / "plot.svg").read_text().startswith("<svg")
    table = call(repo, "simulate", "queue", "--entries", "20", "--table", "--json").stdout
    assert '"algorithm": "this queue"' in table
