"""Files that are laid out for people to look at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from person_repository import Person

from swarmgit.adapters.deletion import delete
from swarmgit.adapters.git.peek import lay_out
from swarmgit.adapters.git.run import Git


def test_a_tree_deeper_than_python_recurses_is_laid_out_for_reading_only(person: Person, tmp_path: Path) -> None:
    blob = person.git("rev-parse", "HEAD:a.txt")
    index = {**os.environ, "GIT_INDEX_FILE": str(tmp_path / "index")}
    deep = "d/" * 1100 + "file"
    for words in (("update-index", "--add", "--cacheinfo", f"100644,{blob},{deep}"), ("write-tree",)):
        done = subprocess.run(
            ["git", *words],
            cwd=person.top,
            env=index,
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    lay_out(Git(person.common_dir), done.stdout.strip(), tmp_path / "views/one")
    assert (tmp_path / "views/one" / deep).stat().st_mode & 0o777 == 0o444
    assert [each.name for each in (tmp_path / "views").iterdir()] == ["one"]
    assert delete(tmp_path / "views") == ""
