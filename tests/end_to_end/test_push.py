"""Landings are pushed to real remotes: the remote is asked first, and what others pushed is followed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmgit.app.fsck import check
from swarmgit.app.look import look
from swarmgit.model.actions import StartPush
from swarmgit.plan.pushes import standing
from tests.conftest import Repo


class Killed(BaseException):
    """The process ends here."""


def with_remote(repo: Repo, *, configured: bool = True) -> Path:
    """Give the repository a bare remote `origin` that has its main branch."""
    bare = repo.root.parent / "remote.git"
    repo.git("init", "-q", "--bare", str(bare))
    repo.git("remote", "add", "origin", str(bare))
    if configured:
        repo.swarm["push"] = {"remote": "origin"}
    repo.start()
    repo.git("push", "-q", "origin", "main")
    return bare


def colleague(repo: Repo, bare: Path) -> Path:
    """Return another person's clone."""
    clone = repo.root.parent / "colleague"
    repo.git("clone", "-q", str(bare), str(clone))
    return clone


def push_by_colleague(repo: Repo, clone: Path, name: str) -> str:
    repo.git("pull", "-q", cwd=clone)
    (clone / name).write_text("theirs\n")
    repo.git("add", "-A", cwd=clone)
    repo.git("commit", "-q", "-m", f"add {name}", cwd=clone)
    repo.git("push", "-q", "origin", "main", cwd=clone)
    return repo.git("rev-parse", "HEAD", cwd=clone)


def remote_head(repo: Repo, bare: Path) -> str:
    return repo.git("rev-parse", "main", cwd=bare)


def standing_of(repo: Repo) -> tuple[str, int, str]:
    world = repo.world()
    try:
        seen = look(world)
        assert seen.desired.swarm is not None
        found = standing(seen.desired.swarm, seen.observed)
        assert found is not None
        return found.state, found.unpushed, found.text
    finally:
        world.close()


def assert_sound(repo: Repo) -> None:
    world = repo.world()
    try:
        assert check(world).violations == ()
        assert world.executor.poll() == {}
    finally:
        world.close()
    assert repo.git("for-each-ref", "refs/swarm/candidate") == ""


def fuse(name: str, do: Callable[[], object]) -> Callable[[str], None]:
    """Return a fault that does something once, at the first call of that name."""
    todo = [do]

    def at(called: str) -> None:
        if called == name and todo:
            todo.pop()()

    return at


def die() -> None:
    raise Killed


def test_without_push_in_the_settings_nothing_leaves_the_repository(repo: Repo) -> None:
    bare = with_remote(repo, configured=False)
    before = remote_head(repo, bare)
    repo.task("a")
    repo.commit(message="ask")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]
    assert remote_head(repo, bare) == before
    assert repo.git("for-each-ref", "refs/swarm/remote") == ""


def test_a_landing_is_on_the_remote_and_only_the_target_branch_is(repo: Repo) -> None:
    bare = with_remote(repo)
    repo.task("a")
    repo.task("b")
    repo.commit(message="ask")
    repo.git("tag", "-m", "mine", "mine")
    assert repo.reconcile().code == 0
    assert sorted(repo.landed()) == ["a", "b"]
    assert remote_head(repo, bare) == repo.git("rev-parse", "main")
    assert repo.git("for-each-ref", "--format=%(refname)", cwd=bare) == "refs/heads/main"
    assert standing_of(repo)[0] == "even"
    assert_sound(repo)


def test_another_branch_can_be_named(repo: Repo) -> None:
    repo.swarm["push"] = {"remote": "origin", "branch": "swarm/landed"}
    bare = with_remote(repo, configured=False)
    repo.task("a")
    repo.commit(message="ask")
    assert repo.reconcile().code == 0
    assert repo.git("rev-parse", "swarm/landed", cwd=bare) == repo.git("rev-parse", "main")


def test_the_target_moves_only_after_the_remote_took_the_commit(repo: Repo) -> None:
    bare = with_remote(repo)
    repo.task("a")
    repo.commit(message="ask")
    before = repo.git("rev-parse", "main")
    heads: list[tuple[str, str]] = []
    note = fuse("landing: recorded", lambda: heads.append((repo.git("rev-parse", "main"), remote_head(repo, bare))))
    repo.reconcile(fault=note)
    assert heads == [(before, repo.git("rev-parse", "main"))]


def test_what_a_colleague_pushed_in_between_is_followed_and_the_change_is_gated_on_top_of_it(repo: Repo) -> None:
    bare = with_remote(repo)
    clone = colleague(repo, bare)
    repo.task("a")
    repo.commit(message="ask")
    repo.git("push", "-q", "origin", "main")
    theirs: list[str] = []
    result = repo.reconcile(fault=fuse("StartPush", lambda: theirs.append(push_by_colleague(repo, clone, "c.txt"))))
    assert (result.code, repo.landed()) == (0, ["a"])
    (entry,) = repo.entries()
    assert entry.candidate is not None
    assert entry.candidate.base == theirs[0]
    assert [e.kind for e in entry.events if e.kind in {"abandoned", "landed"}] == ["abandoned", "landed"]
    assert remote_head(repo, bare) == repo.git("rev-parse", "main")
    assert (repo.root / "c.txt").read_text() == "theirs\n"
    assert repo.git("status", "--porcelain") == ""
    assert_sound(repo)


def test_a_colleagues_merge_whose_first_parent_is_their_own_line_is_followed_too(repo: Repo) -> None:
    bare = with_remote(repo)
    clone = colleague(repo, bare)
    (clone / "mine").write_text("x")
    repo.git("add", "-A", cwd=clone)
    repo.git("commit", "-q", "-m", "mine", cwd=clone)
    repo.task("a")
    repo.commit(message="ask")
    repo.git("push", "-q", "origin", "main")
    repo.git("pull", "-q", "--no-rebase", "--no-edit", cwd=clone)
    repo.git("push", "-q", "origin", "main", cwd=clone)
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]
    assert_sound(repo)


def test_an_edit_in_the_way_of_following_is_kept_and_named(repo: Repo) -> None:
    bare = with_remote(repo)
    clone = colleague(repo, bare)
    repo.task("a")
    repo.commit(message="ask")
    repo.git("push", "-q", "origin", "main")
    repo.git("pull", "-q", cwd=clone)
    push_by_colleague(repo, clone, "README.md")
    (repo.root / "README.md").write_text("mine\n")
    assert repo.reconcile().code == 4
    assert "README.md" in repo.status("a").reason
    assert (repo.root / "README.md").read_text() == "mine\n"
    repo.git("checkout", "README.md")
    assert repo.reconcile().code == 0
    assert repo.show("README.md") == "theirs"
    assert_sound(repo)


def test_a_remote_that_is_away_stops_nothing_and_gets_all_when_it_is_back(repo: Repo) -> None:
    bare = with_remote(repo)
    away = bare.with_name("away.git")
    repo.task("a")
    repo.task("b", depends_on=["a"])
    repo.commit(message="ask")
    bare.rename(away)
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a", "b"]
    state, unpushed, text = standing_of(repo)
    assert (state, unpushed) == ("unreachable", 3)
    assert "3 commits not pushed to origin/main" in text
    away.rename(bare)
    assert repo.reconcile().code == 0
    assert remote_head(repo, bare) == repo.git("rev-parse", "main")
    assert standing_of(repo)[0] == "even"
    assert_sound(repo)


def test_histories_that_went_apart_need_a_person_and_go_on_once_they_are_merged(repo: Repo) -> None:
    bare = with_remote(repo)
    clone = colleague(repo, bare)
    push_by_colleague(repo, clone, "c.txt")
    repo.task("a")
    repo.commit(message="ask")
    assert repo.reconcile().code == 4
    assert "git pull --no-rebase origin main" in repo.status("a").reason
    assert standing_of(repo)[0] == "diverged"
    assert repo.landed() == []
    repo.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]
    assert remote_head(repo, bare) == repo.git("rev-parse", "main")
    assert_sound(repo)


def test_a_remote_that_refuses_is_named_with_its_words_and_nothing_lands(repo: Repo) -> None:
    bare = with_remote(repo)
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is closed today' >&2\nexit 1\n")
    hook.chmod(0o755)
    repo.task("a")
    repo.commit(message="ask")
    assert repo.reconcile().code == 4
    assert "main is closed today" in repo.status("a").reason
    assert repo.landed() == []
    assert standing_of(repo)[0] == "refused"
    hook.unlink()
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]
    assert_sound(repo)


@pytest.mark.default_cases("Land")
@pytest.mark.parametrize(
    "step", ["StartPush", "push: published", "executor.spawn", "Land", "landing: recorded", "FollowRemote"]
)
def test_killed_around_the_push_it_reaches_the_same_end(repo: Repo, step: str) -> None:
    bare = with_remote(repo)
    clone = colleague(repo, bare)
    repo.task("a")
    repo.commit(message="ask")
    repo.git("push", "-q", "origin", "main")
    push_by_colleague(repo, clone, "c.txt")
    seen: list[str] = []

    def at(name: str) -> None:
        seen.append(name)
        if name == step and (step != "executor.spawn" or "StartPush" in seen):
            raise Killed

    with pytest.raises(Killed):
        repo.reconcile(fault=at)
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]
    assert remote_head(repo, bare) == repo.git("rev-parse", "main")
    assert_sound(repo)


@pytest.mark.slow
def test_killed_between_push_and_move_and_pushed_over_by_others_it_still_lands_once(repo: Repo) -> None:
    bare = with_remote(repo)
    clone = colleague(repo, bare)
    repo.task("a")
    repo.commit(message="ask")
    with pytest.raises(Killed):
        repo.reconcile(fault=fuse("Land", die))
    push_by_colleague(repo, clone, "c.txt")
    repo.git("fetch", "-q", "origin")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]
    assert [entry.state for entry in repo.entries()] == ["landed"]
    repo.task("b")
    repo.commit(message="ask again")
    assert repo.reconcile().code in {0, 4}
    assert_sound(repo)


def test_the_same_push_is_not_started_twice(repo: Repo) -> None:
    with_remote(repo)
    repo.task("a")
    repo.commit(message="ask")
    pushes: list[StartPush] = []
    repo.reconcile(on_tick=lambda report: pushes.extend(a for a in report.actions if isinstance(a, StartPush)))
    assert len({push.spec.id for push in pushes}) == 1  # on a slow machine its start is repeated, which is the same


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_swarms_on_one_remote_lose_no_commit(tmp_path: Path) -> None:
    first = Repo(tmp_path / "first")
    bare = with_remote(first)
    names = {"x": [f"x{n}" for n in range(10)], "y": [f"y{n}" for n in range(10)]}
    for name in [*names["x"], *names["y"]]:
        first.task(name)
    first.commit(message="ask")
    first.git("push", "-q", "origin", "main")
    second = Repo(tmp_path / "second")
    shutil.rmtree(second.root)
    first.git("clone", "-q", str(bare), str(second.root))
    for name in names["y"]:
        second.agent(name, f"echo {name} > {name}.txt")
    results: dict[str, object] = {}

    def run(key: str, repo: Repo) -> None:
        results[key] = repo.reconcile(timeout_s=200, only=frozenset(names[key]))

    threads = [threading.Thread(target=run, args=("x", first)), threading.Thread(target=run, args=("y", second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    followed = [repo.git("ls-tree", "-r", "--name-only", "swarm/state", "followed") for repo in (first, second)]
    assert any(followed), "they have to meet"
    files = first.git("ls-tree", "--name-only", "main", cwd=bare).split()
    assert {f"{name}.txt" for key in names for name in names[key]} <= {*files}
    for repo in (first, second):
        world = repo.world()
        assert check(world).violations == ()
        world.close()
        assert first.git("merge-base", "--is-ancestor", repo.git("rev-parse", "main"), "main", cwd=bare) == ""
