"""The world of a command that only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.background import Threads
from swarmgit.adapters.failures import FailureNotes
from swarmgit.adapters.git.discover import FoundRepository, find_target
from swarmgit.adapters.git.history import GitHistory
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.state import GitStateStore
from swarmgit.adapters.live_cache import FileCache
from swarmgit.adapters.notes import Notes
from swarmgit.adapters.processes.executor import LocalExecutor
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.adapters.secrets.guard import Guard
from swarmgit.adapters.surroundings import Surroundings, seen_from
from swarmgit.documents import paths
from swarmgit.model.incidents import Alert, facts
from swarmgit.ports.machine import Clock
from swarmgit.ports.repository import Landing, Repository
from swarmgit.ports.sandbox import Sandbox
from swarmgit.ports.store import StateBranch, Transcripts
from swarmgit.ports.worktrees import Worktrees
from swarmgit.wiring.engine import Access, Engine
from swarmgit.wiring.here import HereMachine, PersonsGit
from swarmgit.wiring.part import Part
from swarmgit.wiring.programs import AgentPrograms
from swarmgit.wiring.state_branch import state_branch

TARGET_NAME = "target"


class Opened(Struct, frozen=True):
    """What a world is opened with. `place`: the surroundings of who led last. `sandboxes`: the kinds to look for."""

    found: FoundRepository
    place: Surroundings | None
    environ: Mapping[str, str]
    clock: Clock
    sandboxes: Sequence[str]


class Reading:
    """ports.ReadWorld. Each part is made, and what it needs is loaded, when it is first asked for."""

    access = Access()

    def __init__(self, opened: Opened) -> None:
        self.clock = opened.clock
        self.runtimes = AgentPrograms()
        self._opened = opened
        self._found = opened.found

    @Part
    def repository(self) -> Repository:
        found = self._found
        target, former = self._target()
        branch = state_branch(self.objects, self.cache, target, lead=self.access.is_leader)
        return Repository(found.common_dir, found.top, found.live, found.store, target, branch, former)

    def _target(self) -> tuple[str | None, str | None]:
        """Return the target branch, remembered so that a person may be on any branch, and what it was before."""
        remembered = (self.cache.read(TARGET_NAME) or b"").decode("utf-8", "replace").strip() or None
        target = find_target(self.objects, remembered)
        if target is not None and target != remembered:
            self.cache.write(TARGET_NAME, target.encode())
        return target, remembered

    @Part
    def machine(self) -> HereMachine:
        """Return it with its bells: sessions that end, the target's and the state's refs, and packed refs."""
        heads = self._found.common_dir / "refs" / "heads"
        refs = [heads / branch for branch in (self.repository.target, self.repository.state_branch) if branch]
        bells = [self._found.live / paths.BELL, *(ref.parent for ref in refs)]
        return HereMachine(self._opened.environ, self._opened.place, bells)

    @Part
    def person(self) -> PersonsGit:
        return PersonsGit(self._found, self.objects, self._opened.environ)

    @Part
    def objects(self) -> GitObjects:
        return GitObjects(Git(self._found.common_dir, pass_fds=self.access.fds), self._found.algorithm)

    @Part
    def history(self) -> GitHistory:
        return GitHistory(self.objects)

    @Part
    def store(self) -> GitStateStore:
        return GitStateStore(self.objects, self.repository.state_branch)

    @property
    def state(self) -> StateBranch:
        return self.store

    @Part
    def background(self) -> Threads:
        return Threads(lambda: None)

    @Part
    def engine(self) -> Engine:
        search = self._opened.environ.get("PATH")
        return Engine(self._found, self.objects, self.background, search, self.access)

    @Part
    def landing(self) -> Landing:
        from swarmgit.adapters.git.landing import GitLanding

        return GitLanding(self.objects, self.engine.transfer, self._found.live, self._opened.environ, self.fault)

    @Part
    def worktrees(self) -> Worktrees:
        from swarmgit.adapters.git.history import Target
        from swarmgit.adapters.git.persons import Person
        from swarmgit.adapters.git.worktrees import GitWorktrees

        found = self._found
        branch = Target(Git(found.common_dir), paths.branch_ref(self.repository.target or ""))
        has = partial(_has_commit, self.objects)
        excludes = found.live / paths.EXCLUDES
        person = Person(found.common_dir / "objects", found.top, found.algorithm, branch, has, excludes)
        return GitWorktrees(self.engine.git, found.store, person, self.engine.code_tree, self.fault, self._note)

    def _note(self, place: Path, reason: str) -> None:
        self.notices.add(Alert("worktree/leftover", facts=facts(place=place, reason=reason)))

    @Part
    def executor(self) -> LocalExecutor:
        return LocalExecutor(self._found.live, self.clock, self.fault)

    @Part
    def cache(self) -> FileCache:
        return FileCache(self._found.live / paths.CACHE, keeps=self.access.keeps)

    @Part
    def sandbox(self) -> Sandbox:
        """Return what wraps sessions by policy. It never shows the repository's settings, other sessions, the home."""
        from swarmgit.adapters.sandbox.confine import Confiner

        found, environ = self._found, seen_from(self._opened.environ, self._opened.place)
        home = Path(environ["HOME"]) if environ.get("HOME") else None
        hidden = tuple(path.resolve() for path in (found.common_dir, found.live, found.store, *filter(None, (home,))))
        objects, kinds = found.common_dir / "objects", tuple(self._opened.sandboxes)
        return Confiner(self.cache, self._vault, objects, found.live.resolve(), hidden, environ, kinds)

    @Part
    def _vault(self) -> Vault:
        return Vault(self._found.live / paths.SECRETS)

    @Part
    def secrets(self) -> Guard:
        return Guard(self._vault, self._found.live / paths.LEAKS)

    @Part
    def notices(self) -> Notes[Alert]:
        return Notes(self._found.live / paths.NOTICES, Alert)

    @Part
    def failures(self) -> FailureNotes:
        return FailureNotes(self._found.live / paths.FAILURES, f"{paths.RUN_LINK}/{paths.FAILURES}")

    @Part
    def transcripts(self) -> Transcripts:
        from swarmgit.adapters.git.transcripts import GitTranscripts

        return GitTranscripts(self.objects)

    def fault(self, name: str) -> None:
        """Do nothing; the crash tests raise here."""

    def close(self) -> None:
        """End the git children; whatever is asked afterwards starts them again."""
        for name in ("landing", "transcripts", "store", "engine", "objects"):
            part = vars(self).get(name)
            if part is not None and hasattr(part, "close"):
                part.close()


def _has_commit(objects: GitObjects, rev: str) -> bool:
    return objects.kind(rev) == "commit"
