"""Every path and ref name, in one place."""

from __future__ import annotations

from swarmgit.model.ids import CommitId, EntryId, SessionId, TaskId

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


def history_of(path: str) -> str:
    """Return the command that shows what has changed a file of state, whatever the branch is called."""
    return f"git -C {STATE_CHECKOUT} log -p -- {path}"
