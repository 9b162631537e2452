"""A landing never waits for what is wrong in a checkout only, and says what is: in status, why and doctor."""

from __future__ import annotations

import json
import os
import subprocess

import pytest


@pytest.mark.slow
def test_a_checkout_that_cannot_follow_is_told_until_it_does_and_others_land(repo) -> None:
    # given a checkout whose required filter works, until the landing comes
    for side in ("smudge", "clean"):
        repo.git("config", f"filter.vault.{side}", "cat")
    repo.git("config", "filter.vault.required", "true")
    repo.start({"README.md": "hello\n", ".gitattributes": "api.txt filter=vault\n"})
    repo.task("docs")
    repo.commit()
    repo.swarmgit("reconcile")
    repo.git("config", "filter.vault.smudge", "false")
    old = repo.git("rev-parse", "main")
    blob = repo.git("hash-object", "-w", "README.md")
    tree = subprocess.run(
        ["git", "mktree"], cwd=repo.root, capture_output=True, text=True, check=True,
        input=f"{repo.git('ls-tree', 'main')}\n100644 blob {blob}\tapi.txt\n",
    ).stdout.strip()  # fmt: skip
    commit = repo.git("commit-tree", "-p", old, "-m", "api", tree)

    # when a landing brings a file that the filter cannot make
    world = repo.world(lead=True)
    try:
        world.landing.land("main", old, commit)
    finally:
        world.close()

    # then it is told everywhere, nothing of the person's is locked, and nobody else waits
    (behind,) = json.loads(repo.swarmgit("status", "--json").stdout)["behind"]
    assert (behind["checkout"], behind["files"]) == (str(repo.root), ["api.txt"])
    assert "does not show api.txt yet" in repo.swarmgit("status").stdout
    assert "does not show api.txt" in repo.swarmgit("why", "docs").stdout
    assert not (repo.root / ".git/index.lock").exists()
    checks = json.loads(repo.swarmgit("doctor", "--json").stdout)["checks"]
    assert [(each["level"], "api.txt" in each["repair"]) for each in checks if each["name"] == "behind"] == [
        ("warn", True)
    ]
    assert repo.swarmgit("doctor", "--fix", check=False).returncode == 1

    # when the filter works again, doctor --fix or the next reconcile brings it along
    repo.git("config", "filter.vault.smudge", "cat")
    assert "behind: the checkouts show what has landed" in repo.swarmgit("doctor", "--fix").stdout
    assert (repo.root / "api.txt").read_text() == "hello\n"
    assert json.loads(repo.swarmgit("status", "--json").stdout)["behind"] == []


@pytest.mark.slow
def test_a_lock_that_a_dead_git_left_has_its_own_sentence_and_the_command(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    lock = repo.root / ".git/index.lock"
    lock.touch()
    os.utime(lock, (1_700_000_000, 1_700_000_000))
    done = repo.swarmgit("reconcile", "--timeout", "20", check=False)
    assert done.returncode in {1, 4}
    why = repo.swarmgit("why", "api").stdout
    for said in (done.stdout + done.stderr, why):
        assert f"a git command that is not there any more left {lock}" in said
    assert f"rm {lock}" in done.stdout + done.stderr
    assert f"next: rm {lock}\n" in why
    assert "edits of yours" not in why
    checks = json.loads(repo.swarmgit("doctor", "--json", check=False).stdout)["checks"]
    assert [each["repair"] for each in checks if each["name"] == "locks"] == [f"rm {lock}"]
    lock.unlink()
    assert repo.swarmgit("reconcile", check=False).returncode == 0
