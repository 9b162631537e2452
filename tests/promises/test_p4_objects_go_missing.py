"""P3 and P4 where objects that open work stands on are gone: the work is lost, that is told, and the task runs again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmgit.app.run import TickReport
from swarmgit.model.actions import saves
from swarmgit.model.queue import Entry
from tests.conftest import Repo, unpack

GONE = "cannot be had"


def engine(repo: Repo) -> Path:
    return repo.root / ".git" / "swarmgit" / "engine.git"


def everywhere(repo: Repo) -> list[Path]:
    return [engine(repo) / "objects", repo.root / ".git" / "objects"]


def forget_history(repo: Repo) -> None:
    """Amend the commit that the target is at, and collect what that leaves behind."""
    repo.git("commit", "-q", "--amend", "-m", "in other words")
    repo.git("reflog", "expire", "--all", "--expire=now")
    repo.git("gc", "-q", "--prune=now")


def forget_engine(repo: Repo) -> None:
    shutil.rmtree(engine(repo))


def clone(repo: Repo) -> None:
    """Go on in a clone: it has the branches and nothing else."""
    other = repo.root.parent / "clone"
    repo.git("clone", "-q", "--no-local", str(repo.root), str(other))
    repo.root = other
    repo.git("config", "user.name", "Pat")


def of(repo: Repo, rev: str) -> str:
    """Return an object's id, by the engine, which sees all of them."""
    return repo.git("--git-dir", str(engine(repo)), "rev-parse", rev)


def damage(repo: Repo, oid: str, how: Callable[[Path], None]) -> None:
    """Damage every copy of an object; packs are unpacked first."""
    for objects in everywhere(repo):
        unpack(objects.parent)
        loose = objects / oid[:2] / oid[2:]
        if loose.exists():
            loose.chmod(0o644)
            how(loose)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:12])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 0xFF
    path.write_bytes(content)


DAMAGE = {"removed": Path.unlink, "empty": empty, "cut": cut, "flipped": flip}


def queued(repo: Repo) -> str:
    """Bring one task into a paused queue and return the commit that it submitted."""
    repo.start({"README.md": "hello\n", "a/b/deep.txt": "deep\n"})
    repo.task("it")
    repo.commit()
    repo.swarmgit("queue", "pause")
    assert repo.reconcile().code in {0, 4}
    assert repo.phases() == {"it": "queued"}
    head = repo.status("it").attempts[-1].head
    assert head is not None
    return head


def running(repo: Repo, script: str = "sleep 1; echo it > it.txt") -> None:
    repo.start()
    repo.task("it", script)
    repo.commit()
    for _ in range(2):  # started, then recorded
        repo.reconcile(mode="once")
    assert repo.phases() == {"it": "running"}


def outcomes(repo: Repo) -> list[str]:
    return [attempt.outcome for attempt in repo.status("it").attempts]


def incidents(repo: Repo) -> str:
    names = repo.git("ls-tree", "-r", "--name-only", "swarm/state", "incidents").splitlines()
    return "\n".join(repo.git("show", f"swarm/state:{name}") for name in names)


def assert_ran_again(repo: Repo) -> None:
    repo.swarmgit("queue", "resume")
    result = repo.reconcile()
    assert result.code == 0, result.reason
    assert outcomes(repo) == ["lost", "landed"]
    assert GONE in repo.status("it").attempts[0].reason
    assert repo.landed() == ["it"]
    assert "not in this repository" in incidents(repo) or "broken in this repository" in incidents(repo)
    assert repo.swarmgit("fsck", check=False).returncode == 0


@pytest.mark.default_cases("clone")
@pytest.mark.parametrize("how", [clone, forget_engine], ids=["clone", "engine"])
def test_a_queued_entry_whose_commits_are_nowhere_is_dropped_and_its_task_runs_again(
    repo: Repo, how: Callable[[Repo], None]
) -> None:
    queued(repo)
    for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/submitted").splitlines():
        repo.git("update-ref", "-d", ref)
    repo.git("gc", "-q", "--prune=now")

    how(repo)

    assert_ran_again(repo)
    assert [entry.state for entry in repo.entries()] == ["dropped", "landed"]
    assert any(GONE in str(event) for event in repo.entries()[0].events)


@pytest.mark.default_cases("it.txt-removed", "a/b-cut")
@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("path", ["it.txt", "", "a/b/deep.txt", "a/b"])
def test_submitted_work_with_a_damaged_object_in_its_tree_is_lost_and_runs_again(
    repo: Repo, how: str, path: str
) -> None:
    head = queued(repo)
    oid = of(repo, f"{head}:{path}")
    if path.startswith("a/"):  # only the work still has it
        repo.commit({"a/b/deep.txt": "other\n"})

    damage(repo, oid, DAMAGE[how])

    repo.swarmgit("queue", "resume")
    result = repo.reconcile()
    assert result.code == 0, result.reason
    assert outcomes(repo) in (["lost", "landed"], ["landed"])
    assert repo.landed() == ["it"]
    assert repo.git("show", "main:it.txt") == "it"


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("spare", [True, False], ids=["engine-kept", "engine-gone"])
def test_a_base_that_was_amended_away_and_collected_costs_a_running_session_at_most_its_attempt(
    repo: Repo, spare: bool
) -> None:
    running(repo)
    forget_history(repo)
    if not spare:
        forget_engine(repo)
    time.sleep(1.2)

    result = repo.reconcile()

    assert result.code == 0, result.reason
    assert repo.landed() == ["it"]
    if outcomes(repo) == ["lost", "landed"]:
        saved = repo.status("it").attempts[0].salvage
        assert repo.git("show", f"{saved}:it.txt") == "it"
        assert GONE in repo.status("it").attempts[0].reason


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("spare", [True, False], ids=["engine-kept", "engine-gone"])
def test_a_base_that_was_amended_away_costs_verified_work_at_most_its_attempt(repo: Repo, spare: bool) -> None:
    repo.gates = [{"name": "slow", "run": "sleep 1"}]
    repo.start()
    repo.task("it")
    repo.commit()

    def amend(report: TickReport) -> None:
        phases = [view.phase for view in report.look.plan.views.values()]
        if repo.git("log", "--format=%s", "-1") == "work" and "verifying" in phases:
            forget_history(repo)
            if not spare:
                forget_engine(repo)

    result = repo.reconcile(on_tick=amend)

    assert result.code == 0, result.reason
    assert repo.landed() == ["it"]


@pytest.mark.default_cases("queued-cancel")
@pytest.mark.parametrize("word", ["restart", "cancel"])
@pytest.mark.parametrize("when", [queued, running])
def test_a_person_frees_a_task_whose_commits_are_gone(repo: Repo, when: Callable[[Repo], object], word: str) -> None:
    when(repo)
    forget_history(repo)
    forget_engine(repo)
    if word == "restart":
        repo.swarmgit("task", "restart", "it")
    else:
        repo.swarmgit("task", "cancel", "it")
    repo.swarmgit("queue", "resume")

    result = repo.reconcile()

    assert result.code == 0, result.reason
    assert repo.phases() == {"it": "landed" if word == "restart" else "cancelled"}


def test_a_candidate_that_is_gone_is_made_again(repo: Repo) -> None:
    head = queued(repo)
    repo.commit({"other.txt": "moved\n"})
    repo.swarmgit("queue", "resume")
    forgotten: list[str] = []

    def forget(report: TickReport) -> None:
        for entry in [action.value for action in report.actions if saves(action, Entry)]:
            if entry.candidate is not None and entry.state == "landing" and not forgotten:
                forgotten.append(entry.candidate.commit)
                for objects in everywhere(repo):
                    unpack(objects.parent)
                    (objects / entry.candidate.commit[:2] / entry.candidate.commit[2:]).unlink(missing_ok=True)

    result = repo.reconcile(on_tick=forget)

    assert result.code == 0, result.reason
    assert outcomes(repo) == ["landed"], (result.reason, repo.status("it"), repo.entries())
    assert repo.git("rev-parse", "main^2") == head


def test_an_emptied_alternates_file_loses_nothing(repo: Repo) -> None:
    queued(repo)
    (engine(repo) / "objects" / "info" / "alternates").write_text("")
    repo.swarmgit("queue", "resume")

    assert repo.reconcile().code == 0

    assert outcomes(repo) == ["landed"]


def submitted(repo: Repo) -> list[str]:
    return repo.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/swarm/submitted").splitlines()


def test_submitted_work_has_a_ref_until_it_has_landed(repo: Repo) -> None:
    head = queued(repo)
    session = repo.status("it").attempts[0].session
    assert submitted(repo) == [f"{head} refs/swarm/submitted/it/{session}"]

    repo.swarmgit("queue", "resume")
    assert repo.reconcile().code == 0

    assert submitted(repo) == []


@pytest.mark.default_cases("drop")
@pytest.mark.parametrize("end", ["cancel", "drop"])
def test_the_ref_of_submitted_work_is_dropped_once_it_will_not_land(repo: Repo, end: str) -> None:
    queued(repo)
    if end == "cancel":
        repo.swarmgit("task", "cancel", "it")
    else:
        repo.swarmgit("queue", "drop", repo.entries()[0].id)

    repo.reconcile()

    assert submitted(repo) == []
    assert repo.git("for-each-ref", "refs/swarm/salvage/it")


def test_a_ref_of_submitted_work_that_somebody_deleted_comes_back(repo: Repo) -> None:
    queued(repo)
    before = submitted(repo)
    repo.git("update-ref", "-d", before[0].split()[1])

    repo.reconcile()

    assert submitted(repo) == before


def test_work_with_a_secret_gets_no_ref(repo: Repo) -> None:
    repo.start()
    token = "gh" + "p_" + "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0bC2eF4hJ6"
    repo.task("it", f"echo key = {token} > it.txt", budget={"attempts": 1})
    repo.commit()
    seen: list[str] = []

    repo.reconcile(on_tick=lambda _: seen.extend(submitted(repo)))

    assert outcomes(repo) == ["rejected"]
    assert seen == []


def test_a_clone_that_fetched_submitted_work_goes_on_with_it(repo: Repo) -> None:
    head = queued(repo)
    clone(repo)
    repo.git("fetch", "-q", "origin", "refs/swarm/*:refs/swarm/*")
    repo.swarmgit("queue", "resume")

    assert repo.reconcile().code == 0

    assert outcomes(repo) == ["landed"]
    assert repo.git("rev-parse", "main^2") == head


def test_the_engine_alone_holds_what_running_and_queued_work_stands_on(repo: Repo) -> None:
    queued(repo)
    repo.task("other", "sleep 3; echo > other.txt")
    repo.commit()
    for _ in range(3):
        repo.reconcile(mode="once")
    alternates = engine(repo) / "objects" / "info" / "alternates"
    text = alternates.read_text()
    alternates.write_text("")

    for task in ("it", "other"):
        attempt = repo.status(task).attempts[-1]
        for commit in filter(None, (attempt.base, attempt.head)):
            names = repo.git("--git-dir", str(engine(repo)), "ls-tree", "-r", "--format=%(objectname)", commit)
            for name in names.splitlines():
                repo.git("--git-dir", str(engine(repo)), "cat-file", "-e", name)
    alternates.write_text(text)


def test_status_and_why_say_that_work_cannot_be_had_before_anything_is_done(repo: Repo) -> None:
    queued(repo)
    clone(repo)

    assert GONE in repo.swarmgit("why", "it").stdout
