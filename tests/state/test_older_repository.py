"""A repository that an earlier swarmgit made (`make_repository.py`) is read completely, gone on with, and passes fsck."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmgit.state import kinds
from swarmgit.state.reading import StateReader
from tests.conftest import Repo
from tests.state.conftest import SESSION


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_all_of_its_state_is_read(older: Repo) -> None:
    world = older.world()
    head = world.state.head()
    assert head is not None
    stored = StateReader(world.objects, world.cache, keeps=False).read(head)
    files = world.objects.walk(world.objects.commit(head).tree)
    read = {path: kind.read(path, world.objects.blob(files[path].oid)) for path in files if (kind := kinds.at(path))}
    world.close()
    assert stored.problems == ()
    assert read.keys() == files.keys()
    assert {status.task: status.phase for status in stored.statuses.values()} == {
        "bad": "failed",
        "line": "queued",
        "long": "running",
    }
    assert sorted(stored.archived) == ["done", "told"]
    assert stored.queue_control.paused


def test_fsck_finds_nothing_wrong(older: Repo) -> None:
    assert older.swarmgit("fsck").returncode == 0


def test_people_are_shown_all_of_it(older: Repo) -> None:
    assert "which port?" in older.swarmgit("mail", "list").stdout
    assert "odd things" in older.swarmgit("incident", "list").stdout
    assert "working on done" in older.swarmgit("logs", "done").stdout, "although a convoy of that name is archived, too"
    assert json.loads(older.swarmgit("blame", "done.txt:1", "--json").stdout)["record"]["outcome"] == "landed"
    assert {row["name"] for row in json.loads(older.swarmgit("cost", "--json").stdout)["tasks"]} >= {"done", "told"}


@pytest.mark.slow
def test_it_goes_on_from_there(older: Repo) -> None:
    older.commit({"seconds": "0\n"})
    older.swarmgit("queue", "resume")
    older.reconcile()
    assert older.phases() == {"bad": "failed", "line": "landed", "long": "landed"}
    assert [attempt.outcome for attempt in older.status("long").attempts] == ["lost", "landed"]
    assert older.swarmgit("fsck").returncode == 0


def test_a_session_that_it_started_is_taken_over(older: Repo, sleeper: subprocess.Popen[bytes]) -> None:
    """Its folder is as that swarmgit wrote it, but for the process, which is still at work."""
    folder = older.root / ".git/swarmgit/sessions" / SESSION
    boot = Path("/proc/sys/kernel/random/boot_id")
    stat = Path(f"/proc/{sleeper.pid}/stat")
    if not stat.exists():
        pytest.skip("a process's identity is told by /proc here")
    (folder / "pid").write_text(f"{sleeper.pid}\n{stat.read_text().strip()}\n{boot.read_text().strip()}\n")
    spec = json.loads((folder / "session.yaml").read_text())
    (folder / "session.yaml").write_text(json.dumps({key: spec[key] for key in spec if key != "reads"} | {"later": 1}))
    world = older.world()
    job = world.executor.poll([SESSION])[SESSION]
    assert (job.state, job.spec.task, job.spec.attempt, job.spec.agent) == ("running", "long", 1, "builder-02")
    sleeper.kill()
    sleeper.wait()
    assert world.executor.poll([SESSION])[SESSION].state == "lost"
    world.close()
