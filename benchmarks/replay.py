"""Replay a clone's real merge commits: what tier 2 makes of their conflicts, held against what people committed.

`python -m benchmarks.replay CLONE [--all-refs] [--union GLOB]`. The clone is only read: what the
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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import asdict

from swarmgit.resolve import Answer, Rules, resolve

REGULAR = {"100644", "100755"}
BAR_RESOLVED = 0.70
BAR_AGREED = 0.85


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
        return subprocess.Popen([*self._git, *args], env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _has_both(stages: dict[int, tuple[str, str]]) -> bool:
    return {2, 3} <= stages.keys() and all(mode in REGULAR for mode, _ in stages.values())


@dataclass
class Tally:
    """How often what was resolved is what people committed: right and wrong."""

    right: int = 0
    wrong: int = 0

    def add(self, *, is_right: bool) -> None:
        self.right += is_right
        self.wrong += not is_right

    @property
    def share(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    def __str__(self) -> str:
        return f"{self.right:5d} of {self.right + self.wrong:5d}  {self.share:6.1%}"


@dataclass
class Replay:
    """What came of one clone. `rules`: files whose conflicting hunks were all decided by that one rule."""

    merges: int = 0
    conflicting: int = 0
    files: int = 0
    malformed: int = 0
    resolved: Tally = field(default_factory=Tally)
    agreed: Tally = field(default_factory=Tally)
    hints: Tally = field(default_factory=Tally)
    rules: dict[str, Tally] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)

    def judge(self, conflict: Conflict, answer: Answer) -> None:
        self.files += 1
        if answer.content is None:
            if answer.hint is not None:
                self.hints.add(is_right=same(conflict.path, answer.hint, conflict.committed))
            return
        is_right = same(conflict.path, answer.content, conflict.committed)
        self.malformed += not is_well_formed(conflict.path, answer.content)
        self.resolved.add(is_right=is_right)
        if answer.agreed:
            self.agreed.add(is_right=is_right)
        used = sorted({str(hunk.rule) for hunk in answer.hunks})
        self.rules.setdefault(used[0] if len(used) == 1 else "several", Tally()).add(is_right=is_right)
        self.languages[conflict.path.rsplit(".", 1)[-1]] += 1

    def table(self) -> str:
        rows = [
            f"merges of two {self.merges}, with conflicts {self.conflicting}, files both sides still have {self.files}",
            f"resolved                {self.resolved}   (bar {BAR_RESOLVED:.0%})",
            f"where two agreed        {self.agreed}   (bar {BAR_AGREED:.0%})",
            f"kept as a hint only     {self.hints}",
            f"resolved but malformed  {self.malformed:5d}",
            *(f"  {name:<21} {tally}" for name, tally in sorted(self.rules.items())),
        ]
        return "\n".join(rows)

    @property
    def reaches_the_bars(self) -> bool:
        return self.resolved.share >= BAR_RESOLVED and self.agreed.share >= BAR_AGREED and not self.malformed


def same(path: str, found: bytes, committed: bytes | None) -> bool:
    """Return whether a result is what people committed: byte for byte, or for Python by its syntax tree."""
    if committed is None or found == committed or not path.endswith(".py"):
        return found == committed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(found)) == ast.dump(ast.parse(committed))
    except (SyntaxError, ValueError, RecursionError):
        return False


def is_well_formed(path: str, content: bytes) -> bool:
    """Judge with other means than the resolvers: each format's own parser, and no line that starts a conflict."""
    import tomllib

    import yaml

    parsers = {
        "py": ast.parse, "json": json.loads, "toml": lambda c: tomllib.loads(c.decode()),
        "yaml": lambda c: list(yaml.compose_all(c)), "yml": lambda c: list(yaml.compose_all(c)),
    }  # fmt: skip
    parse = parsers.get(path.rsplit(".", 1)[-1])
    if any(line.startswith((b"<<<<<<< ", b">>>>>>> ")) for line in content.splitlines()):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if parse:
                parse(content)
    except (SyntaxError, ValueError, RecursionError, yaml.YAMLError):
        return False
    return True


def replay(folder: Path, rules: Rules, *, all_refs: bool = False, show: str = "") -> Replay:
    """Replay every merge of a clone; `show`: print the wrong ones whose path has this in it."""
    found = Replay()
    with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
        clone = Clone(folder, Path(scratch))
        for merge in clone.merges(all_refs=all_refs):
            found.merges += 1
            is_conflicting, conflicts = clone.conflicts(*merge)
            found.conflicting += is_conflicting
            for conflict in conflicts:
                answer = resolve(conflict.path, conflict.base, conflict.ours, conflict.theirs, rules)
                found.judge(conflict, answer)
                is_wrong = answer.content and not same(conflict.path, answer.content, conflict.committed)
                if show and show in conflict.path and is_wrong:
                    print(conflict.merge[:12], conflict.path, [(h.line, h.rule) for h in answer.hunks])
        clone.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures of a clone; 1 where it misses a bar."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument("clone", type=Path, help="a clone, bare or not")
    parser.add_argument("--all-refs", action="store_true", help="merges of every ref, not only of HEAD")
    parser.add_argument("--union", action="append", default=[], metavar="GLOB", help="declare union files")
    parser.add_argument("--show", default="", metavar="TEXT", help="list wrong resolutions of paths with TEXT in them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    asked = parser.parse_args(arguments)
    found = replay(asked.clone, Rules(union=tuple(asked.union)), all_refs=asked.all_refs, show=asked.show)
    print(found.table())
    if asked.json:
        asked.json.write_text(json.dumps({"version": 1, **asdict(found)}, indent=2) + "\n")
    return int(not found.reaches_the_bars)


if __name__ == "__main__":
    sys.exit(main())
