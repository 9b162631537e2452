"""Everything of a person's that swarmgit must leave alone, as one value to compare before and after."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

OURS = {".swarm/state", ".swarm/run"}


@dataclass(frozen=True, slots=True)
class PersonState:
    """`files`: bytes by path, without what is swarmgit's own. `index`: mode, blob and stage of every path."""

    head: str
    branches: tuple[str, ...]
    index: str
    stash: str
    files: dict[str, bytes]
    config: bytes


def person_state(top: Path, *, but: tuple[str, ...] = ()) -> PersonState:
    """Return what is the person's in the checkout at `top`; branches named in `but` are not compared."""
    ours = {"refs/heads/swarm/state", *but}
    refs = git(top, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags", "refs/remotes")
    return PersonState(
        head=git(top, "rev-parse", "--symbolic-full-name", "HEAD"),
        branches=tuple(line for line in refs.splitlines() if line.split()[0] not in ours),
        index=git(top, "ls-files", "--stage", "-v"),
        stash=git(top, "stash", "list", "--format=%H %gs"),
        files=dict(sorted(files_of(top).items())),
        config=(common_dir(top) / "config").read_bytes(),
    )


def files_of(top: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in top.rglob("*"):
        name = path.relative_to(top).as_posix()
        if name == ".git" or name.startswith((".git/", *(f"{o}/" for o in OURS))) or name in OURS:
            continue
        if path.is_symlink():
            found[name] = b"-> " + bytes(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def git(top: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=top, capture_output=True, text=True, check=True).stdout


def common_dir(top: Path) -> Path:
    return Path(git(top, "rev-parse", "--path-format=absolute", "--git-common-dir").strip())
