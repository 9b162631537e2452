"""State of a newer swarmgit is one clear error, whoever meets it, and nothing is touched: neither state nor sessions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.conftest import Repo

AT = datetime(2026, 12, 1, tzinfo=UTC)
COMMANDS = (
    "reconcile --once",
    "status",
    "freeze",
    "queue pause",
    "task pause long",
    "task restart long",
    "stop long",
    "mail send builder-01 -s hello",
    "incident new odd",
    "gc",
    "why long",
    "cost",
)


@pytest.fixture
def newer(older: Repo) -> Repo:
    """A swarm with a session whose state another version of swarmgit has written since."""
    world = older.world()
    text = older.git("show", "swarm/state:tasks/long.yaml").replace("version: 1", "version: 2\nshiny: true", 1)
    world.state.write({"tasks/long.yaml": f"{text}\n".encode()}, "newer", AT)
    world.close()
    return older


def everything(repo: Repo) -> tuple[str, dict[str, bytes]]:
    """Return every ref, and all that is known of sessions."""
    sessions = repo.root / ".git/swarmgit/sessions"
    files = [path for path in sorted(sessions.rglob("*")) if path.is_file()]
    return repo.git("for-each-ref"), {str(path): path.read_bytes() for path in files}


@pytest.mark.default_cases("freeze", "stop long")
@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_names_the_file_the_version_and_what_to_do_and_touches_nothing(newer: Repo, words: str) -> None:
    before = everything(newer)
    done = newer.swarmgit(*words.split(), check=False)
    assert done.returncode == 1, done
    assert "tasks/long.yaml: the version is not 1 but 2: a newer swarmgit wrote it" in done.stderr
    assert "use that one here, too" in done.stderr
    assert before[1]
    assert everything(newer) == before


@pytest.mark.default_cases("fsck")
@pytest.mark.parametrize("words", ["fsck", "doctor", "doctor --fix"])
def test_what_looks_for_damage_says_it_too_and_repairs_nothing(newer: Repo, words: str) -> None:
    before = everything(newer)
    done = newer.swarmgit(*words.split(), check=False)
    assert done.returncode == 1
    assert "a newer swarmgit wrote it" in done.stdout + done.stderr
    assert everything(newer) == before
