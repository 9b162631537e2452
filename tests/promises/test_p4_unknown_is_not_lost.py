"""P4 and P8: what cannot be read is unknown. It is not taken for over, it stops nobody else, and nothing runs twice."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from swarmgit.app.run import TickReport
from swarmgit.model.endings import Stop
from tests.conftest import HOLD, Repo

DEEP = b"[" * 200_000
GARBAGE = {
    "cut off": b'{"version": 1, "co',
    "binary": b"\x00\xff\xfe\x80" * 50,
    "deep": DEEP,
    "of another kind": b"[7]",
    "empty": b"",
}

SLOW = """
echo "try $SWARM_ATTEMPT" > a.txt
if [ "$SWARM_ATTEMPT" = 1 ]; then touch "{agents}/ready"; sleep 60; fi
"""


def begin(repo: Repo) -> str:
    """Start a slow agent and another one beside it, and leave; return the slow one's session."""
    held = f'held="{repo.agents}/held-$SWARM_TASK" overlaps="{repo.agents}/overlaps"\n{HOLD}\n'
    repo.start()
    repo.task("a", held + SLOW.format(agents=repo.agents))
    repo.task("b", "sleep 1; echo b > b.txt")
    repo.commit()
    interrupted = threading.Event()
    found: list[str] = []

    def on_tick(report: TickReport) -> None:
        if (repo.agents / "ready").exists():
            found.extend(s.spec.id for s in report.look.observed.sessions.values() if s.spec.task == "a")
        if found:
            interrupted.set()

    repo.reconcile(on_tick=on_tick, interrupted=interrupted)
    return found[0]


def folder(repo: Repo, session: str) -> Path:
    return repo.root / ".git/swarmgit/sessions" / session


def put(path: Path, content: bytes | None) -> None:
    """Damage a file; None: there is a folder in its place."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if content is None:
        path.mkdir(parents=True)
    else:
        path.write_bytes(content)


@pytest.mark.default_cases("empty")
@pytest.mark.parametrize("content", [*GARBAGE.values(), None], ids=[*GARBAGE, "a folder"])
def test_a_session_whose_record_cannot_be_read_is_ended_saved_and_forgotten(repo: Repo, content: bytes | None) -> None:
    # given an agent at work whose session.yaml is damaged
    session = begin(repo)
    put(folder(repo, session) / "session.yaml", content)

    # when it is reconciled
    result = repo.reconcile()

    # then the task has run again, never twice at once, and what the first session had made is saved
    assert result.code == 0
    assert repo.phases() == {"a": "landed", "b": "landed"}
    assert not (repo.agents / "overlaps").exists()
    assert [a.outcome for a in repo.status("a").attempts] == ["lost", "landed"]
    assert repo.git("show", f"refs/swarm/salvage/orphan/{session}:a.txt") == "try 1"
    assert not (repo.root / ".git/swarmgit/active" / session).exists()


def test_a_session_whose_folder_is_gone_is_ended_before_its_task_goes_on(repo: Repo) -> None:
    session = begin(repo)
    shutil.rmtree(folder(repo, session))

    assert repo.reconcile().code == 0

    assert not (repo.agents / "overlaps").exists()
    assert repo.git("show", f"refs/swarm/salvage/orphan/{session}:a.txt") == "try 1"
    assert repo.phases() == {"a": "landed", "b": "landed"}


FILES = ["settings.json", "task.json", "feedback.json", "stop.json", "pid", "vitals.json", "vigil.json", "box.args",
         "prediction.json", "stuck.json", "capture.json", "exit.json", "delivered", "hearing.json"]  # fmt: skip


@pytest.mark.default_cases("pid")
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_one_session_stops_nobody_else(repo: Repo, name: str) -> None:
    # given an agent at work, in whose folder a file holds nonsense
    session = begin(repo)
    put(folder(repo, session) / name, b'\x00{"version": [1')
    world = repo.world()
    world.executor.cancel(session, Stop("the test goes on"), 0.0)  # type: ignore[arg-type]
    world.close()

    # when it is reconciled
    repo.reconcile(timeout_s=40)

    # then the other task has landed, and this one runs on, landed, or needs a person
    assert repo.phases()["b"] == "landed"
    assert not (repo.agents / "overlaps").exists()


LIVE = ["cache/evidence.jsonl", "cache/merges.jsonl", "cache/state.json", "cache/blocked.json", "cache/target", "cache",
        "notices", "failures", "cache/desired"]  # fmt: skip


@pytest.mark.default_cases("cache/state.json-deep", "cache-deep", "cache/target-deep")
@pytest.mark.parametrize("content", [b"\xff\x00{[", DEEP, None], ids=["garbage", "deep", "a folder"])
@pytest.mark.parametrize("name", LIVE)
def test_a_damaged_cache_costs_time_only(repo: Repo, name: str, content: bytes | None) -> None:
    repo.start()
    repo.task("a")
    repo.commit()
    assert repo.reconcile().code == 0
    put(repo.root / ".git/swarmgit" / name, content)
    repo.task("b")
    repo.commit()

    assert repo.reconcile(timeout_s=40).code == 0

    assert repo.landed() == ["a", "b"]


def worktrees(repo: Repo) -> Path:
    world = repo.world()
    store = world.repository.store
    world.close()
    return store


def test_a_damaged_slot_is_left_alone_and_others_are_made(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.commit()
    assert repo.reconcile().code == 0
    for record in worktrees(repo).glob("*/*/slot.json"):
        put(record, b"[[[")
    repo.task("b")
    repo.commit()

    assert repo.reconcile(timeout_s=40).code == 0

    assert repo.landed() == ["a", "b"]


CAN_HIDE_PROC = sys.platform == "linux" and not subprocess.run(
    ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/proc"], capture_output=True, check=False
).returncode if shutil.which("unshare") else False  # fmt: skip


@pytest.mark.skipif(not CAN_HIDE_PROC, reason="no namespaces here to hide /proc in")
def test_a_moment_without_the_process_table_loses_no_session(repo: Repo) -> None:
    # given an agent at work
    begin(repo)

    # when one reconciles where there is no process table
    blind = f"mount -t tmpfs none /proc && {sys.executable} -m swarmgit reconcile --timeout 6"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", blind], cwd=repo.root, capture_output=True, text=True, check=False, timeout=60
    )

    # then it says so, and nobody was started in the place of the one that still works
    assert done.returncode == 1, done.stdout + done.stderr
    assert "/proc" in done.stdout + done.stderr
    assert [a.outcome for a in repo.status("a").attempts] == ["running"]
    assert not (repo.agents / "overlaps").exists()
