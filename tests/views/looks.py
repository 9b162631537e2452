"""Looks made by hand: what a tick saw and would do, without a repository."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from specs import spec_of

from swarmgit.app.look import Look
from swarmgit.model.actions import Plan, StartSession
from swarmgit.model.desired import Desired, Gate, Runtime, Scope, Swarm, Task, WorktreeConfig
from swarmgit.model.ids import (
    AgentName,
    BlobId,
    CommitId,
    EntryId,
    EvidenceKey,
    GateName,
    SessionId,
    TaskId,
    TreeId,
)
from swarmgit.model.observed import Observed
from swarmgit.model.queue import Candidate, Entry, Queued
from swarmgit.model.sessions import AgentSpec, ProgramSpec, Session, SessionSpec
from swarmgit.model.status import Attempt, GateResult, Identity, Rejection, TaskStatus
from swarmgit.model.usage import Usage

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
BASE = CommitId("b" * 40)
HEAD = CommitId("c" * 40)
LANDED = CommitId("d" * 40)
TREE = TreeId("e" * 40)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def task(id_: str, **fields) -> Task:
    defaults = {"title": f"Do {id_}", "description": "What and why.", "scope": Scope(owns=("src/**",))}
    return Task(TaskId(id_), f".swarm/tasks/{id_}.yaml", BlobId("a" * 40), **{**defaults, **fields})


def attempt(number: int = 1, **fields) -> Attempt:
    known = {
        "number": number,
        "session": SessionId(f"s{number}"),
        "agent": AgentName("builder-01"),
        "runtime": "codemod",
        "base": BASE,
        "generation": BlobId("a" * 40),
        "started": at(-10),
    }
    return Attempt(**{**known, **fields})


def status(id_: str, **fields) -> TaskStatus:
    return TaskStatus(**{"task": TaskId(id_), "title": f"Do {id_}", **fields})


def landed(id_: str) -> TaskStatus:
    last = attempt(outcome="landed", ended=at(-5), usage=Usage(input_tokens=900, output_tokens=300, usd=0.25))
    return status(
        id_,
        phase="landed",
        reason=f"landed as {LANDED[:10]}",
        attempts=(last,),
        landed_commit=LANDED,
        finished=at(-4),
    )


def rejection(**fields) -> Rejection:
    known = {
        "kind": "gate",
        "summary": "gate test failed on what you submitted",
        "next_step": "Make `pytest -q` pass.",
        "gate": GateName("test"),
        "command": "pytest -q",
        "exit_code": 1,
        "places": ({"file": "tests/test_a.py", "line": 3, "message": "assert 1 == 2"},),
    }
    return Rejection(**{**known, **fields})


def session(id_: str = "s1", kind: type[SessionSpec] = AgentSpec, **fields) -> Session:
    spec = {"base": BASE, "started": at(-10), "task": TaskId("api"), **fields.pop("spec", {})}
    if issubclass(kind, ProgramSpec):
        spec = {"runtime": "codemod", **spec}
    return Session.of(**{"spec": spec_of(kind, id_, **spec), "state": "running", "pid": 4711, **fields})


def entry(id_: str = "e1", **fields) -> Entry:
    known = {
        "id": EntryId(id_),
        "task": TaskId("api"),
        "session": SessionId("s1"),
        "agent": AgentName("builder-01"),
        "attempt": 1,
        "head": HEAD,
        "base": BASE,
        "enqueued": at(-3),
        "candidate": Candidate(BASE, LANDED, TREE),
        "evidence": (GateResult(GateName("test"), "pass", EvidenceKey("k"), TREE, at(-2), seconds=1.5),),
        "events": (Queued(at=at(-3), head=HEAD, base=BASE),),
    }
    return Entry(**{**known, **fields})


def identity(name: str = "builder-01", **fields) -> Identity:
    known = {"name": AgentName(name), "role": "builder", "created": at(-600)}
    return Identity(**{**known, **fields})


def start(item: Task) -> StartSession:
    spec = session("s9", spec={"task": item.id}).spec
    return StartSession(spec, item, Runtime("codemod", "command"), WorktreeConfig(), f"prompt of {item.id}\n", "ready")


def look(*tasks: Task, statuses=(), actions=(), views=(), desired=None, **observed) -> Look:
    wanted = Desired(
        commit=BASE,
        swarm=Swarm(target="main"),
        gates=(Gate(GateName("test"), "pytest -q"),),
        tasks={each.id: each for each in tasks},
        roles={"builder": "You build."},
    )
    known = {each.task: each for each in statuses}
    seen = {each.task: each for each in views}
    return Look(
        desired=replace(wanted, **(desired or {})),
        observed=Observed(**{"target_head": BASE, "state_head": HEAD, "statuses": known, **observed}),
        plan=Plan(actions=tuple(actions), views=seen),
        now=NOW,
    )
