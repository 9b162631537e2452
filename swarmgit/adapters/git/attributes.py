"""Whether git can check a tree out in bearable time: it compares each path with every pattern of `.gitattributes`.

Git before 2.43 reads these files of any tree that it writes. A few patterns full of stars and one long path take it
years; so a tree with such patterns is tried first, within limits, on an index of its own.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from swarmgit.adapters.git.objects import Remembered
from swarmgit.adapters.git.run import Git, OutOfTime
from swarmgit.errors import PersonMustAct

NAME = b".gitattributes"
STARS_MAX, BYTES_MAX = 6, 64 << 10
"""Ordinary files have fewer in each pattern, and are smaller."""

CPU_S_MAX, WALL_S_MAX = 2, 20.0
KNOWN_MAX = 4096
NOTHING = "-"
_STARS = re.compile(rb"^\s*\S*(?:[*?\[][^*?\[\s]*){%d,}" % (STARS_MAX + 1), re.MULTILINE)


class Attributes:
    """Looks at each commit once. `limits`: seconds of processor and of time for one of them."""

    def __init__(self, engine: Git, limits: tuple[int, float] = (CPU_S_MAX, WALL_S_MAX)) -> None:
        self._engine = engine
        self._limits = limits
        self._known: Remembered[str] = Remembered(KNOWN_MAX)

    def check(self, commit: str) -> None:
        """Raise PersonMustAct where git would take too long over the attributes of a commit's files."""
        endless = self._known.get(commit) or self._known.put(commit, self._endless(commit) or NOTHING)
        if endless != NOTHING:
            raise PersonMustAct(
                f"git comes to no end over the patterns of {endless} in commit {commit[:12]}",
                f"make them simpler: git log -1 {commit[:12]} -- {endless}",
            )

    def _endless(self, commit: str) -> str:
        """Return the first file whose patterns are too much, '' where git can bear them."""
        done = self._engine.call("ls-tree", "-r", "-z", commit)
        listed = [
            line for line in done.stdout.split(b"\0") if line and not done.returncode
        ]  # else the checkout says so
        blobs = {line.partition(b"\t")[2]: line.split(b" ")[2].partition(b"\t")[0] for line in listed}
        files = sorted(path for path in blobs if path.rpartition(b"/")[2] == NAME)
        suspect = [path for path in files if _is_suspect(self._engine, blobs[path].decode("ascii"))]
        if not suspect:
            return ""
        with tempfile.TemporaryDirectory(prefix="swarmgit-attributes-") as made:
            env = {"GIT_INDEX_FILE": str(Path(made, "index")), "GIT_WORK_TREE": made}
            self._engine.out("read-tree", commit, env=env)
            words = ("check-attr", "--cached", "-z", "--stdin", "text")
            try:
                self._engine.bounded(*self._limits).call(*words, stdin=b"\0".join([*blobs, b""]), env=env)
            except OutOfTime:
                return suspect[0].decode("utf-8", "backslashreplace")
        return ""


def _is_suspect(engine: Git, oid: str) -> bool:
    content = engine.call("cat-file", "blob", oid).stdout
    return len(content) > BYTES_MAX or _STARS.search(content) is not None
