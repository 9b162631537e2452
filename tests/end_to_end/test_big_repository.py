"""A repository of a real public size: 20,000 files, made by a script."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import Repo

PACKAGES, MODULES = 200, 100


def _stream() -> Iterator[bytes]:
    """Yield a fast-import stream of one commit with 20,000 small, different files."""
    yield b"commit refs/heads/main\ncommitter Pat Person <pat@example.org> 1700000000 +0000\ndata 5\nbegin\n"
    for package in range(PACKAGES):
        for module in range(MODULES):
            body = f"# module {module} of package {package}\n".encode() + b"x = 1\n" * 20
            yield b"M 644 inline pkg%03d/src/m%03d.py\ndata %d\n%s\n" % (package, module, len(body), body)
    yield b"M 644 inline pyproject.toml\ndata 16\n[tool.pytest]\n#\n\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_init_and_three_tasks_land_in_a_repository_of_20000_files(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repo.root, input=b"".join(_stream()), check=True)
    repo.git("reset", "-q", "--hard", "main")
    repo.swarmgit("init")
    assert repo.git("status", "--porcelain") == ""
    repo.write({".swarm/swarm.yaml": yaml.safe_dump(repo.swarm)})
    repo.write(
        {".swarm/gates.yaml": yaml.safe_dump({"version": 1, "gates": [{"name": "there", "run": "test -d pkg199"}]})}
    )
    for number in range(3):
        folder = f"pkg{number:03d}"
        repo.task(f"fix-{number}", f"echo y = {number} >> {folder}/src/m000.py", owns=[f"{folder}/**"])
    repo.commit()

    done = repo.swarmgit("reconcile", timeout_s=200)

    assert done.returncode == 0
    assert sorted(repo.landed()) == ["fix-0", "fix-1", "fix-2"]
    assert repo.show("pkg002/src/m000.py").endswith("y = 2")
    assert repo.git("status", "--porcelain") == ""
    assert repo.swarmgit("fsck").returncode == 0
