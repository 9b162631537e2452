"""Many tasks and queue entries at once, written the way swarmgit writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.scene import Scene
from swarmgit.model.ids import AgentName, BlobId, CommitId, EntryId, SessionId, TaskId, ulid
from swarmgit.model.queue import Entry, Queued
from swarmgit.model.status import Attempt, Phase, TaskStatus
from swarmgit.state import kinds

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def store_statuses(here: Scene, names: Sequence[str], *, phase: Phase) -> None:
    """Write a status for each task as one state commit."""
    _write(here, {kinds.TASKS.file(n): kinds.TASKS.dump(_status(n, phase)) for n in names})


def store_finished(here: Scene, count: int) -> None:
    """Write finished tasks into the archive: 250 a day."""
    changes = {}
    for number in range(count):
        status = _status(f"old-{number:05d}", "landed")
        day = BEGIN + timedelta(days=number // 250)
        changes[kinds.TASKS.archive_path(status, day)] = kinds.TASKS.dump(status)
    if changes:
        _write(here, changes)


SHARED = "shared.py"
FIRST = "def first():\n    return 0\n"


def store_queue(here: Scene, names: Sequence[str], *, clash: bool = False) -> None:
    """Let each task have changed one file of its own on the target's head, and stand in the queue.

    `clash`: each has also defined something at the end of one shared file, which has to be there. The commits are
    loose objects of the engine, as after a capture.
    """
    world = here.world()
    base = world.objects.ref("refs/heads/main")
    assert base is not None
    generations = _generations(here)
    heads = _captured(here, names, base, clash=clash)
    changes: dict[str, bytes | None] = {}
    begin = world.clock.now() - timedelta(minutes=5)
    for number, name in enumerate(names):
        at = begin + timedelta(milliseconds=number)
        session = SessionId(ulid(at, name))
        agent = AgentName("builder-01")
        head = CommitId(heads[name])
        entry = Entry(
            id=EntryId(ulid(at, f"{name}/entry")),
            task=TaskId(name),
            session=session,
            agent=agent,
            attempt=1,
            head=head,
            base=base,
            enqueued=at,
            model="script",
            events=(Queued(at=at, head=head, base=base),),
        )
        attempt = Attempt(
            number=1,
            session=session,
            agent=agent,
            runtime="script",
            base=base,
            generation=BlobId(generations[name]),
            started=at,
            ended=at,
            outcome="submitted",
            head=head,
        )
        status = TaskStatus(TaskId(name), f"Do {name}", "queued", attempts=(attempt,), entry=entry.id)
        changes[kinds.TASKS.path(status)] = kinds.TASKS.dump(status)
        changes[kinds.ENTRIES.path(entry)] = kinds.ENTRIES.dump(entry)
    world.close()
    _write(here, changes)


def _status(name: str, phase: Phase) -> TaskStatus:
    attempts: tuple[Attempt, ...] = ()
    if phase != "waiting":
        attempts = (
            Attempt(
                number=1,
                session=SessionId(ulid(BEGIN, name)),
                agent=AgentName("builder-01"),
                runtime="script",
                base=CommitId("0" * 40),
                generation=BlobId("0" * 40),
                started=BEGIN,
                ended=BEGIN + timedelta(minutes=5),
                outcome="landed",
            ),
        )
    return TaskStatus(TaskId(name), f"Do {name}", phase, attempts=attempts)


def _generations(here: Scene) -> dict[str, str]:
    listing = here.git("ls-tree", "main:.swarm/tasks").splitlines()
    return {line.split("\t")[1].removesuffix(".yaml"): line.split()[2] for line in listing}


def _captured(here: Scene, names: Sequence[str], base: str, *, clash: bool) -> dict[str, str]:
    stream = []
    for name in names:
        stream.append(f"commit refs/swarm/captured/{name}/bench\nmark :1\n")
        stream.append("committer builder-01 <builder-01@agents.invalid> 1767225600 +0000\n")
        message = f"Do {name}"
        stream.append(f"data {len(message)}\n{message}\nfrom {base}\n")
        stream.append(f"M 100644 inline {name}.txt\ndata {len(name) + 1}\n{name}\n\n")
        if clash:
            text = f'{FIRST}\n\ndef {name.replace("-", "_")}():\n    return "{name}"\n'
            stream.append(f"M 100644 inline {SHARED}\ndata {len(text)}\n{text}\n")
    here.engine_git("-c", "fastimport.unpackLimit=1000000", "fast-import", "--quiet", stdin="".join(stream).encode())
    refs = here.engine_git("for-each-ref", "--format=%(refname) %(objectname)", "refs/swarm/captured").splitlines()
    return {line.split("/")[3]: line.split()[1] for line in refs}


def _write(here: Scene, changes: dict[str, bytes | None] | dict[str, bytes]) -> None:
    world = here.world()
    world.state.write(changes, "benchmark: what is there already", BEGIN)
    world.close()
