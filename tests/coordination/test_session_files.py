"""What delivery and the watchdog do with a session's files and processes, whatever the session has made of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swarmgit.adapters.processes import folder, vitals
from swarmgit.adapters.processes.tree import table_by_proc
from swarmgit.adapters.processes.vitals import disk_bytes, memory_and_cpu


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
    used = disk_bytes(str(tmp_path))
    assert used is not None
    assert 200_000 <= used < 400_000
    assert disk_bytes(str(tmp_path / "missing")) == 0
    assert vitals.FILES_MAX >= 10_000, "and there is a bound"
