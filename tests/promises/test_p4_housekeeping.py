"""P4: ordinary housekeeping of the person's repository, and damage to the engine, take nothing from open work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmgit.model.endings import Stop
from tests.conftest import Repo


def engine(repo: Repo) -> Path:
    return repo.root / ".git" / "swarmgit" / "engine.git"


def collect(repo: Repo) -> None:
    repo.git("reflog", "expire", "--all", "--expire=now")
    repo.git("gc", "-q", "--prune=now")


def repack(repo: Repo) -> None:
    repo.git("repack", "-a", "-d", "-q")
    repo.git("prune", "--expire=now")
    repo.git("pack-refs", "--all")


def amend(repo: Repo) -> None:
    repo.git("commit", "-q", "--amend", "-m", "in other words")
    collect(repo)


def index_packs(repo: Repo) -> None:
    repack(repo)
    repo.git("multi-pack-index", "write")
    repo.git("commit-graph", "write", "--reachable")


def move_store(repo: Repo) -> None:
    """Have the objects in another folder, as a clone with --shared has."""
    objects, store = repo.root / ".git" / "objects", repo.root.parent / "store"
    objects.rename(store)
    (objects / "pack").mkdir(parents=True)
    (objects / "info").mkdir()
    (objects / "info" / "alternates").write_text(f"{store}\n")


def replace_base(repo: Repo) -> None:
    repo.git("replace", repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD~1"))


def break_head(repo: Repo) -> None:
    (engine(repo) / "HEAD").write_text("garbage\n")


def drop_refs(repo: Repo) -> None:
    shutil.rmtree(engine(repo) / "refs")


def lock_refs(repo: Repo) -> None:
    for folder in (repo.root / ".git" / "refs/swarm/candidate", engine(repo) / "refs/swarm/candidate"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("HEAD.lock", "packed-refs.lock", "config.lock"):
        (engine(repo) / name).touch()


def empty_refs(repo: Repo) -> None:
    for root in (repo.root / ".git" / "refs/swarm", engine(repo) / "refs/swarm"):
        for path in root.rglob("*"):
            if path.is_file() and "/kept/" not in str(path):
                path.write_bytes(b"")


HOUSEKEEPING = (collect, repack, amend, index_packs, move_store, replace_base)
DAMAGE = (break_head, drop_refs, lock_refs, empty_refs)


@pytest.mark.default_cases("collect")
@pytest.mark.parametrize("what", [*HOUSEKEEPING, *DAMAGE], ids=lambda what: what.__name__)
def test_queued_work_lands_all_the_same(repo: Repo, what: Callable[[Repo], None]) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    repo.swarmgit("queue", "pause")
    repo.reconcile()

    what(repo)

    repo.swarmgit("queue", "resume")
    result = repo.reconcile()
    assert result.code == 0, result.reason
    assert [attempt.outcome for attempt in repo.status("it").attempts] == ["landed"]
    assert repo.landed() == ["it"]


@pytest.mark.default_cases("amend")
@pytest.mark.parametrize("what", [amend, repack, move_store, break_head, empty_refs], ids=lambda what: what.__name__)
def test_running_work_lands_all_the_same(repo: Repo, what: Callable[[Repo], None]) -> None:
    repo.start()
    repo.task("it", "sleep 1; echo it > it.txt")
    repo.commit()
    for _ in range(2):
        repo.reconcile(mode="once")

    what(repo)

    result = repo.reconcile()
    assert result.code == 0, result.reason
    assert [attempt.outcome for attempt in repo.status("it").attempts] == ["landed"]


@pytest.mark.slow
def test_a_lock_on_the_candidates_ref_that_a_killed_git_left_stops_no_landing(repo: Repo) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    repo.swarmgit("queue", "pause")
    repo.reconcile()
    for root in (repo.root / ".git", engine(repo)):
        lock = root / f"refs/swarm/candidate/{repo.entries()[0].id}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    repo.swarmgit("queue", "resume")

    assert repo.reconcile().code == 0

    assert repo.landed() == ["it"]
    assert not list((repo.root / ".git" / "refs" / "swarm").rglob("*.lock"))


def test_doctor_and_fsck_name_queued_work_that_cannot_be_had_and_refs_that_say_nothing(repo: Repo) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    repo.swarmgit("queue", "pause")
    repo.reconcile()
    assert repo.swarmgit("fsck").returncode == 0
    other = repo.root.parent / "clone"
    repo.git("clone", "-q", "--no-local", str(repo.root), str(other))
    repo.root = other
    empty = repo.root / ".git/refs/swarm/candidate/e"
    empty.parent.mkdir(parents=True)
    empty.touch()

    fsck, doctor = repo.swarmgit("fsck", check=False), repo.swarmgit("doctor", check=False)

    assert fsck.returncode == doctor.returncode == 1
    assert "cannot be had" in fsck.stdout
    assert "is not in this repository" in doctor.stdout
    assert "refs/swarm/candidate/e says nothing" in doctor.stdout


def test_init_and_doctor_warn_of_a_remote_that_mirrors_refs_of_ours(repo: Repo) -> None:
    repo.start()
    repo.git("remote", "add", "--mirror=push", "backup", str(repo.root.parent / "backup"))

    assert "remote backup mirrors refs/swarm" in repo.swarmgit("init").stdout
    assert "remote backup mirrors refs/swarm" in repo.swarmgit("doctor", check=False).stdout


def test_a_worktree_without_a_session_is_saved_whole_where_its_base_is_gone(repo: Repo) -> None:
    repo.start()
    repo.task("it", "echo it > it.txt; sleep 60")
    repo.commit()
    repo.reconcile(mode="once")
    world = repo.world()
    until = time.monotonic() + 30
    while alive := [name for name, job in world.executor.poll().items() if job.state == "running"]:
        assert time.monotonic() < until
        for session in alive:
            world.executor.cancel(session, Stop("the test wants it so"), 0.0)
        time.sleep(0.1)
    world.close()
    shutil.rmtree(repo.root / ".git" / "swarmgit")
    amend(repo)
    repo.swarmgit("freeze")

    repo.reconcile()

    refs = repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/salvage/orphan").splitlines()
    assert len(refs) == 1
    assert "README.md" in repo.git("ls-tree", "--name-only", refs[0])
