"""The adapter in docs/runtimes.md is a complete one: it is installed as it stands there, and lands work."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmgit import runtimes
from swarmgit.model.usage import Usage
from tests.conftest import Repo

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"


@pytest.fixture
def wren(tmp_path: Path) -> Iterator[Path]:
    """Install the page's package, and a program of that name; return the program's folder."""
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (entry,) = re.findall(r'"swarmgit.runtimes"\]\n(.*?)\n```', text, re.DOTALL)
    package = tmp_path / "package"
    info = package / "wren_for_swarmgit-1.dist-info"
    info.mkdir(parents=True)
    (package / "wren_for_swarmgit.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wren-for-swarmgit\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[swarmgit.runtimes]\n{entry.replace(chr(34), '')}\n")
    program = tmp_path / "bin" / "wren"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\nread -r first\necho hi > hi.txt\n"
        'echo \'{"kind": "wrote", "path": "hi.txt"}\'\necho \'{"kind": "done", "in": 30, "out": 4}\'\n'
    )
    program.chmod(0o755)
    sys.path.insert(0, str(package))
    runtimes.adapter.cache_clear()
    runtimes.names.cache_clear()
    runtimes.obeyed.cache_clear()
    yield program.parent
    sys.path.remove(str(package))
    sys.modules.pop("wren_for_swarmgit", None)
    runtimes.adapter.cache_clear()
    runtimes.names.cache_clear()
    runtimes.obeyed.cache_clear()


def test_the_example_is_a_working_adapter(wren: Path, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{wren}:/usr/local/bin:/usr/bin:/bin")
    repo.swarm["tiers"] = {"standard": {"runtime": "wren"}}
    repo.policy["network"] = ["api.wren.example"]
    repo.task("greet", owns=["*.txt"])
    repo.start()

    repo.reconcile()

    assert repo.phases() == {"greet": "landed"}
    assert repo.status("greet").attempts[0].usage == Usage(30, 4)


@pytest.mark.parametrize("path", ["WREN.md", "sub/wren.MD", ".wren/rules/a.txt"])
def test_what_another_package_s_program_obeys_is_protected(
    wren: Path, repo: Repo, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("PATH", f"{wren}:/usr/local/bin:/usr/bin:/bin")
    repo.swarm["attempts_max"] = 1
    repo.task("steer", f"mkdir -p $(dirname {path}); echo obey > {path}", owns=["**"])
    repo.start()

    repo.reconcile()

    rejection = repo.status("steer").attempts[0].rejection
    assert rejection is not None
    assert (rejection.kind, rejection.paths) == ("protected", (path,))
