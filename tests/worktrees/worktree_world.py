"""A person's repository, an engine beside it and a store of worktrees: all real, all in one temporary folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from swarmgit.adapters.git import pristine
from swarmgit.adapters.git.history import Target
from swarmgit.adapters.git.persons import Person
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.worktrees import GitWorktrees, no_fault
from swarmgit.model.desired import WorktreeConfig
from swarmgit.model.git import Identity
from swarmgit.model.ids import CommitId, SessionId, TreeId
from swarmgit.model.work import Capture
from swarmgit.ports.worktrees import Lease

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AGENT = Identity("builder-01", "builder-01@agents.invalid")
NO_ATTRIBUTES = "* !filter !diff !merge !text !crlf !eol !ident !working-tree-encoding\n"


class Killed(Exception):
    """Stands for a kill at the named step."""


@dataclass(slots=True)
class World:
    root: Path
    object_format: str = "sha1"
    fault_at: str | None = None
    steps: list[str] = field(default_factory=list)
    trees: GitWorktrees = field(init=False)
    engine: Git = field(init=False)

    def __post_init__(self) -> None:
        self.person.mkdir(parents=True)
        self.git("init", "-q", "-b", "main", f"--object-format={self.object_format}")
        self._make_engine()
        self.reopen()

    @property
    def person(self) -> Path:
        return self.root / "person"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def _make_engine(self) -> None:
        folder = self.root / "engine.git"
        self.engine = Git(folder)
        command = ["git", "init", "-q", "--bare", "--template=", f"--object-format={self.object_format}", str(folder)]
        subprocess.run(command, check=True, env=environment(self.root))
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info" / "attributes").write_text(NO_ATTRIBUTES)
        (folder / "objects" / "info" / "alternates").write_text(f"{self.person}/.git/objects\n")

    def reopen(self) -> None:
        """Start again as a new process would: nothing remembered but the files."""
        target = Target(Git(self.person / ".git"), "refs/heads/main")
        person = Person(self.person / ".git" / "objects", self.person, self.object_format, target)
        self.trees = GitWorktrees(self.engine, self.store, person, self.code_tree, self.fault)

    def set_up(self, session: str, *outputs: str) -> None:
        """Do what a session's wrapper and the reconciler do when the set-up commands have ended."""
        found = next(slot for slot in self.trees._slots.all() if slot.session == session)
        listing = self.root / "listing"
        listing.write_text("\0".join((*outputs, "done", "")))
        assert pristine.main((str(found.folder), str(listing))) == 0
        self.trees.setup_done(SessionId(session), outputs)

    def fault(self, name: str) -> None:
        self.steps.append(name)
        if name == self.fault_at:
            raise Killed(name)

    def code_tree(self, rev: str) -> TreeId:
        return TreeId(self.engine.line("rev-parse", f"{rev}^{{tree}}"))

    def git(self, *args: str, cwd: Path | None = None) -> str:
        return git(*args, cwd=cwd or self.person, home=self.root)

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "work") -> CommitId:
        """Commit files in the person's repository: content by path, None deletes."""
        write_files(self.person, files)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return CommitId(self.git("rev-parse", "HEAD"))

    def lease(self, session: str, commit: str, pool: str = "agents", **config: object) -> Lease:
        settings = WorktreeConfig(**config)  # type: ignore[arg-type]
        return self.trees.lease(SessionId(session), CommitId(commit), settings, pool)

    def capture(self, session: str, message: str = "Do it\n") -> Capture:
        return self.trees.capture(SessionId(session), message, AGENT, AT)

    def release(self, session: str, *, discard: bool = False) -> None:
        self.trees.release(SessionId(session), discard=discard)

    def files_of(self, commit: str) -> dict[str, str]:
        """Return path → 'mode blob' of a commit, as the engine has it."""
        listed = self.engine.out("ls-tree", "-r", "-z", commit).decode("utf-8", "surrogateescape")
        lines = [line.split("\t", 1) for line in listed.split("\0") if line]
        return {path: " ".join((facts.split(" ")[0], facts.split(" ")[2])) for facts, path in lines}

    def content(self, commit: str, path: str) -> bytes:
        return self.engine.out("cat-file", "blob", f"{commit}:{path}")


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home / "home"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A Person",
        "GIT_AUTHOR_EMAIL": "person@example.invalid",
        "GIT_COMMITTER_NAME": "A Person",
        "GIT_COMMITTER_EMAIL": "person@example.invalid",
    }


def git(*args: str, cwd: Path, home: Path, check: bool = True) -> str:
    """Run git as a person or an agent would, in a folder."""
    command = ["git", "-c", "protocol.file.allow=always", *args]
    done = subprocess.run(command, cwd=cwd, env=environment(home), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def write_files(root: Path, files: Mapping[str, str | bytes | None]) -> None:
    for path, content in files.items():
        file = root / path
        if content is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def snapshot(root: Path) -> dict[str, object]:
    """Return all there is below a folder but `.git`: kind, executable bit and content of every path."""
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        if Path(folder) == root and ".git" in folders:
            folders.remove(".git")
        for name in [*folders, *files]:
            path = Path(folder, name)
            key = str(path.relative_to(root))
            if path.is_symlink():
                found[key] = ("link", str(path.readlink()))
            elif path.is_dir():
                found[key] = ("folder", path.stat().st_mode & 0o700)
            elif not path.is_file():
                found[key] = ("special",)
            else:
                found[key] = ("file", path.stat().st_mode & 0o100, path.read_bytes())
    return found


Attack = Callable[[Path], None]
__all__ = ["AGENT", "AT", "Attack", "Killed", "World", "environment", "git", "no_fault", "snapshot", "write_files"]
