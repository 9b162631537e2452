"""Evidence holds for one environment: an upgrade makes every gate run again."""

from __future__ import annotations

import os
from pathlib import Path

from swarmgit.adapters.surroundings import surroundings
from tests.conftest import Repo


def test_a_program_that_is_installed_changes_the_environment(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    os.utime(programs, (1, 1))
    environ = {"PATH": f"{programs}:/does/not/exist"}
    before = surroundings(environ)
    assert surroundings(environ) == before
    (programs / "tool").write_text("#!/bin/sh\n")
    assert surroundings(environ) != before


def test_another_release_or_another_path_is_another_environment(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text("VERSION=12\n")
    before = surroundings({"PATH": "/usr/bin"}, release)
    release.write_text("VERSION=13\n")
    assert surroundings({"PATH": "/usr/bin"}, release) != before
    assert surroundings({"PATH": "/bin:/usr/bin"}) != surroundings({"PATH": "/usr/bin"})


def test_an_answer_is_not_reused_in_another_environment(repo: Repo, monkeypatch, tmp_path: Path) -> None:
    repo.gates = [{"name": "check", "run": f'echo x >> "{repo.agents}/runs"', "inputs": ["README.md"]}]
    repo.policy = {"sandbox": "off"}
    repo.start()
    runs = repo.agents / "runs"
    for name in ("one", "two"):
        repo.task(name)
        repo.commit()
        assert repo.reconcile().code == 0
    before = len(runs.read_text().split())
    extra = tmp_path / "extra"
    extra.mkdir()
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{extra}")
    repo.task("three")
    repo.commit()
    assert repo.reconcile().code == 0
    assert before == 1
    assert len(runs.read_text().split()) == 2
