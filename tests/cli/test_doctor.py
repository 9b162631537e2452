"""doctor names what is wrong with what everything stands on, each with the command that repairs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calls import call


def found(repo) -> dict[str, list[dict]]:
    done = call(repo, "doctor", "--json", check=False)
    by_name: dict[str, list[dict]] = {}
    for each in json.loads(done.stdout)["checks"]:
        if each["level"] != "ok":
            by_name.setdefault(each["name"], []).append(each)
    return by_name


def gate_program(repo) -> tuple[str, str, str]:
    repo.gates.append({"name": "lint", "run": "no-such-linter --all"})
    repo.configure()
    repo.commit()
    return "programs", "no-such-linter", "install no-such-linter"


def agent_program(repo) -> tuple[str, str, str]:
    repo.swarm["runtimes"]["script"]["run"] = ["no-such-agent"]
    repo.configure()
    repo.commit()
    return "programs", "no-such-agent", "swarmgit runtime list"


def known_agent(repo) -> tuple[str, str, str]:
    repo.swarm["tiers"]["fast"] = {"runtime": "claude-code"}
    repo.configure()
    repo.commit()
    return "programs", "claude", "swarmgit runtime list"


def lost_state(repo) -> tuple[str, str, str]:
    repo.git("update-ref", "-d", "refs/heads/swarm/state")
    return "state", "", "swarmgit"


def lost_engine(repo) -> tuple[str, str, str]:
    shutil.rmtree(repo.root / ".git/swarmgit/engine.git")
    return "engine", "is gone", "swarmgit reconcile"


def engine_without_link(repo) -> tuple[str, str, str]:
    (repo.root / ".git/swarmgit/engine.git/objects/info/alternates").unlink()
    return "engine", "lost its link", "swarmgit reconcile"


def stale_lock(repo) -> tuple[str, str, str]:
    lock = repo.root / ".git/refs/heads/main.lock"
    lock.touch()
    return "stale", str(lock), f"rm {lock}"


def stale_lock_of_ours(repo) -> tuple[str, str, str]:
    lock = repo.root / ".git/refs/swarm/candidate/01abc.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    os.utime(lock, (0, 0))
    return "stale", str(lock), f"rm {lock}"


def hook(repo) -> tuple[str, str, str]:
    path = repo.root / ".git/hooks/pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return "hooks", "pre-commit", "gates.yaml"


def broken_ref(repo) -> tuple[str, str, str]:
    path = repo.root / ".git/refs/swarm/salvage/api/s1"
    path.parent.mkdir(parents=True)
    path.write_text("1" * 40 + "\n")
    return "refs", "refs/swarm/salvage/api/s1", ""


def empty_ref(repo) -> tuple[str, str, str]:
    path = repo.root / ".git/refs/swarm/salvage/api/s2"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 41)
    return "refs", "refs/swarm/salvage/api/s2", ""


def mirror(repo) -> tuple[str, str, str]:
    repo.git("remote", "add", "--mirror=push", "backup", "/nonexistent")
    return "mirrors", "backup", "git config"


def stray_worktree(repo) -> tuple[str, str, str]:
    (place,) = Path(os.environ["XDG_STATE_HOME"]).glob("swarmgit/*")
    world = repo.world()
    commit = world.objects.ref("refs/heads/main")
    from swarmgit.model.desired import WorktreeConfig

    world.worktrees.lease("01stray", commit, WorktreeConfig(), "agent")
    world.close()
    return "worktrees", str(place), "swarmgit reconcile"


@pytest.mark.default_cases("mirror", "broken_ref", "gate_program", "stray_worktree", "known_agent")
@pytest.mark.parametrize(
    "plant",
    [gate_program, agent_program, known_agent, lost_state, lost_engine, engine_without_link, stale_lock, stale_lock_of_ours,
     hook, broken_ref, empty_ref, mirror, stray_worktree],
)  # fmt: skip
def test_a_planted_problem_is_found_with_its_repair(repo, plant: Callable) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    call(repo, "reconcile")
    name, words, repair = plant(repo)
    seen = found(repo).get(name, [])
    assert [each for each in seen if words in each["message"] and repair in each["repair"]], (seen, repair)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_folder_of_somebody_else_is_named(repo) -> None:
    repo.start()
    os.chown(repo.root / ".git/objects", 65534, 65534)
    (each,) = found(repo)["owners"]
    assert "chown" in each["repair"]


def test_doctor_fix_removes_a_lock_of_ours_and_leaves_that_of_the_person(repo) -> None:
    repo.start()
    stale_lock_of_ours(repo)
    stale_lock(repo)
    done = call(repo, "doctor", "--fix", check=False)
    assert "fixed stale: removed" in done.stdout
    assert not (repo.root / ".git/refs/swarm/candidate/01abc.lock").exists()
    assert (repo.root / ".git/refs/heads/main.lock").exists()


def test_a_healthy_repository_has_nothing_to_repair(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    subprocess.run(["git", "gc", "-q"], cwd=repo.root, check=True)
    call(repo, "reconcile")
    assert {name for name in found(repo) if name not in {"sandbox", "inotify", "disk"}} == set()
