"""A real repository with a history made by hand: landings without any reconciler, so that each can be made wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from msgspec.structs import replace

from swarmgit.adapters.background import Threads
from swarmgit.adapters.git.engine import GitEngine, engine_git
from swarmgit.adapters.git.history import GitHistory
from swarmgit.adapters.git.integrity import GitIntegrity
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.state import GitStateStore
from swarmgit.model import trailers
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.ids import AgentName, CommitId, EntryId, EvidenceKey, SessionId, TaskId, TreeId
from swarmgit.model.queue import Candidate, Entry, Landed, Landing
from swarmgit.model.status import Attempt, GateResult, TaskStatus
from swarmgit.plan.evidence import BUILT_IN
from swarmgit.ports.repository import Repository
from swarmgit.ports.world import World
from swarmgit.state import kinds
from tests.worlds import with_parts, world_of

START = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
REQUIRED = (*BUILT_IN, "test")


@dataclass
class Watch:
    """A clock that a test sets."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Paper:
    top: Path
    clock: Watch = field(default_factory=Watch)
    closers: list[Callable[[], None]] = field(default_factory=list)
    opened: World | None = None

    def git(self, *args: str, stdin: str | None = None) -> str:
        env = {**os.environ, "GIT_AUTHOR_DATE": "2026-01-02T12:00:00Z", "GIT_COMMITTER_DATE": "2026-01-02T12:00:00Z"}
        done = subprocess.run(
            ["git", *args], cwd=self.top, input=stdin, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, files: dict[str, str], message: str = "work") -> CommitId:
        """Commit as a person does, on main."""
        for name, text in files.items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.head()

    def head(self, rev: str = "main") -> CommitId:
        return CommitId(self.git("rev-parse", rev))

    def world(self) -> World:
        """Return a world with what reading needs; anything else is None and fails when it is touched."""
        self.opened = self.opened or self._open()
        return self.opened

    def _open(self) -> World:
        common = self.top / ".git"
        live = common / "swarmgit"
        live.mkdir(exist_ok=True)
        objects = GitObjects(Git(common))
        engine = GitEngine(engine_git(live, common, objects.algorithm), objects)
        store = GitStateStore(objects, "swarm/state")
        self.closers += [objects.close, store.close, engine.close]
        background = Threads(lambda: None)
        with_parts(engine, integrity=GitIntegrity(engine.objects, lambda: None, background, is_leader=False))
        return world_of(
            repository=Repository(common, self.top, live, self.top.parent / "store", "main", "swarm/state"),
            clock=self.clock,
            objects=objects,
            state=store,
            engine=engine,
            history=GitHistory(objects),
            runtimes=SimpleNamespace(names=ADAPTERS.keys),
        )

    def record(self, *values: Entry | TaskStatus, message: str = "tick") -> None:
        """Write entries and statuses to the state branch."""
        self.write({place_of(value): text_of(value) for value in values}, message)

    def write(self, changes: dict[str, bytes | None], message: str = "tick") -> None:
        self.clock.at += timedelta(minutes=1)
        self.world().state.write(changes, message, self.clock.at)

    def land(self, task: str = "api", **files: str) -> Entry:
        """Land a task as swarmgit does: a merge with trailers, gated on its tree; return its entry, recorded."""
        entry = self.landing(task, files or {f"{task}.txt": task})
        self.record(entry)
        return entry

    def landing(self, task: str, files: dict[str, str], *, with_trailers: bool = True) -> Entry:
        """Make the commits and return the entry that tells the truth about them."""
        base = self.head()
        self.git("checkout", "-q", "-b", f"work-{task}")
        head = self.commit(files, message_of(task))
        self.git("checkout", "-q", "main")
        message = message_of(task) if with_trailers else "Merge"
        self.git("merge", "-q", "--no-ff", "-m", message, f"work-{task}")
        return truthful(self, task, base, head, self.head())


def message_of(task: str) -> str:
    maker = trailers.Maker(TaskId(task), AgentName("builder-01"), SessionId(f"session-{task}"), "codemod", 1)
    return trailers.message(f"Land {task}", "", maker)


def truthful(paper: Paper, task: str, base: CommitId, head: CommitId, commit: CommitId) -> Entry:
    tree = TreeId(paper.world().engine.code_tree(commit))
    at = paper.clock.at
    evidence = tuple(GateResult(name, "pass", EvidenceKey(f"key-{name}"), tree, at) for name in REQUIRED)
    intent = Landing(at=at, required=REQUIRED, old=base, new=commit, code_tree=tree)
    return Entry(
        id=EntryId(f"entry-{task}"),
        task=TaskId(task),
        session=SessionId(f"session-{task}"),
        agent=AgentName("builder-01"),
        attempt=1,
        head=head,
        base=base,
        enqueued=START,
        model="codemod",
        state="landed",
        candidate=Candidate(base, commit, tree),
        evidence=evidence,
        landed_commit=commit,
        events=(intent, Landed(at=at, commit=commit)),
    )


def status_of(entry: Entry, **fields) -> TaskStatus:
    last = Attempt(1, entry.session, entry.agent, "codemod", entry.base, "0" * 40, START, outcome="landed")
    known = {"phase": "landed", "attempts": (last,), "landed_commit": entry.landed_commit, "finished": START}
    return TaskStatus(entry.task, f"Do {entry.task}", **{**known, **fields})


def place_of(value: Entry | TaskStatus) -> str:
    return kinds.of(value).path(value)


def text_of(value: Entry | TaskStatus) -> bytes:
    return kinds.of(value).dump(value)


def without(entry: Entry, gate: str) -> Entry:
    return replace(entry, evidence=tuple(result for result in entry.evidence if result.gate != gate))
