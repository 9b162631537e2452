"""Every path and ref name, in one place."""

from __future__ import annotations

from datetime import datetime

from swarmgit.model.ids import AgentName, CommitId, ConvoyId, EntryId, GateName, MailId, SessionId, TaskId

# intent, below the root of the target's tree
SWARM = ".swarm"
SWARM_YAML = f"{SWARM}/swarm.yaml"
GATES_YAML = f"{SWARM}/gates.yaml"
POLICY_YAML = f"{SWARM}/policy.yaml"
TASKS = f"{SWARM}/tasks"
CONVOYS = f"{SWARM}/convoys"
ROLES = f"{SWARM}/roles"
EXPERIMENTS = f"{SWARM}/experiments"
STATE_CHECKOUT = f"{SWARM}/state"
RUN_LINK = f"{SWARM}/run"

# state, below the root of the state branch's tree
STATE_TASKS = "tasks"
STATE_AGENTS = "agents"
STATE_REVIEWS = "reviews"
STATE_QUEUE = "merge-queue"
STATE_GATES = "gates"
STATE_CONVOYS = "convoys"
STATE_EVENTS = "events"
STATE_REPORTS = "reports"
STATE_ARCHIVE = "archive"
STATE_FOLLOWED = "followed"
STATE_FAILURES = "failures"
STATE_CONTROL = "control"
STATE_MAIL = "mail"
STATE_SIGNERS = "allowed_signers"
STATE_INCIDENTS = "incidents"
INCIDENT_CONTROL = f"{STATE_CONTROL}/incidents"
MAIL_CONTROL = f"{STATE_CONTROL}/mail"
LANDING_CONTROL = f"{STATE_CONTROL}/landings"
ACKNOWLEDGED = f"{STATE_CONTROL}/acknowledged"
FREEZE = f"{STATE_CONTROL}/freeze.yaml"
QUEUE_CONTROL = f"{STATE_CONTROL}/queue.yaml"


def history_of(path: str) -> str:
    """Return the command that shows what has changed a file of state, whatever the branch is called."""
    return f"git -C {STATE_CHECKOUT} log -p -- {path}"


def state_task(task: TaskId) -> str:
    return f"{STATE_TASKS}/{task}.yaml"


def state_agent(agent: AgentName) -> str:
    return f"{STATE_AGENTS}/{agent}/identity.yaml"


def state_entry(entry: EntryId, enqueued: datetime) -> str:
    return f"{STATE_QUEUE}/{enqueued:%Y-%m}/{entry}.yaml"


def state_convoy(convoy: ConvoyId) -> str:
    return f"{STATE_CONVOYS}/{convoy}.yaml"


def state_gate(gate: GateName) -> str:
    return f"{STATE_GATES}/{gate}.yaml"


def state_events(session: SessionId, started: datetime) -> str:
    return f"{STATE_EVENTS}/{started:%Y-%m}/{started:%d}/{session}.jsonl"


def state_report(task: TaskId) -> str:
    return f"{STATE_REPORTS}/{task}.md"


def state_archive(task: TaskId, finished: datetime) -> str:
    return f"{STATE_ARCHIVE}/{finished:%Y-%m}/{finished:%d}/{task}.yaml"


def state_followed(commit: CommitId) -> str:
    return f"{STATE_FOLLOWED}/{commit[:2]}/{commit}.yaml"


def state_failures(owner: str) -> str:
    return f"{STATE_FAILURES}/{owner}.yaml"


def state_control(task: TaskId) -> str:
    return f"{STATE_CONTROL}/tasks/{task}.yaml"


def state_entry_control(entry: EntryId) -> str:
    return f"{STATE_CONTROL}/queue/{entry}.yaml"


def state_mail(recipient: str, mail: MailId) -> str:
    return f"{STATE_MAIL}/{recipient}/{mail}.yaml"


def archived_mail(recipient: str, mail: MailId, created: datetime) -> str:
    return f"{STATE_ARCHIVE}/{created:%Y-%m}/{created:%d}/{STATE_MAIL}/{recipient}/{mail}.yaml"


def state_incident(incident: str) -> str:
    return f"{STATE_INCIDENTS}/{incident}.md"


def archived_convoy(convoy: ConvoyId, at: datetime) -> str:
    return f"{STATE_ARCHIVE}/{at:%Y-%m}/{at:%d}/{STATE_CONVOYS}/{convoy}.yaml"


def archived_incident(incident: str, opened: datetime) -> str:
    return f"{STATE_ARCHIVE}/{opened:%Y-%m}/{opened:%d}/{STATE_INCIDENTS}/{incident}.md"


def incident_control(name: str) -> str:
    return f"{INCIDENT_CONTROL}/{name}.yaml"


def mail_control(name: str) -> str:
    return f"{MAIL_CONTROL}/{name}.yaml"


def landing_control(name: str) -> str:
    return f"{LANDING_CONTROL}/{name}.yaml"


def acknowledgement(commit: CommitId) -> str:
    return f"{ACKNOWLEDGED}/{commit}.yaml"


# live, below `<git common dir>/swarmgit/`
LIVE = "swarmgit"
STATE_HEAD = "state-head"
"""In the live folder: the last commit that was written to the state branch."""

LOST_REFS = "lost-refs"
"""In the live folder: refs that were dropped because what they name is nowhere, each with its commit."""

SESSIONS = "sessions"
ACTIVE = "active"
BELL = "bell"
VIEWS = ".views"
"""In the store: what `open` laid out for a person to look at. No pool of worktrees is called so."""

BACKGROUND = "background"
EXCLUDES = "excludes"
CACHE = "cache"
ENGINE = "engine.git"
MENDED = "engine-mended"
LOCK = "lock"
RESOLUTIONS = "resolutions"
SECRETS = "secrets"
LEAKS = "leaks"
KEYS = "keys"
NOTICES = "notices"
FAILURES = "failures"

# a session's folder
CAPTURE_FILE = "capture.json"
JUNIT_FILE = "outbox/junit.xml"
PREDICTION_FILE = "prediction.json"
SETUP_FILE = "setup.outputs"
BOX_FILE = "box.args"
STDOUT_PIPE = "stdout.pipe"
STDERR_PIPE = "stderr.pipe"
SETUP_PIPE = "setup.pipe"
EXCESS_FILE = "excess.json"
SETTINGS_FILE = "settings.json"
REPORT_FILE = "outbox/report.md"
MESSAGE_FILE = "outbox/message.md"
INBOX = "inbox"
NOTE_SUFFIX = ".note"
OUTBOX = "outbox"
READ = "read"
DELIVERED_FILE = "delivered"
STUCK_FILE = "stuck.json"
SUMMARY_FILE = f"{OUTBOX}/handoff"
ACCEPTED_FILE = f"{OUTBOX}/accepted"
VITALS_FILE = "vitals.json"
HEARD_FILE = "heard.json"
VIGIL_FILE = "vigil.json"

# refs
CANDIDATE = "refs/swarm/candidate"
SALVAGE = "refs/swarm/salvage"
LEFT_OUT = ".left-out"
CAPTURED = "refs/swarm/captured"
REMOTE = "refs/swarm/remote"
OWNED = "refs/swarm/owned"
SUBMITTED = "refs/swarm/submitted"
TRANSCRIPTS = "refs/swarm/sessions"
ABANDONED = "refs/swarm/abandoned"
KEPT = "refs/swarm/kept"
KEPT_STATE = f"{KEPT}/state"
"""The last commit of the state branch that was written here."""


def candidate_ref(entry: EntryId) -> str:
    return f"{CANDIDATE}/{entry}"


def salvage_ref(task: TaskId, session: SessionId) -> str:
    return f"{SALVAGE}/{task}/{session}"


def left_out_ref(task: TaskId, session: SessionId) -> str:
    """Name what a session made besides the work that was taken in of it."""
    return f"{SALVAGE}/{task}/{session}{LEFT_OUT}"


def orphan_ref(session: SessionId) -> str:
    """Name work that was found in a worktree of which nobody knows the task."""
    return f"{SALVAGE}/orphan/{session}"


def abandoned_ref(task: TaskId, session: SessionId) -> str:
    """Name work that conflicted too deeply to be merged: the task is made again with it as reference."""
    return f"{ABANDONED}/{task}/{session}"


def captured_ref(task: TaskId, session: SessionId) -> str:
    return f"{CAPTURED}/{task}/{session}"


def submitted_ref(task: TaskId, session: SessionId) -> str:
    """Name work that stands in the merge queue."""
    return f"{SUBMITTED}/{task}/{session}"


def transcript_ref(session: SessionId) -> str:
    return f"{TRANSCRIPTS}/{session}"


def kept_state_ref(commit: CommitId) -> str:
    """Name a state that a person has put aside: what it says of landings stays proven."""
    return f"{KEPT}/states/{commit[:16]}"


def remote_ref(branch: str) -> str:
    return f"{REMOTE}/{branch}"


def branch_ref(branch: str) -> str:
    return f"refs/heads/{branch}"


def state_verdict(entry: EntryId) -> str:
    return f"{STATE_REVIEWS}/{entry}.yaml"


def archived_verdict(entry: EntryId, enqueued: datetime) -> str:
    return f"{STATE_ARCHIVE}/{enqueued:%Y-%m}/{enqueued:%d}/{STATE_REVIEWS}/{entry}.yaml"


def archived_entry(entry: EntryId, enqueued: datetime) -> str:
    return f"{STATE_ARCHIVE}/{enqueued:%Y-%m}/{enqueued:%d}/{STATE_QUEUE}/{entry}.yaml"


def archived_cancelled(task: TaskId, finished: datetime) -> str:
    """A cancelled task is not done: it lies apart from those that are, so that putting it back starts it anew."""
    return f"{STATE_ARCHIVE}/{finished:%Y-%m}/{finished:%d}/cancelled/{task}.yaml"
