"""Finding the repository a command was started in, with the person's own environment (their `safe.directory` holds)."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.refs import OID
from swarmgit.documents.paths import LIVE, SWARM_YAML, branch_ref
from swarmgit.errors import PersonMustAct

OLDEST_GIT = (2, 38)
ASKED = ("--show-object-format", "--is-bare-repository", "--is-inside-git-dir", "--git-common-dir", "--git-dir")
TOP = "--show-toplevel"
TARGET_LINE = re.compile(rb"""^target:[ \t]*(["']?)([^"'#\s]+)\1[ \t]*(?:#.*)?$""", re.MULTILINE)


class FoundRepository(Struct, frozen=True):
    """`top` is None in a bare repository; `git_dir` differs from `common_dir` in a linked worktree."""

    common_dir: Path
    git_dir: Path
    top: Path | None
    live: Path
    store: Path
    algorithm: str


def discover(cwd: Path, environ: Mapping[str, str]) -> FoundRepository:
    """Return where the repository around `cwd` is, or raise PersonMustAct that says what to do."""
    answers = _answers(cwd, environ)
    algorithm, is_bare, is_inside, common, git_dir = answers[: len(ASKED)]
    top = Path(answers[-1]) if len(answers) > len(ASKED) else None
    if top is None and is_bare == "false":
        inside = is_inside == "true"
        what = f"{cwd} is inside the git directory {git_dir}" if inside else f"{cwd} has no working tree"
        raise PersonMustAct(what, "run swarmgit from the repository's working tree")
    common_dir = Path(common).resolve()
    return FoundRepository(
        common_dir=common_dir,
        git_dir=Path(git_dir).resolve(),
        top=top.resolve() if top else None,
        live=common_dir / LIVE,
        store=_store(common_dir, environ),
        algorithm=algorithm,
    )


def _answers(cwd: Path, environ: Mapping[str, str]) -> list[str]:
    """Return git's answers to ASKED, and the top of the working tree where there is one."""
    found, words = _ask(cwd, environ, *ASKED, TOP)
    answers = found.split("\n")
    if len(answers) < len(ASKED):
        raise _no_repository(cwd, environ, words)
    if len(answers) > len(ASKED) + 1:  # a line end in one of the paths: each has to be asked for alone
        answers = [_ask(cwd, environ, each)[0] for each in (*ASKED, TOP)]
    return answers if answers[-1] else answers[:-1]


def _ask(cwd: Path, environ: Mapping[str, str], *asked: str) -> tuple[str, str]:
    """Return what `git rev-parse` prints, without its last line end, and its words on standard error."""
    if not cwd.is_dir():
        raise PersonMustAct(f"the folder {cwd} is gone", "cd to the repository again")
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--path-format=absolute", *asked],
            cwd=cwd, env={**environ, "LC_ALL": "C"}, capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise PersonMustAct("git is not installed, or not on PATH", "install git 2.38 or newer") from None
    return os.fsdecode(done.stdout.removesuffix(b"\n")), done.stderr.decode("utf-8", "replace")


def find_target(objects: GitObjects, remembered: str | None) -> str | None:
    """Return the branch whose committed `swarm.yaml` names itself as target, None where no branch does.

    Asked in this order: what HEAD's own `swarm.yaml` names, `remembered`, main, master, every other local branch.
    Where an edit has broken the file itself, what was remembered stays the target. PersonMustAct where its branch is
    there and cannot be read.
    """
    first = _named_target(objects, "HEAD")
    asked = [name for name in (first, remembered, "main", "master") if name]
    for name in dict.fromkeys(asked):
        if _is_target(objects, name):
            return name
    others = (ref.removeprefix("refs/heads/") for ref in objects.refs("refs/heads/"))
    found = next((name for name in sorted(others) if name not in asked and _is_target(objects, name)), None)
    if found is not None or remembered is None:
        return found
    ref = branch_ref(remembered)
    if objects.ref(ref) is not None:
        return remembered
    named = objects.named(ref)
    if named is not None and OID.fullmatch(named):
        raise PersonMustAct(
            f"branch {remembered} cannot be read: its commit {named[:12]} is missing or damaged in this repository",
            "git fsck; then bring its objects back: git fetch, or copy .git/objects of a clone or a backup",
        )
    if named is not None:
        git_dir = objects.git.git_dir
        raise PersonMustAct(
            f"branch {remembered} cannot be read: it names no commit that is here",
            f"write the commit that {git_dir}/logs/{ref} ends with into {git_dir}/{ref}; then: git fsck",
        )
    return None


def _is_target(objects: GitObjects, name: str) -> bool:
    ref = branch_ref(name)
    return objects.ref(ref) is not None and _named_target(objects, ref) == name


def _named_target(objects: GitObjects, rev: str) -> str | None:
    """Return the `target:` of a commit's swarm.yaml, also where the rest of the file is broken."""
    oid = objects.resolve(f"{rev}:{SWARM_YAML}")
    if oid is None or objects.kind(oid) != "blob":
        return None
    found = TARGET_LINE.search(objects.blob(oid).replace(b"\r\n", b"\n"))
    return found.group(2).decode("utf-8", "replace") if found else None


def _store(common_dir: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder for worktrees: below $XDG_STATE_HOME, named after the repository and its place."""
    configured = environ.get("XDG_STATE_HOME", "")
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    state = Path(configured) if configured.startswith("/") else home / ".local" / "state"
    folder = common_dir.parent if common_dir.name == ".git" else common_dir
    digest = hashlib.sha256(str(common_dir).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return state / LIVE / f"{folder.name.removesuffix('.git')}-{digest}"


def _no_repository(cwd: Path, environ: Mapping[str, str], words: str) -> PersonMustAct:
    """Return the error that fits: git too old, an owner that git distrusts, or simply no repository."""
    version = git_version(environ)
    if version < OLDEST_GIT:
        found = ".".join(str(part) for part in version)
        return PersonMustAct(f"git {found} is too old", "install git 2.38 or newer")
    if "dubious ownership" in words:
        return PersonMustAct(
            f"git does not trust {cwd}: it belongs to someone else", f"git config --global --add safe.directory {cwd}"
        )
    if "not a git repository" in words:
        return PersonMustAct(f"{cwd} is not in a git repository", "git init")
    return PersonMustAct(f"git cannot read the repository at {cwd}: {words.strip()}", "git status")


def git_version(environ: Mapping[str, str]) -> tuple[int, int]:
    """Return git's major and minor version, (0, 0) where it does not say."""
    done = subprocess.run(["git", "version"], env=dict(environ), capture_output=True, check=False)
    found = re.search(rb"(\d+)\.(\d+)", done.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)
