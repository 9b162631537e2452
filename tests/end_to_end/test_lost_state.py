"""The state branch is gone, broken, rewound or replaced: each is told apart, said, and answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Repo, unpack

STATE = "refs/heads/swarm/state"
KEPT = "refs/swarm/kept/state"


def loose(repo: Repo, oid: str) -> Path:
    """Return an object's own file; what lies in packs is unpacked first."""
    unpack(repo.root / ".git")
    return repo.root / ".git" / "objects" / oid[:2] / oid[2:]


def incidents(repo: Repo) -> str:
    return repo.git("ls-tree", "--name-only", "swarm/state:incidents", check=False)


def is_once(repo: Repo) -> bool:
    return repo.landed() == ["one"] and repo.phases() == {"one": "landed"}


def test_the_last_state_commit_is_kept_and_the_branch_has_a_reflog(settled: Repo) -> None:
    assert settled.git("rev-parse", KEPT) == settled.git("rev-parse", STATE)
    log = settled.git("reflog", "show", "--format=%H", "swarm/state").splitlines()
    assert log[0] == settled.git("rev-parse", STATE)
    assert len(log) > 1


def test_a_bare_repository_has_a_reflog_of_its_state_too(tmp_path: Path, settled: Repo) -> None:
    bare = tmp_path / "bare.git"
    settled.git("clone", "-q", "--bare", str(settled.root), str(bare))
    settled.root = bare
    settled.swarmgit("freeze")
    assert settled.git("reflog", "show", "--format=%H", "swarm/state") != ""


def test_a_deleted_state_branch_is_put_back_and_that_is_told(settled: Repo) -> None:
    settled.swarmgit("freeze")
    settled.swarmgit("thaw")
    before = settled.git("rev-parse", STATE)
    settled.git("update-ref", "-d", STATE)

    done = settled.swarmgit("reconcile")

    assert "state branch was lost and put back" in done.stdout + done.stderr
    assert settled.git("merge-base", STATE, before) == before
    assert "the-state-branch-was-lost-and-put-back" in incidents(settled)
    assert is_once(settled)


@pytest.mark.default_cases("command0")
@pytest.mark.parametrize("command", [["status"], ["why", "one"], ["log"], ["fsck"], ["queue"], ["plan"]])
def test_until_then_other_commands_say_that_it_is_gone_and_write_nothing(settled: Repo, command: list[str]) -> None:
    settled.git("update-ref", "-d", STATE)
    done = settled.swarmgit(*command, check=False)
    assert done.returncode == 1
    assert "branch swarm/state is gone" in done.stderr
    assert "swarmgit reconcile" in done.stderr
    assert settled.git("for-each-ref", STATE) == ""


def corrupt_commit(repo: Repo) -> None:
    path = loose(repo, repo.git("rev-parse", STATE))
    path.chmod(0o600)
    path.write_bytes(b"")


def remove_commit(repo: Repo) -> None:
    loose(repo, repo.git("rev-parse", STATE)).unlink()


def remove_tree(repo: Repo) -> None:
    loose(repo, repo.git("rev-parse", f"{STATE}:tasks")).unlink()


def remove_file(repo: Repo) -> None:
    loose(repo, repo.git("rev-parse", f"{STATE}:tasks/one.yaml")).unlink()


def truncate_tree(repo: Repo) -> None:
    path = loose(repo, repo.git("rev-parse", f"{STATE}^{{tree}}"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:20])


def empty_ref(repo: Repo) -> None:
    (repo.root / ".git" / STATE).write_text("")


def garbage_ref(repo: Repo) -> None:
    (repo.root / ".git" / STATE).write_text("not an id\n")


def ref_to_nothing(repo: Repo) -> None:
    (repo.root / ".git" / STATE).write_text("1" * 40 + "\n")


DAMAGES = [
    corrupt_commit,
    remove_commit,
    remove_tree,
    remove_file,
    truncate_tree,
    empty_ref,
    garbage_ref,
    ref_to_nothing,
]


@pytest.mark.default_cases("empty_ref")
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_state_that_cannot_be_read_is_healed_from_the_last_good_commit(
    settled: Repo, damage: Callable[[Repo], None]
) -> None:
    settled.swarmgit("task", "list")
    settled.task("two")
    settled.commit()
    assert settled.reconcile().code == 0
    damage(settled)

    first = settled.reconcile()
    second = settled.reconcile()

    assert (first.code, second.code) == (0, 0), (first.reason, second.reason)
    assert sorted(settled.landed()) == ["one", "two"]
    assert settled.phases() == {"one": "landed", "two": "landed"}
    assert "the-state-branch-was-lost-and-put-back" in incidents(settled)


@pytest.mark.default_cases("empty_ref")
@pytest.mark.parametrize("damage", [corrupt_commit, remove_commit, empty_ref, ref_to_nothing])
def test_a_view_never_shows_every_task_as_new_because_state_could_not_be_read(
    settled: Repo, damage: Callable[[Repo], None]
) -> None:
    damage(settled)
    done = settled.swarmgit("status", check=False)
    assert done.returncode == 1
    assert "branch swarm/state cannot be read" in done.stderr
    assert "bug" not in done.stderr


def test_a_fetch_that_prunes_every_ref_of_ours_takes_no_state_away(settled: Repo) -> None:
    settled.swarmgit("queue", "pause")
    for ref in settled.git("for-each-ref", "--format=%(refname)", "refs/swarm", STATE).splitlines():
        settled.git("update-ref", "-d", ref)

    settled.reconcile()

    assert is_once(settled)
    assert "paused" in settled.swarmgit("queue").stdout
    assert "the-state-branch-was-lost-and-put-back" in incidents(settled)


def test_a_fetch_that_mirrors_an_earlier_state_with_its_kept_ref_is_noticed(settled: Repo) -> None:
    early = settled.git("rev-parse", STATE)
    settled.swarmgit("queue", "pause")
    for ref in (STATE, KEPT):
        settled.git("update-ref", ref, early)
    assert "rewound or replaced" in settled.swarmgit("status", check=False).stderr
    settled.swarmgit("state", "reset", "kept")
    assert "paused" in settled.swarmgit("queue").stdout


def rewind(repo: Repo) -> None:
    repo.git("update-ref", STATE, f"{STATE}~1")


def restore_a_backup(repo: Repo) -> None:
    first = repo.git("rev-list", "--max-parents=0", STATE)
    repo.git("update-ref", STATE, first)


def replace_it(repo: Repo) -> None:
    repo.git("update-ref", STATE, repo.git("commit-tree", "-m", "from elsewhere", f"{STATE}^{{tree}}"))


@pytest.mark.default_cases("rewind")
@pytest.mark.parametrize("move", [rewind, restore_a_backup, replace_it], ids=lambda each: each.__name__)
def test_a_state_branch_that_was_moved_by_somebody_stops_everything_until_a_person_answers(
    settled: Repo, move: Callable[[Repo], None]
) -> None:
    kept = settled.git("rev-parse", STATE)
    settled.task("two")
    settled.commit()
    move(settled)
    present = settled.git("rev-parse", STATE)

    for command in (["reconcile"], ["status"], ["why", "one"], ["task", "pause", "two"], ["freeze"]):
        done = settled.swarmgit(*command, check=False)
        assert done.returncode == 1, command
        assert "was rewound or replaced" in done.stderr
        assert "swarmgit state reset kept" in done.stderr
        assert "swarmgit state reset present" in done.stderr

    assert settled.git("rev-parse", STATE) == present
    assert settled.git("rev-parse", KEPT) == kept
    assert settled.landed() == ["one"]


def test_the_kept_state_is_taken_back(settled: Repo) -> None:
    kept = settled.git("rev-parse", STATE)
    restore_a_backup(settled)
    present = settled.git("rev-parse", STATE)

    settled.swarmgit("state", "reset", "kept")

    assert settled.git("rev-parse", STATE, KEPT).split() == [kept, kept]
    assert settled.git("rev-parse", f"refs/swarm/kept/states/{present[:16]}") == present
    assert settled.reconcile().code == 0
    assert is_once(settled)


def test_a_reset_is_refused_inside_a_session(settled: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    before = settled.git("rev-parse", STATE)
    monkeypatch.setenv("SWARM_SESSION", "s1")
    done = settled.swarmgit("state", "reset", "empty", check=False)
    assert done.returncode == 1
    assert "is for people" in done.stderr
    assert settled.git("rev-parse", STATE) == before


def test_a_reset_waits_for_the_end_of_a_reconcile(settled: Repo) -> None:
    world = settled.world(lead=True)
    try:
        done = settled.swarmgit("state", "reset", "HEAD~1", check=False)
    finally:
        world.close()
    assert done.returncode == 1
    assert "in use" in done.stderr


def test_a_person_who_commits_onto_the_state_branch_stops_nothing(settled: Repo) -> None:
    """A repair by hand, in the checkout or a worktree of their own, is a descendant of what was written."""
    settled.git("worktree", "add", "-q", "-f", str(settled.root.parent / "theirs"), "swarm/state")
    settled.git("commit", "-q", "--allow-empty", "-m", "by hand", cwd=settled.root.parent / "theirs")
    settled.task("two")
    settled.commit()
    assert settled.reconcile().code == 0
    assert sorted(settled.landed()) == ["one", "two"]
    assert settled.git("rev-parse", KEPT) == settled.git("rev-parse", STATE)


def test_a_kept_ref_that_is_locked_stays_behind_and_follows_later(settled: Repo) -> None:
    lock = settled.root / ".git" / f"{KEPT}.lock"
    lock.write_text("")
    settled.swarmgit("freeze")
    assert settled.git("rev-parse", KEPT) != settled.git("rev-parse", STATE)
    lock.unlink(missing_ok=True)
    settled.swarmgit("thaw")
    assert settled.git("rev-parse", KEPT) == settled.git("rev-parse", STATE)
