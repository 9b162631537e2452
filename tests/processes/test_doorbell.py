"""The loop wakes at once when something it waits for changes, and never misses it for long."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmgit.adapters.doorbell import PollingDoorbell, WatchdogDoorbell

FAST_S = 0.3  # watchdog's own pairing of renames would take 0.5 s


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bell"
    folder.mkdir()
    return folder


@pytest.fixture
def bell(folder: Path) -> Iterator[WatchdogDoorbell]:
    bell = WatchdogDoorbell([folder])
    yield bell
    bell.close()


def rings(bell: WatchdogDoorbell, timeout_s: float = 3.0) -> float | None:
    """Return how long the ring took in seconds, None when there was none."""
    start = time.monotonic()
    return time.monotonic() - start if bell.wait(timeout_s) else None


def quiet(bell: WatchdogDoorbell) -> None:
    while bell.wait(0.1):
        pass


def test_nothing_rings_when_nothing_happens(bell: WatchdogDoorbell) -> None:
    assert bell.wait(0.1) is False


def test_a_touched_file_rings(bell: WatchdogDoorbell, folder: Path) -> None:
    (folder / "session").touch()

    assert rings(bell) is not None


def test_many_changes_ring_once(bell: WatchdogDoorbell, folder: Path) -> None:
    for number in range(50):
        (folder / str(number)).touch()
    time.sleep(0.2)

    assert bell.wait(1) is True
    assert bell.wait(0.2) is False


def test_a_file_renamed_into_place_rings_at_once_and_after_it_is_there(bell: WatchdogDoorbell, folder: Path) -> None:
    for number in range(10):
        new, place = folder / "main.lock", folder / "main"
        new.write_text(str(number))
        quiet(bell)
        new.rename(place)
        took = rings(bell)
        assert took is not None
        assert took < FAST_S
        quiet(bell)


def test_a_moved_ref_rings_at_once_and_not_before_it_has_moved(tmp_path: Path) -> None:
    repo = tmp_path / "repo"

    def git(*args: str) -> str:
        argv = ["git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b", *args]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    subprocess.run(["git", "init", "-q", "-b", "main", str(repo)], check=True)
    git("commit", "-q", "--allow-empty", "-m", "one")
    ref, tree = "refs/heads/main", git("rev-parse", "HEAD^{tree}")
    bell = WatchdogDoorbell([repo / ".git/refs/heads"])
    try:
        for number in range(5):
            new = git("commit-tree", tree, "-m", str(number))
            quiet(bell)
            git("update-ref", ref, new)
            took = rings(bell)
            assert took is not None
            assert took < FAST_S
            assert (repo / ".git" / ref).read_text().strip() == new
    finally:
        bell.close()


def test_reading_does_not_ring(bell: WatchdogDoorbell, folder: Path) -> None:
    (folder / "file").write_text("x")
    quiet(bell)

    (folder / "file").read_text()
    list(folder.iterdir())

    assert bell.wait(0.2) is False


def test_what_lies_below_does_not_ring(bell: WatchdogDoorbell, folder: Path) -> None:
    (folder / "below").mkdir()
    quiet(bell)

    (folder / "below" / "file").touch()

    assert bell.wait(0.2) is False


def test_a_folder_that_comes_later_is_watched_from_then_on(
    bell: WatchdogDoorbell, folder: Path, tmp_path: Path
) -> None:
    late = tmp_path / "refs" / "heads" / "feature"
    bell.watch(late)
    quiet(bell)

    for part in (tmp_path / "refs", tmp_path / "refs" / "heads", late):
        part.mkdir()
        assert rings(bell) is not None
        quiet(bell)
    (late / "x").touch()

    assert rings(bell) is not None


def test_a_folder_that_is_replaced_is_still_watched(bell: WatchdogDoorbell, folder: Path) -> None:
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    quiet(bell)

    (folder / "x").touch()

    assert rings(bell) is not None


def test_a_folder_that_is_gone_and_comes_back_is_watched_again(bell: WatchdogDoorbell, folder: Path) -> None:
    folder.rmdir()
    quiet(bell)
    folder.mkdir()
    assert rings(bell) is not None
    quiet(bell)

    (folder / "x").touch()

    assert rings(bell) is not None


def test_an_unwatched_folder_is_silent(bell: WatchdogDoorbell, folder: Path, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    bell.watch(outbox)
    bell.watch(outbox)
    quiet(bell)
    (outbox / "a").touch()
    assert rings(bell) is not None
    bell.unwatch(outbox)
    bell.unwatch(outbox)
    quiet(bell)

    (outbox / "b").touch()

    assert bell.wait(0.2) is False


def test_a_hundred_outboxes_are_watched_at_once(bell: WatchdogDoorbell, tmp_path: Path) -> None:
    outboxes = [tmp_path / f"outbox-{number}" for number in range(100)]
    for outbox in outboxes:
        outbox.mkdir()
        bell.watch(outbox)
    quiet(bell)

    (outboxes[99] / "mail").touch()

    assert rings(bell) is not None


def test_closing_wakes_who_waits(folder: Path) -> None:
    bell = WatchdogDoorbell([folder])
    threading.Timer(0.2, bell.close).start()
    start = time.monotonic()

    bell.wait(30)

    assert time.monotonic() - start < 10


def test_without_watches_it_polls_and_says_so_once(folder: Path) -> None:
    said: list[str] = []
    bell = WatchdogDoorbell([folder], poll_s=0.05, say=said.append)
    try:
        bell._fall_back(OSError(28, "inotify watch limit reached"))
        bell.watch(folder / "more")
        assert bell.wait(10) is True
        assert bell.wait(0.01) is False
    finally:
        bell.close()

    assert said == ["file notifications are not available (inotify watch limit reached); looking every 0.05 s instead"]


def test_polling_rings_when_it_is_time_to_look() -> None:
    bell = PollingDoorbell(poll_s=0.05)

    assert (bell.wait(0.01), bell.wait(1)) == (False, True)
    bell.close()
