"""Replay a clone's real merge commits: what tier 2 makes of their conflicts, held against what people committed.

`python -m benchmarks.replay CLONE [--all-refs] [--json FILE] [--show PATTERN]`. The clone is only read: what the
replayed merges write goes into a folder that is thrown away. Agreement is equality of bytes, or of the syntax tree
for Python.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from swarmgit.resolve import Answer, Rules, resolve

REGULAR = {"100644", "100755"}
BAR_RESOLVED = 0.70
BAR_AGREED = 0.85
CHANGELOGS = ("CHANGE*", "CHANGES*", "CHANGELOG*", "HISTORY*", "NEWS*", "AUTHORS*", "CONTRIBUTORS*")
"""What a project would declare as union files; with `--union` only."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """One file that git could not merge by content. `committed` None: the merge commit has no such file."""

    merge: str
    path: str
    base: bytes | None
    ours: bytes
    theirs: bytes
    committed: bytes | None


class Clone:
    """Reads a clone's objects; what merging in memory writes goes into `scratch`."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--absolute-git-dir"], capture_output=True, text=True, check=False
        )
        git_dir = Path(done.stdout.strip()) if done.returncode == 0 else folder
        objects = (git_dir / "objects").resolve()
        self._git = ["git", "--git-dir", str(git_dir)]
        self._env = {
            **os.environ, "GIT_OBJECT_DIRECTORY": str(scratch), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
        }  # fmt: skip
        self._cat = self._start("cat-file", "--batch")

    def merges(self, *, all_refs: bool) -> list[tuple[str, str, str]]:
        """Return (merge, first parent, second parent) of every merge of two, newest first."""
        where = "--all" if all_refs else "HEAD"
        out = subprocess.run(
            [*self._git, "log", where, "--merges", "--format=%H %P"], env=self._env, capture_output=True, text=True,
            check=True,
        ).stdout  # fmt: skip
        rows = [line.split() for line in out.splitlines()]
        return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]

    def conflicts(self, merge: str, ours: str, theirs: str) -> tuple[bool, list[Conflict]]:
        """Return whether merging again conflicts at all, and the files that both sides still have."""
        done = subprocess.run(
            [*self._git, "merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs], env=self._env,
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode != 1:
            return False, []
        stages: dict[str, dict[int, tuple[str, str]]] = {}
        for line in done.stdout.split(b"\0")[1:]:
            if b"\t" not in line:
                continue
            facts, path = line.split(b"\t", 1)
            mode, oid, stage = facts.decode().split()
            stages.setdefault(os.fsdecode(path), {})[int(stage)] = (mode, oid)
        return True, [self._conflict(merge, path, found) for path, found in stages.items() if _has_both(found)]

    def _conflict(self, merge: str, path: str, stages: dict[int, tuple[str, str]]) -> Conflict:
        base = self.blob(stages[1][1]) if 1 in stages else None
        ours, theirs = self.blob(stages[2][1]), self.blob(stages[3][1])
        assert ours is not None
        assert theirs is not None
        return Conflict(merge, path, base, ours, theirs, self.blob(f"{merge}:{path}"))

    def blob(self, spec: str) -> bytes | None:
        assert self._cat.stdin is not None
        assert self._cat.stdout is not None
        self._cat.stdin.write(os.fsencode(spec) + b"\n")
        self._cat.stdin.flush()
        head = self._cat.stdout.readline().split()
        if len(head) != 3 or not head[2].isdigit():
            return None
        content = self._cat.stdout.read(int(head[2]))
        self._cat.stdout.read(1)
        return content if head[1] == b"blob" else None

    def close(self) -> None:
        assert self._cat.stdin is not None
        assert self._cat.stdout is not None
        self._cat.stdin.close()
        self._cat.stdout.close()
        self._cat.wait()

    def _start(self, *args: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._git, *args], env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )


def _has_both(stages: dict[int, tuple[str, str]]) -> bool:
    return {2, 3} <= stages.keys() and all(mode in REGULAR for mode, _ in stages.values())
