"""What an earlier swarmgit left (`make_repository.py`), in another place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from swarmgit.model.ids import SessionId
from tests.conftest import Repo

OLDER = Path(__file__).parent / "older"
(SESSION,) = (SessionId(path.name) for path in (OLDER / "live/sessions").iterdir())


@pytest.fixture
def older(repo: Repo) -> Repo:
    """Every ref, and the folder of a session whose process is gone."""
    repo.git("fetch", "-q", "--update-head-ok", str(OLDER / "repository.bundle"), "+refs/*:refs/*")
    repo.git("reset", "-q", "--hard", "main")
    shutil.copytree(OLDER / "live", repo.root / ".git/swarmgit")
    for name in ("home", "inbox", "outbox/read", "tmp"):
        (repo.root / ".git/swarmgit/sessions" / SESSION / name).mkdir(parents=True)
    return repo
