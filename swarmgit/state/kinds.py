"""The kinds of files on the state branch: one row for each, from which paths, texts and commit messages follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from swarmgit.documents import quoting
from swarmgit.model import control
from swarmgit.model.actions import Archive
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.failures import Failures
from swarmgit.model.histories import Followed, GateHistory
from swarmgit.model.incidents import Incident, IncidentControl
from swarmgit.model.mail import DEAD, Mail, MailControl
from swarmgit.model.queue import Entry
from swarmgit.model.status import Identity, TaskStatus
from swarmgit.state import incidents, migrations, text

T = TypeVar("T")

ARCHIVE = "archive"
CANCELLED = "cancelled"


def _same(_path: str, data: bytes, _value: type[T]) -> T:
    return data  # type: ignore[return-value]


def _always(_value: object) -> bool:
    return True


def _as_it_is(value: T) -> T:
    return value


class Kind(Struct, Generic[T], frozen=True):
    """One kind of file on the state branch.

    `value`: the type of what a file holds, `bytes` where it is plain text.
    `schema`: the name of its JSON Schema, '' for plain text.
    `place`: the folder of its files, or the path of the only one.
    `name`: the path of a value's file below the folder, without suffix; None where the value does not say it.
    `line`: what a state commit says of a value.
    `archived`: the path of a value's file below the archive's folder of a day, without suffix; None: never archived.
    `is_kept`: whether a value has a file at all; one that says nothing has none.
    `migrate`: returns what an earlier version wrote as it is written now; the next change writes it so.
    """

    value: type[T]
    schema: str
    place: str
    name: Callable[[T], str] | None = None
    line: Callable[[T], str] = str
    suffix: str = ".yaml"
    archived: Callable[[T], str] | None = None
    is_kept: Callable[[T], bool] = _always
    migrate: Callable[[T], T] = _as_it_is
    load: Callable[[str, bytes, type[T]], T] = text.load
    dump: Callable[[T], bytes] = text.dump

    def file(self, name: str) -> str:
        """Return the path of the file that is called so; '' for the only one of its kind."""
        return f"{self.place}/{name}{self.suffix}" if name else self.place

    def path(self, value: T) -> str:
        """Return the path of a value's file."""
        assert self.name is not None, f"{self.place}: the value does not say its name"
        return self.file(self.name(value))

    def archive_path(self, value: T, at: datetime) -> str:
        """Return where a value's file goes in the archive. `at`: the day that it is filed under."""
        assert self.archived is not None, f"{self.place} is never archived"
        return f"{ARCHIVE}/{at:%Y-%m}/{at:%d}/{self.archived(value)}{self.suffix}"

    def key(self, path: str) -> str:
        """Return the name in the path of a file, archived or not: without folders, where the value says its name."""
        stem = path.removeprefix(f"{self.place}/").removesuffix(self.suffix)
        return stem if self.name is None else stem.rpartition("/")[2]

    def read(self, path: str, data: bytes) -> T:
        """Return the value of a file, or raise PersonMustAct that says where it is broken."""
        return self.migrate(self.load(path, data, self.value))

    def holds(self, path: str) -> bool:
        """Return whether a file outside the archive is of this kind."""
        return path == self.place or (path.startswith(f"{self.place}/") and path.endswith(self.suffix))


TASKS = Kind(
    TaskStatus,
    "status",
    "tasks",
    lambda status: status.task,
    lambda status: f"{status.task}: {quoting.line(status.reason) or status.phase}",
    # a cancelled task is not done: it lies apart, so that putting it back starts it anew
    archived=lambda status: f"{CANCELLED}/{status.task}" if status.phase == "cancelled" else status.task,
    migrate=migrations.status,
)
ENTRIES = Kind(
    Entry,
    "entry",
    "merge-queue",
    lambda entry: f"{entry.enqueued:%Y-%m}/{entry.id}",
    lambda entry: f"{entry.task}: {entry.events[-1].kind if entry.events else entry.state}",
    archived=lambda entry: f"merge-queue/{entry.id}",
)
AGENTS = Kind(
    Identity,
    "identity",
    "agents",
    lambda identity: identity.name,
    lambda identity: identity.name,
    suffix="/identity.yaml",
)
GATES = Kind(GateHistory, "gate-history", "gates", lambda history: history.gate, lambda history: f"gate {history.gate}")
CONVOYS = Kind(
    ConvoyStatus,
    "convoy-status",
    "convoys",
    lambda status: status.convoy,
    lambda status: f"convoy {status.convoy}",
    archived=lambda status: f"convoys/{status.convoy}",
)
INCIDENTS = Kind(
    Incident,
    "incident",
    "incidents",
    lambda incident: incident.id,
    lambda incident: f"incident {incident.id}",
    suffix=".md",
    archived=lambda incident: f"incidents/{incident.id}",
    load=lambda path, data, _: incidents.load(path, data),
    dump=incidents.dump,
)
FAILURES = Kind(
    Failures,
    "failures",
    "failures",
    lambda failures: failures.owner,
    lambda failures: f"{failures.owner}: {'a step failed' if failures.steps else 'what failed has worked'}",
    is_kept=lambda failures: bool(failures.steps),
)
FOLLOWED = Kind(
    Followed,
    "followed",
    "followed",
    lambda followed: f"{followed.new[:2]}/{followed.new}",
    lambda followed: f"follow {followed.remote}/{followed.branch} to {followed.new[:10]}",
)


def _box(mail: Mail) -> str:
    """Return the mailbox of a message. The name that a dead letter is addressed to may be anything, and is no path."""
    return f"{DEAD if mail.refused else mail.to}/{mail.id}"


MAIL = Kind(
    Mail,
    "mail",
    "mail",
    _box,
    lambda mail: f"mail {mail.sender} → {mail.to}",
    archived=lambda mail: f"mail/{_box(mail)}",
)
VERDICTS = Kind(
    control.Verdict,
    "verdict",
    "reviews",
    lambda verdict: verdict.entry,
    archived=lambda verdict: f"reviews/{verdict.entry}",
)

# what people ask for; the name of such a file says what it is about, or nothing
FREEZE = Kind(control.Freeze, "freeze", "control/freeze.yaml", lambda _: "", suffix="")
QUEUE_CONTROL = Kind(control.QueueControl, "queue-control", "control/queue.yaml", lambda _: "", suffix="")
TASK_CONTROL = Kind(control.TaskControl, "control", "control/tasks")
ENTRY_CONTROL = Kind(control.EntryControl, "entry-control", "control/queue")
LANDING_CONTROL = Kind(control.LandingControl, "landing-control", "control/landings")
INCIDENT_CONTROL = Kind(IncidentControl, "incident-control", "control/incidents")
MAIL_CONTROL = Kind(MailControl, "mail-control", "control/mail")
ACKNOWLEDGED = Kind(
    control.Acknowledgement, "acknowledgement", "control/acknowledged", lambda acknowledged: acknowledged.commit
)

# plain text
EVENTS = Kind(bytes, "", "events", suffix=".jsonl", load=_same, dump=bytes)
REPORTS = Kind(bytes, "", "reports", suffix=".md", load=_same, dump=bytes)
SIGNERS = Kind(bytes, "", "allowed_signers", suffix="", load=_same, dump=bytes)

KINDS: tuple[Kind[Any], ...] = (
    *(TASKS, ENTRIES, AGENTS, GATES, CONVOYS, INCIDENTS, FAILURES, FOLLOWED, MAIL, VERDICTS),
    *(FREEZE, QUEUE_CONTROL, TASK_CONTROL, ENTRY_CONTROL, LANDING_CONTROL, INCIDENT_CONTROL, MAIL_CONTROL),
    *(ACKNOWLEDGED, EVENTS, REPORTS, SIGNERS),
)
_BY_VALUE: dict[type, Kind[Any]] = {kind.value: kind for kind in KINDS if kind.schema}


def of(value: object) -> Kind[Any]:
    """Return the kind of a value."""
    return _BY_VALUE[type(value)]


def archived(kind: Kind[T], value: T, at: datetime) -> Archive:
    """Return the move of a value's file into the archive, filed under a day."""
    return Archive(kind.path(value), kind.archive_path(value, at))


def at(path: str) -> Kind[Any] | None:
    """Return the kind of a file, in the archive or not; None for a file that is of no kind."""
    if not path.startswith(f"{ARCHIVE}/"):
        return next((kind for kind in KINDS if kind.holds(path)), None)
    below = path.split("/")[3:]
    if len(below) == 1 or below[:1] == [CANCELLED]:
        return TASKS if path.endswith(TASKS.suffix) else None
    return next((kind for kind in KINDS if kind.archived and kind is not TASKS and kind.holds("/".join(below))), None)
