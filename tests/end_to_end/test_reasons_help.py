"""The command that a reason names helps: it changes the reason, or shows what is waited for."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from swarmgit.model.reasons import REASONS
from tests.conftest import Repo


@dataclass(frozen=True)
class Helps:
    """`kind`: the reason of `task`. `shows`: what its command prints; '': it changes the reason."""

    kind: str
    shows: str = ""
    task: str = "a"
    code: int = 0


Scenario = Callable[[Repo], Helps]


def asked(repo: Repo, script: str | None = None, **fields: Any) -> Repo:
    """One task, committed and not looked at yet."""
    repo.start()
    repo.task("a", script, **fields)
    repo.commit()
    return repo


def freeze(repo: Repo) -> Helps:
    asked(repo).swarmgit("freeze")
    return Helps("freeze")


def paused(repo: Repo) -> Helps:
    asked(repo).swarmgit("task", "pause", "a")
    return Helps("paused")


def suspended(repo: Repo) -> Helps:
    asked(repo, suspend=True)
    return Helps("suspended", ".swarm/tasks/a.yaml")


def valid_intent(repo: Repo) -> Helps:
    repo.start()
    repo.commit({".swarm/tasks/a.yaml": "version: 1\ntitle: [\n"})
    return Helps("valid intent", ".swarm/tasks/a.yaml", code=1)


def dependency(repo: Repo) -> Helps:
    asked(repo, suspend=True)
    repo.task("b", depends_on=["a"])
    repo.commit()
    return Helps("dependency", "a: waiting", task="b")


def starting(repo: Repo) -> Helps:
    asked(repo)
    return Helps("starting", "starting with")


def at_work(repo: Repo) -> Repo:
    asked(repo, script="echo here; sleep 60", owns=["a.txt"])
    repo.task("b", owns=["a.txt"])
    repo.task("c")
    repo.swarm["agents_max"] = 1
    repo.configure()
    repo.commit()
    repo.reconcile(timeout_s=1)
    return repo


def session(repo: Repo) -> Helps:
    at_work(repo)
    return Helps("session", "here")


def ownership(repo: Repo) -> Helps:
    at_work(repo)
    return Helps("file ownership", "a: running", task="b")


def slot(repo: Repo) -> Helps:
    at_work(repo)
    return Helps("slot", "a ", task="c")


def day_budget(repo: Repo) -> Helps:
    repo.swarm["budget"] = {"usd_per_day": 1.0}
    asked(repo, """echo '{"type": "usage", "input_tokens": 10, "usd": 2.0}'; echo x > a.txt""")
    repo.task("b", depends_on=["a"])
    repo.commit()
    repo.reconcile()
    return Helps("budget of the day", "2", task="b")


def red_target(repo: Repo) -> Helps:
    repo.gates = [{"name": "check", "run": "false"}]
    asked(repo).reconcile()
    return Helps("red target", "check")


def review(repo: Repo) -> Helps:
    asked(repo, review="full").reconcile()
    return Helps("review", "a.txt")


def queue_paused(repo: Repo) -> Helps:
    asked(repo).swarmgit("queue", "pause")
    repo.reconcile()
    return Helps("queue paused")


def attempts(repo: Repo) -> Helps:
    asked(repo, "exit 1", budget={"attempts": 1}).reconcile()
    return Helps("attempts")


def claimed(repo: Repo) -> Helps:
    asked(repo)
    repo.commit(message="I did it myself\n\nSwarm-Task: a")
    repo.reconcile()
    return Helps("claimed")


def landing_gone(repo: Repo) -> Helps:
    asked(repo).reconcile()
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.reconcile()
    return Helps("landing gone")


def edit(repo: Repo) -> Helps:
    asked(repo)
    repo.write({"a.txt": "mine\n"})
    repo.reconcile()
    return Helps("edit", "a.txt")


def convoy(repo: Repo) -> Helps:
    asked(repo)
    repo.task("b", suspend=True)
    together = {"version": 1, "title": "Both", "tasks": ["a", "b"], "on_failure": "hold"}
    repo.commit({".swarm/convoys/both.yaml": yaml.safe_dump(together)})
    repo.reconcile()
    return Helps("convoy", "b")


def diverged(repo: Repo) -> Helps:
    bare = repo.root.parent / "remote.git"
    repo.git("init", "-q", "--bare", str(bare))
    repo.git("remote", "add", "origin", str(bare))
    repo.swarm["push"] = {"remote": "origin"}
    repo.start()
    repo.git("push", "-q", "origin", "main")
    clone = repo.root.parent / "colleague"
    repo.git("clone", "-q", str(bare), str(clone))
    repo.git("commit", "-q", "--allow-empty", "-m", "theirs", cwd=clone)
    repo.git("push", "-q", "origin", "main", cwd=clone)
    repo.task("a")
    repo.commit(message="ask")
    repo.git("fetch", "-q", "origin")
    repo.reconcile(timeout_s=20)
    return Helps("diverged")


SCENARIOS = {
    "freeze": freeze,
    "paused": paused,
    "suspended": suspended,
    "valid intent": valid_intent,
    "dependency": dependency,
    "starting": starting,
    "session": session,
    "file ownership": ownership,
    "slot": slot,
    "budget of the day": day_budget,
    "red target": red_target,
    "review": review,
    "queue paused": queue_paused,
    "attempts": attempts,
    "claimed": claimed,
    "landing gone": landing_gone,
    "edit": edit,
    "convoy": convoy,
    "diverged": diverged,
}


def why(repo: Repo, task: str) -> dict[str, Any] | None:
    return json.loads(repo.swarmgit("why", task, "--json").stdout)["why"]  # type: ignore[no-any-return]


def run(repo: Repo, command: str) -> tuple[int, str]:
    program, *words = shlex.split(command)
    if program == "swarmgit":
        called = repo.swarmgit(*words, check=False)
        return called.returncode, called.stdout + called.stderr
    done = subprocess.run([program, *words], cwd=repo.root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.default_cases("freeze")
@pytest.mark.parametrize("kind", SCENARIOS)
def test_the_command_of_a_reason_changes_it_or_shows_what_is_waited_for(repo: Repo, kind: str) -> None:
    told = SCENARIOS[kind](repo)
    found = why(repo, told.task)
    assert found is not None
    assert (found["kind"], told.kind) == (kind, kind)
    rows = json.loads(repo.swarmgit("status", "--json").stdout)["tasks"]
    assert next(row["why"] for row in rows if row["id"] == told.task) == found

    code, said = run(repo, found["command"])

    assert (code, told.shows in said) == (told.code, True), said
    if not told.shows:
        after = why(repo, told.task)
        assert after is None or after["kind"] != kind


@pytest.mark.slow
def test_the_other_commands_do_no_harm_where_there_is_nothing_to_help(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.task("b", suspend=True)
    repo.commit({".swarm/convoys/both.yaml": yaml.safe_dump({"version": 1, "title": "Both", "tasks": ["a", "b"]})})
    repo.reconcile()
    entry = repo.entries()[0].id
    names = {
        "task": "b",
        "other": "a",
        "convoy": "both",
        "entry": entry,
        "session": repo.status("a").attempts[0].session,
    }
    for kind in REASONS.keys() - SCENARIOS.keys():
        code, said = run(repo, REASONS[kind].command.format(**names))
        assert code == 0 or kind in {"claimed", "landing gone"}, (kind, said)
