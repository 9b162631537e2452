"""What cached intent hangs on is the content of what gives it its meaning, not where that lies."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from swarmgit.documents import schemas

ASK = "from swarmgit.documents import schemas; print(schemas.fingerprint())"


def ask(place: Path) -> str:
    done = subprocess.run([sys.executable, "-c", ASK], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_checkout_and_a_package_made_from_it_share_what_is_cached(tmp_path: Path) -> None:
    package = tmp_path / "swarmgit"
    shutil.copytree(Path(schemas.__file__).parents[1], package)
    for name in ("schemas", "template"):
        shutil.copytree(schemas.folder(name), package / "_data" / name, dirs_exist_ok=True)

    assert ask(tmp_path) == schemas.fingerprint()

    changed = package / "_data" / "schemas" / "task.json"
    changed.write_text(changed.read_text() + "\n")
    assert ask(tmp_path) != schemas.fingerprint()
