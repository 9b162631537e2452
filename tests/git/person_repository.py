"""A real repository of a person, and what swarmgit does to it."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from swarmgit.adapters.git.engine import GitEngine, engine_git
from swarmgit.adapters.git.landing import GitLanding
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.state import GitStateStore
from swarmgit.adapters.git.statecheckout import StateCheckout
from swarmgit.model.ids import CommitId

AT = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


class Killed(BaseException):
    """Stands for SIGKILL between two steps."""


@dataclass
class Person:
    """A person's repository and the git they type, with a home of their own."""

    top: Path
    home: Path
    branch: str = "main"
    closers: list = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}

    @property
    def common_dir(self) -> Path:
        return Path(self.git("rev-parse", "--path-format=absolute", "--git-common-dir"))

    @property
    def live(self) -> Path:
        live = self.common_dir / "swarmgit"
        live.mkdir(exist_ok=True)
        return live

    def git(self, *args: str, cwd: Path | None = None, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=cwd or self.top,
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {args}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def write(self, files: dict[str, str], top: Path | None = None) -> None:
        for name, text in files.items():
            path = (top or self.top) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: dict[str, str], message: str = "change") -> CommitId:
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.head()

    def head(self, ref: str = "HEAD") -> CommitId:
        return CommitId(self.git("rev-parse", ref))

    def make(self, base: str, files: dict[str, str | None], message: str = "work") -> CommitId:
        """Make a commit on `base` without touching index or working tree; None deletes, 'x:…' is executable."""
        index = self.home / "made.index"
        env = {**self.environ, "GIT_INDEX_FILE": str(index)}

        def run(*args: str, stdin: str = "") -> str:
            done = subprocess.run(
                ["git", *args], cwd=self.top, env=env, input=stdin, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        run("read-tree", base)
        for path, text in files.items():
            if text is None:
                run("rm", "-q", "--cached", path)
                continue
            mode = "100755" if text.startswith("x:") else "100644"
            oid = run("hash-object", "-w", "--stdin", stdin=text.removeprefix("x:"))
            run("update-index", "--add", "--replace", "--cacheinfo", f"{mode},{oid},{path}")
        tree = run("write-tree")
        index.unlink()
        return CommitId(run("commit-tree", tree, "-p", base, "-m", message))

    def objects(self) -> GitObjects:
        return self._keep(GitObjects(Git(self.common_dir)))

    def engine(self) -> GitEngine:
        objects = self.objects()
        return self._keep(GitEngine(engine_git(self.live, self.common_dir, objects.algorithm), objects))

    def state(self, **options) -> GitStateStore:
        objects = self.objects()
        checkout = None
        if self.git("rev-parse", "--is-bare-repository") == "false":
            filler = engine_git(self.live, self.common_dir, objects.algorithm)
            checkout = StateCheckout(objects, filler, self.top, self.live, "swarm/state")
        return self._keep(GitStateStore(objects, "swarm/state", checkout, **options))

    def landing(self, fault=lambda _: None) -> GitLanding:
        engine = self.engine()
        objects = self.objects()
        return self._keep(GitLanding(objects, engine.transfer, self.live, self.environ, fault))

    def _keep(self, part):
        self.closers.append(part)
        return part

    def close(self) -> None:
        for part in self.closers:
            part.close()


def make_person(folder: Path, *init: str) -> Person:
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Pat\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n"
    )
    top = folder / "project"
    top.mkdir()
    person = Person(top, home)
    person.git("init", "-q", *init)
    return person


def kill_landing(person: Person, step: str, old: CommitId, new: CommitId) -> None:
    """Land as far as this step, and no further: not even what is done on the way out of a failure."""

    def kill(name: str) -> None:
        if name == step:
            raise Killed

    with suppress(Killed):
        person.landing(kill).land("main", old, new)
        raise AssertionError(f"there is no step {step!r}")
