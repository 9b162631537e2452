"""A swarm in values: the plan's actions are applied to what is observed, so that whole lives pass without a process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from swarmgit.model.actions import (
    Action,
    DeliverMail,
    FinishSession,
    FollowRemote,
    KeepEvidence,
    Land,
    Plan,
    Remove,
    Retire,
    RunGate,
    Salvage,
    Save,
    StartPush,
    StartSession,
    StateChange,
    StopSession,
    TakeMail,
    TryMerges,
)
from swarmgit.model.control import TaskControl
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.desired import Convoy, Desired, Gate, Runtime, Scope, Swarm, Task, Tier
from swarmgit.model.events import Stream
from swarmgit.model.histories import Followed, GateHistory
from swarmgit.model.ids import BlobId, CommitId, ConvoyId, GateName, SessionId, TaskId, TreeId
from swarmgit.model.incidents import Incident
from swarmgit.model.mail import DEAD, Mail, Outbox
from swarmgit.model.observed import MergeTry, Observed, RemoteHead
from swarmgit.model.pins import Unpin
from swarmgit.model.policy import Policy
from swarmgit.model.queue import Entry, Landing
from swarmgit.model.renames import RenameTask
from swarmgit.model.sessions import Session, SessionSpec
from swarmgit.model.status import Difference, Identity, TaskStatus
from swarmgit.model.work import Capture, Change, Evidence, Push, Pushed
from swarmgit.plan import plan

T = TypeVar("T")
T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(seconds=1)
ROOT = CommitId("root")
TIERS = {name: Tier("script") for name in ("frontier", "standard", "fast")}
CHECK = Gate(GateName("check"), "make check")

SWARM = Swarm(target="main", tiers=TIERS, runtimes={"script": Runtime("script", "command", ("sh",))})
NOTHING_YET = Observed(target_head=ROOT, target_code_tree=TreeId("tree of root"), environment="here")

Ends = Callable[[Session], dict[str, Any]]


def saved(actions: Iterable[Action], kind: type[T]) -> list[T]:
    """Return the values of a kind that actions save."""
    return [action.value for action in actions if isinstance(action, Save) and isinstance(action.value, kind)]


def task(name: str, **fields: Any) -> Task:
    """Return a task that owns one file named after it."""
    given: dict[str, Any] = {
        "path": f".swarm/tasks/{name}.yaml",
        "generation": BlobId("g1"),
        "title": f"Do {name}",
        "description": "",
        "scope": Scope(owns=(f"{name}.txt",)),
        **fields,
    }
    return Task(id=TaskId(name), **given)


def submits(session: Session) -> dict[str, Any]:
    """The agent ends well, with its own file changed."""
    return {"exit_code": 0, "paths": (f"{session.spec.task}.txt",)}


def fails(session: Session) -> dict[str, Any]:
    return {"exit_code": 1, "paths": (f"{session.spec.task}.txt",)}


def changes_nothing(session: Session) -> dict[str, Any]:
    return {"exit_code": 0, "paths": ()}


def says_no_change(session: Session) -> dict[str, Any]:
    return {"exit_code": 0, "paths": (), "stream": Stream(no_change="it is there")}


def strays(session: Session) -> dict[str, Any]:
    return {"exit_code": 0, "paths": ("README.md",)}


def is_lost(session: Session) -> dict[str, Any]:
    return {"state": "lost", "exit_code": None, "paths": ()}


def cannot_start(session: Session) -> dict[str, Any]:
    return {"exit_code": None, "error": "no such program", "paths": ()}


def never_ends(session: Session) -> dict[str, Any]:
    return {}


@dataclass
class Life:
    """`ends`: what becomes of each agent's session one tick after its start. `answers`: a gate's outcome on a tree."""

    tasks: dict[TaskId, Task]
    gates: tuple[Gate, ...] = (CHECK,)
    swarm: Swarm = SWARM
    ends: Ends = submits
    answers: Callable[[GateName, TreeId], str] = lambda gate, tree: "pass"
    conflicts: Callable[[TaskId, CommitId], bool] = lambda task, onto: False
    observed: Observed = NOTHING_YET
    now: datetime = START
    held: frozenset[TaskId] = frozenset()
    paths: dict[SessionId, tuple[str, ...]] = field(default_factory=dict)
    line: list[CommitId] = field(default_factory=lambda: [ROOT])
    did: list[Action] = field(default_factory=list)
    is_landing_blocked: bool = False
    edited: frozenset[str] = frozenset()
    """Tasks whose files a person is editing."""

    remote_line: list[CommitId] = field(default_factory=lambda: [ROOT])
    known_remote: CommitId | None = None
    refuses: Callable[[Push], Pushed | None] = lambda push: None
    followed: list[CommitId] = field(default_factory=list)
    policy: Policy = field(default_factory=Policy)
    convoys: dict[ConvoyId, Convoy] = field(default_factory=dict)
    differs: Callable[[TaskId, CommitId], Difference] = lambda task, onto: Difference(task, "files", "guarded")
    """What a task's candidate changes on a commit."""

    @property
    def desired(self) -> Desired:
        return Desired(
            CommitId("intent"),
            self.swarm,
            self.gates,
            self.policy,
            tasks=self.tasks,
            convoys=self.convoys,
            roles={"builder": "Build.", "reviewer": "Review."},
            held=self.held,
        )

    def decide(self) -> Plan:
        return plan(self.desired, self.observed, self.now)

    def tick(self) -> Plan:
        """Let every agent at work end, decide, apply, and let a second pass."""
        return self.tick_until_cut(None)

    def tick_until_cut(self, cut: int | None) -> Plan:
        """Tick, but be killed after `cut` steps. Order: effects, the record as one, letting go, starts."""
        self.end_sessions()
        self._see_remote()
        tasks = {entry.id: entry.task for entry in self.observed.entries.values()}
        held = {e: p for e, p in self.observed.blocked.items() if self.is_landing_blocked or tasks[e] in self.edited}
        self.see(blocked=held)
        decided = self.decide()
        last = (DeliverMail, TakeMail, Retire, Unpin, FollowRemote, StartSession, RunGate, StartPush)
        effects = [(a,) for a in decided.actions if not isinstance(a, (*last, StateChange))]
        saves = tuple(a for a in decided.actions if isinstance(a, StateChange))
        after = [(a,) for kind in (last[:5], last[5:]) for a in decided.actions if isinstance(a, kind)]
        for step in [*effects, saves, *after][:cut]:
            for action in step:
                self._apply(action)
                self.did.append(action)
        self.now += TICK
        return decided

    def settle(self, ticks_max: int = 400) -> Plan:
        for _ in range(ticks_max):
            decided = self.tick()
            if decided.is_settled:
                return decided
        raise AssertionError(f"not settled after {ticks_max} ticks: {self.phases()}")

    def phases(self) -> dict[str, str]:
        return {name: status.phase for name, status in sorted(self.observed.statuses.items())}

    def status(self, name: str) -> TaskStatus:
        return self.observed.statuses[TaskId(name)]

    def started(self) -> list[str]:
        return [f"{a.spec.task}" for a in self.did if isinstance(a, StartSession)]

    def landed(self) -> list[str]:
        return [e.task for e in sorted(self.observed.entries.values(), key=self._place) if e.state == "landed"]

    def gate_runs(self) -> list[tuple[str, str]]:
        return [(a.spec.gate or "", a.spec.tree or "") for a in self.did if isinstance(a, RunGate)]

    def see(self, **fields: Any) -> None:
        self.observed = replace(self.observed, **fields)

    def control(self, name: str, **fields: Any) -> None:
        self.see(controls={**self.observed.controls, TaskId(name): TaskControl(**fields)})

    def change(self, name: str, **fields: Any) -> None:
        self.tasks[TaskId(name)] = replace(self.tasks[TaskId(name)], **fields)

    def commit_by_hand(self, name: str) -> None:
        """Somebody moves the target."""
        self.line.append(CommitId(name))
        self.see(target_head=CommitId(name), target_code_tree=TreeId(f"tree of {name}"))

    def working(self) -> list[Session]:
        return [s for s in self.observed.sessions.values() if s.spec.kind == "agent" and not s.is_over]

    # --- the world ----------------------------------------------------------------------------------------------------

    def _place(self, entry: Entry) -> tuple[int, int]:
        """Return the place of its commit on the target, and its own place in the stack that landed as that commit."""
        intent = entry.last(Landing)
        stack = intent.stack if intent else ()
        place = self.line.index(entry.landed_commit) if entry.landed_commit in self.line else -1
        return place, stack.index(entry.id) if entry.id in stack else 0

    def _apply(self, action: Action) -> None:
        match action:
            case StartSession(spec):
                assert spec.id not in self.observed.sessions
                self._session(Session.of(spec, "running"))
            case StopSession(id_, _, stop):
                session = self.observed.sessions[id_]
                self._session(replace(session, state="ended", exit_code=143, stop=stop, ended=self.now))
            case FinishSession(spec):
                self._finish(self.observed.sessions[spec.id])
            case Retire(id_):
                self.see(sessions={k: v for k, v in self.observed.sessions.items() if k != id_})
            case RunGate(spec):
                outcome = self.answers(GateName(spec.gate or ""), TreeId(spec.tree or ""))
                evidence = Evidence(
                    spec.key, spec.gate, outcome, spec.tree, spec.id, self.now, exit_code=int(outcome != "pass")
                )  # type: ignore[arg-type]
                self._session(
                    Session.of(spec, "ended", exit_code=0, ended=self.now, is_finished=True, evidence=evidence)
                )
            case StartPush(spec):
                self._push(spec)
            case FollowRemote(new=new):
                self.line.append(new)
                self.see(target_head=new, target_code_tree=TreeId(f"tree of {new}"))
            case Save(value=Followed(new=new)):
                self.followed.append(new)
            case KeepEvidence(evidence):
                self.see(evidence={**self.observed.evidence, evidence.key: evidence})
            case TryMerges():
                self._merge(action)
            case Land():
                self._land(action)
            case Save(value=TaskStatus() as status):
                self.see(statuses={**self.observed.statuses, status.task: status})
            case RenameTask(status, old):
                left = {k: v for k, v in self.observed.statuses.items() if k != old}
                self.see(statuses={**left, status.task: status})
                self.see(controls={status.task if k == old else k: v for k, v in self.observed.controls.items()})
            case Save(value=Entry() as entry):
                self.see(entries={**self.observed.entries, entry.id: entry})
            case Save(value=ConvoyStatus() as progress):
                self.see(convoys={**self.observed.convoys, progress.convoy: progress})
            case Save(value=Incident() as incident):
                self.see(incidents={**self.observed.incidents, incident.id: incident})
            case Save(value=Mail() as mail):
                self._save_mail(mail)
            case DeliverMail(session, mails):
                box = replace(self.observed.outboxes.get(session, Outbox()), delivered=mails[-1].id)
                self.see(outboxes={**self.observed.outboxes, session: box})
            case TakeMail(session):
                box = replace(self.observed.outboxes[session], posted=(), receipts=())
                self.see(outboxes={**self.observed.outboxes, session: box})
            case Remove(path):
                name = path.rsplit("/", 1)[-1].removesuffix(".yaml")
                self.see(mail_controls={k: v for k, v in self.observed.mail_controls.items() if k != name})
                asked = {k: v for k, v in self.observed.incident_controls.items() if k != name}
                self.see(incident_controls=asked)
            case Save(value=Identity() as identity):
                self.see(identities={**self.observed.identities, identity.name: identity})
            case Save(value=GateHistory() as history):
                self.see(gate_histories={**self.observed.gate_histories, history.gate: history})
            case _:
                pass

    def _push(self, spec: SessionSpec) -> None:
        """Ask the remote: `refuses` says what is wrong, else it takes what goes forward from where it is."""
        assert spec.push is not None
        told = self.refuses(spec.push)
        is_forward = spec.push.old in {None, self.remote_line[-1]}
        if told is None and is_forward:
            self.remote_line.append(spec.push.new)
        outcome = told or Pushed("taken" if is_forward else "rejected", "stale info")
        if outcome.outcome != "failed":
            self.known_remote = self.remote_line[-1]
        is_lost = outcome.reason == "lost"
        session = Session.of(spec, "lost" if is_lost else "ended", ended=self.now, is_finished=True)
        self._session(replace(session, pushed=None if is_lost else outcome))

    def _see_remote(self) -> None:
        head = self.known_remote
        if head is None or self.swarm.push.remote is None:
            return
        at = self.remote_line.index(head)
        behind = self.line[self.line.index(head) + 1 :][::-1] if head in self.line else self.line[::-1]
        relation = (
            "same" if self.line[-1] == head
            else "ahead" if self.line[-1] in self.remote_line[:at]
            else "behind" if head in self.line
            else "diverged"
        )  # fmt: skip
        self.see(remote=RemoteHead(head, relation, tuple(behind) if relation in {"behind", "diverged"} else ()))
        pending = {e.candidate.commit for e in self.observed.entries.values() if e.state == "landing" and e.candidate}
        self.see(contained=self.observed.contained | (pending & {*self.line}))

    def _save_mail(self, mail: Mail) -> None:
        boxes = {name: dict(box) for name, box in self.observed.mail.items()}
        boxes.get(mail.to, {}).pop(mail.id, None)
        boxes.setdefault(DEAD if mail.refused else mail.to, {})[mail.id] = mail
        self.see(mail=boxes)

    def end_sessions(self) -> None:
        """Let every agent at work come to its end."""
        for session in self.working():
            end = self.ends(session)
            if end:
                self.paths[session.spec.id] = end.pop("paths", ())
                self._session(replace(session, **{"state": "ended", "ended": self.now, **end}))

    def _session(self, session: Session) -> None:
        self.see(sessions={**self.observed.sessions, session.spec.id: session})

    def _finish(self, session: Session) -> None:
        id_ = session.spec.id
        changes = tuple(
            Change(p, "A", "000000", "100644", BlobId("0" * 40), BlobId("1" * 40)) for p in self.paths.get(id_, ())
        )
        capture = Capture(CommitId(f"head {id_}"), TreeId(f"tree of {session.spec.task}"), session.spec.base, changes)
        self._session(replace(session, is_finished=True, capture=capture))

    def _merge(self, action: TryMerges) -> None:
        onto, merges = action.onto, dict(self.observed.merges)
        for item in action.items:
            is_batch = item.head.startswith(f"{onto}+")
            if not is_batch and self.conflicts(item.task, onto):
                merges[onto, item.head] = MergeTry(onto, item.head, None, None, ("shared.txt",), rules=action.rules)
                break
            commit = CommitId(f"batch {item.head}" if is_batch else f"{onto}+{item.task}")
            tried = MergeTry(onto, item.head, commit, _tree_of(commit), rules=action.rules)
            is_asked = item.guarded is not None
            merges[onto, item.head] = replace(tried, difference=self.differs(item.task, onto) if is_asked else None)
            onto = commit
        self.see(merges=merges)

    def _land(self, action: Land) -> None:
        held = [e for e in action.entries if self.is_landing_blocked or self.observed.entries[e].task in self.edited]
        if held:
            self.see(blocked={**self.observed.blocked, **dict.fromkeys(held, ("shared.txt",))})
            return
        if self.observed.target_head != action.old:
            return
        candidates = {e.id: e.candidate for e in self.observed.entries.values() if e.candidate}
        moved = list(dict.fromkeys(candidates[entry].commit for entry in action.entries))
        assert moved[-1] == action.new
        self.line += moved
        contained = self.observed.contained | set(moved)
        self.see(target_head=action.new, target_code_tree=_tree_of(action.new), contained=contained)
        self.see(blocked={e: p for e, p in self.observed.blocked.items() if e not in action.entries})


def _tree_of(commit: CommitId) -> TreeId:
    """A batch has the tree of its last change."""
    return TreeId(f"tree of {commit.replace('batch ', '')}")


def life(
    *tasks: Task, gates: tuple[Gate, ...] = (CHECK,), swarm: Mapping[str, Any] | None = None, **fields: Any
) -> Life:
    """Return a swarm before its first tick."""
    made = Life({t.id: t for t in tasks}, gates, **fields)
    made.swarm = replace(made.swarm, **(swarm or {}))
    return made


def entry_of(made: Life, name: str) -> Entry:
    (found,) = (e for e in made.observed.entries.values() if e.task == name)
    return found


def salvages(made: Life) -> list[tuple[str, SessionId]]:
    return [(a.task, a.session) for a in made.did if isinstance(a, Salvage)]
