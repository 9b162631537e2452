"""Slow reading for people, by GitPython, whose import (66 ms) stays off every hot path."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.run import HARDENED, WITHOUT_HOOKS
from swarmgit.errors import PersonMustAct
from swarmgit.model.ids import CommitId


class BlamedLine(Struct, frozen=True):
    """The commit that last changed a line; the line's number, path and text as they were there."""

    commit: CommitId
    line: int
    path: str
    text: str


def blame(common_dir: Path, rev: str, path: str, line: int) -> BlamedLine:
    """Return who last changed line `line` (from 1) of `path` in commit `rev`, or raise PersonMustAct."""
    import git

    command = git.Git(str(common_dir))
    command.update_environment(**_environment(common_dir))
    argv = ["git", *WITHOUT_HOOKS, "blame", "--porcelain", "--no-textconv", f"-L{line},{line}", rev, "--", path]
    try:
        told = command.execute(argv, as_process=False, stdout_as_string=True)
    except git.GitCommandError as error:
        raise PersonMustAct(f"there is no line {line} of {path} in {rev}", f"git show {rev}:{path}") from error
    return _parse(str(told), path)


def _environment(common_dir: Path) -> dict[str, str]:
    """Return what overrides the process's own environment: GitPython starts from that and cannot unset anything."""
    return {
        **HARDENED,
        "GIT_DIR": str(common_dir),
        "GIT_INDEX_FILE": str(common_dir / "index"),
        "GIT_OBJECT_DIRECTORY": str(common_dir / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
        "GIT_CONFIG_COUNT": "0",
        "GIT_CONFIG_PARAMETERS": "",
    }


def _parse(told: str, path: str) -> BlamedLine:
    """Return the one line of `git blame --porcelain`: 'id original-line final-line', headers, a tab and the text."""
    head, *rest = told.split("\n")
    commit, original, *_ = head.split(" ")
    name = next((words.removeprefix("filename ") for words in rest if words.startswith("filename ")), path)
    text = next((words[1:] for words in rest if words.startswith("\t")), "")
    return BlamedLine(CommitId(commit), int(original), name, text)
