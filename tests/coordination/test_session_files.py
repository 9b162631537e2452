"""What delivery and the watchdog do with a session's files and processes, whatever the session has made of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swarmgit.adapters.deletion import delete
from swarmgit.adapters.processes import folder
from swarmgit.adapters.processes.tree import table_by_proc
from swarmgit.adapters.processes.vitals import DiskCount, memory_and_cpu


def test_files_are_written_whole_in_their_order_and_folders_between_are_made(tmp_path: Path) -> None:
    folder.write_all(str(tmp_path), "in/deep", {"b": b"2", "a": b"1" * 100_000})
    assert {path.name: path.read_bytes()[:1] for path in (tmp_path / "in/deep").iterdir()} == {"a": b"1", "b": b"2"}
    with pytest.raises(ValueError, match="is not a name inside"):
        folder.write_all(str(tmp_path), "in", {"../out": b""})


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="in"):
        folder.write_all(str(tmp_path), "in", {"a": b""})
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_files_are_removed_from_a_read_only_folder_and_what_is_a_folder_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "c").mkdir(parents=True)
    for name in ("a", "b"):
        (out / name).write_text("x")
    out.chmod(0o500)
    folder.discard(str(tmp_path), "out", ["a", "missing", "c", "b"])
    assert [path.name for path in out.iterdir()] == ["c"]
    folder.discard(str(tmp_path), "no-such-folder", ["a"])


def test_a_file_is_moved_and_what_is_not_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("x")
    folder.move(str(tmp_path), "in/a", "in/read/a")
    folder.move(str(tmp_path), "in/a", "in/read/b")
    assert [path.name for path in (tmp_path / "in/read").iterdir()] == ["a"]


def test_what_processes_use_is_summed_and_one_that_has_gone_counts_nothing() -> None:
    table = table_by_proc()
    mine = [table[os.getpid()]]
    memory, cpu_s = memory_and_cpu(mine)
    assert memory > 1 << 20
    assert cpu_s > 0
    assert memory_and_cpu([]) == (0, 0.0)


def test_the_files_of_a_worktree_are_counted_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "big").write_bytes(os.urandom(200_000))
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "host").symlink_to("/usr")
    count = DiskCount(str(tmp_path), str(tmp_path / "missing"))
    assert count.go_on()
    assert 200_000 <= count.used < 400_000
    assert not count.uncounted


def test_a_large_tree_is_counted_over_several_looks_and_one_without_end_is_told(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"folder {number}").mkdir()
        (tmp_path / f"folder {number}/file").write_bytes(b"x" * 4096)
    (whole := DiskCount(str(tmp_path))).go_on()
    count, looks = DiskCount(str(tmp_path)), 1
    while not count.go_on(entries_max=20):
        looks += 1
    assert looks > 5
    assert count.used == whole.used >= 50 * 4096
    endless = DiskCount(str(tmp_path), total_max=30)
    while not endless.go_on():
        pass
    assert endless.uncounted == "holds more than 30 files and folders"


@pytest.mark.parametrize(("name", "told"), [("a", ""), ("a" * 200, "has folders too deep to be looked into")])
def test_folders_of_any_depth_are_counted_or_told(tmp_path: Path, name: str, told: str) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    count = DiskCount(str(tmp_path))
    while not count.go_on():
        pass
    assert count.uncounted == told
    assert delete(tmp_path) == ""
