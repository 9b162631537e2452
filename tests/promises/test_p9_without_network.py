"""P9: without network everything works but what needs a remote model."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.conftest import Repo

ALONE = ("unshare", "--map-root-user", "--net")


def can_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="network namespaces are not available here")
def test_the_main_job_needs_no_network_at_all(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.task("b", "cat a.txt > b.txt", depends_on=["a"])
    repo.commit()

    done = subprocess.run(
        [*ALONE, sys.executable, "-m", "swarmgit", "reconcile", "--timeout", "60"],
        cwd=repo.root,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert repo.landed() == ["a", "b"]
