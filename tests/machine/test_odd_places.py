"""A repository works wherever it lies: git knows paths as bytes, and so do we."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LOOKS = ("status", "why api", "doctor", "fsck", "validate", "plan", "events", "log", "logs api")


@pytest.mark.default_cases("not utf-8")
@pytest.mark.parametrize(
    "name",
    [b"odd\xff\xfename", b"two\nlines", b"end\n", b"-rf", b" a 'b\" $x\\", "größe → 😀".encode(), b"a:b", b"x" * 240],
    ids=["not utf-8", "a line end", "a line end last", "a dash", "quotes", "wide", "a colon", "very long"],
)
def test_a_repository_works_whatever_its_folder_is_called(repo, name: bytes) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    place = repo.root.parent / os.fsdecode(name)
    repo.root = repo.root.rename(place)

    done = repo.swarmgit("reconcile", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert repo.git("cat-file", "-p", "main:api.txt") == "api"
    assert (repo.root / "api.txt").read_text() == "api\n"
    assert repo.git("status", "--porcelain") == ""
    for look in LOOKS:
        seen = repo.swarmgit(*look.split(), check=False)
        assert (look, seen.returncode, "Traceback" in seen.stderr) == (look, 0, False)
    assert json.loads(repo.swarmgit("status", "--json").stdout)["tasks"][0]["phase"] == "landed"


@pytest.mark.slow
@pytest.mark.parametrize("name", [b"odd\xff\xfe", b"two\nlines"])
def test_worktrees_lie_wherever_the_state_home_is(repo, name: bytes) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    home = repo.root.parent / os.fsdecode(name)
    done = subprocess.run(
        [sys.executable, "-m", "swarmgit", "reconcile"],
        cwd=repo.root, env={**os.environ, "XDG_STATE_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert repo.git("cat-file", "-p", "main:api.txt") == "api"


@pytest.mark.slow
def test_a_branch_whose_name_is_not_utf_8_is_in_nobodys_way(repo) -> None:
    repo.start()
    subprocess.run([b"git", b"checkout", b"-q", b"-b", b"odd\xff"], cwd=repo.root, check=True)
    assert repo.swarmgit("status", check=False).returncode == 0
    assert repo.swarmgit("doctor", check=False).returncode == 0
