"""`runtime list` and `runtime check`: which agent programs are here, and what one of them truly does on this machine.

The check is a tiny real task in a scratch repository, through the same reconciler as every other task. It spends a few
tokens of the account that the runtime uses. What it cannot try on a real provider it calls not tried.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from swarmgit.app import control
from swarmgit.app.check_stage import CheckStage
from swarmgit.app.run import Options, TickReport, reconcile
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.actions import StartSession
from swarmgit.model.ids import SessionId, TaskId
from swarmgit.model.sessions import AgentSession, of_kind
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.ports.world import ReadWorld, World
from swarmgit.state import blocks

TASK = TaskId("check")
FILE = "swarmgit-check.txt"
WORD = "swarmgit"
STOP_TASK = TaskId("check-stop")
STOP_FILE = "swarmgit-stop.txt"
STOP_AFTER_S = 4.0
BY = "swarmgit runtime check"
NOTE_FILE = "note.txt"
NOTE = f"One more thing: also create a file {NOTE_FILE} that holds the word noted."
Answer = Literal["yes", "no", "not tried", "unknown"]


class Known(Protocol):
    """What an adapter says of itself."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def capabilities(self) -> Any:  # noqa: ANN401  a value of the runtimes' layer, which is beside this one
        """Return what it says that it can do."""

    @property
    def needs(self) -> Any:  # noqa: ANN401
        """Return what it says that it needs."""


class Installed(Struct, frozen=True):
    """`program`: where it was found, None where it was not. `missing`: what has to be done before it can work."""

    name: str
    program: str | None
    version: str | None
    credentials: tuple[str, ...]
    missing: tuple[str, ...]
    can: Mapping[str, bool]


def installed(
    adapters: Callable[[], Iterator[Known]],
    find_program: Callable[[str], str | None],
    version_of: Callable[[str], str | None],
    environ: Mapping[str, str],
) -> tuple[Installed, ...]:
    """Return every adapter and what it finds here. Runs each program once, to ask for its version."""
    return tuple(_installed(each, find_program, version_of, environ) for each in adapters())


def _installed(
    known: Known,
    find_program: Callable[[str], str | None],
    version_of: Callable[[str], str | None],
    environ: Mapping[str, str],
) -> Installed:
    needs, can = known.needs, known.capabilities
    found = {program: find_program(program) for program in needs.programs}
    first = found.get(needs.programs[0]) if needs.programs else None
    missing = [f"the program {program} is not on PATH" for program, path in found.items() if path is None]
    present = tuple(name for name in needs.credentials if environ.get(name))
    if needs.credentials and not present:
        missing.append(f"none of {', '.join(needs.credentials)} is set")
    abilities = {
        "resume": can.can_resume,
        "message": can.takes_messages,
        "usage": can.reports_usage,
        "price": can.reports_price,
    }
    version = version_of(first) if first else None
    return Installed(known.name, first, version, present, tuple(missing), abilities)


class Finding(Struct, frozen=True):
    """`tried`: what the answer rests on."""

    what: str
    answer: Answer
    tried: str


class Checked(Struct, frozen=True):
    """`reason`: why the task did not land; '' where it did."""

    runtime: str
    model: str | None
    works: bool
    reason: str
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """Return `runtime check --json`."""
        return {"version": 1, **msgspec.to_builtins(self)}


def intent(stage: CheckStage, minutes: float) -> dict[str, bytes]:
    """Return the files of the scratch repository: settings with the runtime as the person has it, and one task."""
    name = stage.runtime.name
    tier = {"runtime": name, **({"model": stage.model} if stage.model else {})}
    swarm = {
        "version": 1,
        "target": "main",
        "attempts_max": 1,
        "minutes_per_session": minutes,
        "tiers": {"standard": tier},
        "routing": dict.fromkeys(("plan", "review", "security", "mechanical", "docs"), "standard"),
        "runtimes": {name: stage.settings},
    }
    task = {
        "version": 1,
        "title": "See whether this agent program works here",
        "description": f"Create a file {FILE} that holds the word {WORD} and nothing else. Then run one harmless "
        "command, such as git status. Do nothing else, but do what a note asks you while you work.",
        "scope": {"owns": [FILE, NOTE_FILE]},
        "acceptance": [{"run": f"grep -qx {WORD} {FILE}"}],
    }
    stop = {
        "version": 1,
        "title": "See whether this agent program can be stopped",
        "description": "Run the shell command `sleep 300` and wait for it. Do nothing else.",
        "depends_on": [TASK],
        "scope": {"owns": [STOP_FILE]},
    }
    return {
        "README.md": b"A scratch repository of swarmgit runtime check.\n",
        ".swarm/.gitignore": b"state/\nrun\n",
        paths.SWARM_YAML: blocks.write(swarm).encode(),
        paths.POLICY_YAML: blocks.write(dict(stage.policy)).encode(),
        f"{paths.TASKS}/{TASK}.yaml": blocks.write(task).encode(),
        f"{paths.TASKS}/{STOP_TASK}.yaml": blocks.write(stop).encode(),
    }


def check(
    world: World,
    stage: CheckStage,
    adapter: Known,
    message_file: Callable[[str, str], tuple[str, bytes]],
    timeout_s: float,
) -> Checked:
    """Run the task in the scratch repository of `world`, and say what was seen.

    `message_file`: name and content of the file in a session's folder that shows it a note.
    """
    told: list[SessionId] = []
    limits: list[str] = []

    def watch(report: TickReport) -> None:
        sessions = of_kind(report.look.observed.sessions.values(), AgentSession)
        limits.extend(each.spec.id for each in sessions if each.limited_until)
        for each in sessions:
            if each.spec.task == STOP_TASK and _is_busy(each, report.look.now):
                control.stop(world, each.spec.id, BY)
        for action in report.actions:
            if isinstance(action, StartSession) and adapter.capabilities.takes_messages and not told:
                told.append(action.spec.id)
                world.executor.write(action.spec.id, *message_file("check", NOTE))

    result = reconcile(world, Options(timeout_s=timeout_s), watch, threading.Event())
    status = result.look.observed.statuses.get(TASK) or result.look.plan.views.get(TASK)
    if status is None or status.last is None:
        reasons = [str(problem) for problem in result.look.desired.problems] or [result.reason]
        raise PersonMustAct(f"the check could not start a session: {'; '.join(reasons)}")
    stopped = result.look.observed.statuses.get(STOP_TASK)
    return _judged(world, stage, adapter, (status, stopped), (bool(told), bool(limits)))


def _is_busy(session: AgentSession, now: datetime) -> bool:
    """Return whether a session is in the middle of something, so that stopping it shows what that leaves."""
    age_s = (now - session.spec.started).total_seconds()
    is_at_it = session.stream.tools > 0 or (session.stream.lines > 0 and age_s > STOP_AFTER_S)
    return is_at_it and not session.is_over and session.stop is None


def _judged(
    world: ReadWorld,
    stage: CheckStage,
    adapter: Known,
    statuses: tuple[TaskStatus, TaskStatus | None],
    seen: tuple[bool, bool],
) -> Checked:
    status, stopped = statuses
    last = status.attempts[-1]
    works = status.phase == "landed"
    files = _files(world, status)
    was_told, was_limited = seen
    usage = last.usage
    findings = (
        Finding("edit", "yes" if FILE in files else "no", f"a file in its worktree; the attempt ended {last.outcome}"),
        Finding("usage", "yes" if usage.tokens else "no", f"{usage.tokens} tokens were reported"),
        Finding("price", "yes" if usage.usd is not None else "unknown", _price(last)),
        _message(adapter, files, was_told=was_told),
        _resume(adapter, last),
        _stop(stopped),
        Finding("rate limit", "yes" if was_limited or last.outcome == "rate-limited" else "not tried", _limit(last)),
    )
    return Checked(stage.runtime.name, stage.model, works, "" if works else status.reason, findings)


def _price(last: Attempt) -> str:
    return (
        f"{last.usage.usd:.6f} USD"
        if last.usage.usd is not None
        else "no price is known; set one in swarm.yaml, prices"
    )


def _message(adapter: Known, files: frozenset[str], *, was_told: bool) -> Finding:
    if not adapter.capabilities.takes_messages:
        return Finding("message", "no", "the program takes none while it works")
    if not was_told:
        return Finding("message", "not tried", "no session was started")
    done = NOTE_FILE in files
    return Finding("message", "yes" if done else "unknown", "a note was sent" + (" and followed" if done else ""))


def _stop(status: TaskStatus | None) -> Finding:
    """Return what stopping a session in the middle came to; it is settled only once no process of it is left."""
    last = status.last if status else None
    if last is None or last.outcome != "cancelled":
        why = f"its session ended {last.outcome} by itself" if last else "no session was started"
        return Finding("stop", "not tried", why)
    seconds = last.seconds or 0.0
    return Finding("stop", "yes", f"a session was stopped after {seconds:.0f} s, and no process of it was left")


def _resume(adapter: Known, last: Attempt) -> Finding:
    if not adapter.capabilities.can_resume:
        return Finding("resume", "no", "after a pause a new conversation goes on with the work of the last one")
    has_name = last.conversation is not None
    return Finding("resume", "yes" if has_name else "no", f"conversation {last.conversation or 'not named'}")


def _limit(last: Attempt) -> str:
    return "the provider asked for a pause" if last.outcome == "rate-limited" else "the provider set no limit meanwhile"


def _files(world: ReadWorld, status: TaskStatus) -> frozenset[str]:
    """Return what the session changed, landed or kept aside."""
    last = status.attempts[-1]
    at = status.landed_commit or (world.objects.ref(last.salvage) if last.salvage else None)
    try:
        return frozenset(world.objects.walk(world.objects.commit(at).tree)) if at else frozenset()
    except SwarmError:
        return frozenset()
