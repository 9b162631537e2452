"""Kinds of incidents of sessions: how they end, what they print, what the watchdog stops them for. Data only."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.incidents import Detection
from swarmgit.plan.incidents.kind import IncidentKind

ATTEMPT = "{agent}, attempt {attempt} at {task}: {reason}"
LOGS, WHY = "swarmgit logs {session}", "swarmgit why {task}"
SAVED = "its work is saved before the next attempt."


# --- how sessions end, and what is left of them -----------------------------------------------------------------------


def _ended(
    outcome: str, title: str, prevention: str, *, way: str = "{runtime}", by: Detection = "rule"
) -> IncidentKind:
    return IncidentKind(
        name=f"session/{outcome}",
        signature=f"session/{outcome}/{way}",
        title=title,
        what=ATTEMPT,
        detection=by,
        prevention=(prevention,),
        commands=(WHY, LOGS),
    )


ENDINGS = (
    _ended(
        "timeout",
        "a session was stopped at its time limit",
        "watchdog threshold: is the limit right for this task?",
    ),
    _ended("lost", "a session's processes were killed from outside", "infrastructure: what killed it?"),
    _ended(
        "over-budget",
        "a session was stopped by its budget",
        "specification: is the task too large for its budget?",
    ),
    _ended(
        "output-limit",
        "a session printed more than it may",
        "specification: does its program log too much? infrastructure: limits.output_mb in .swarm/policy.yaml",
    ),
    _ended(
        "disk-limit",
        "a session has written more than policy allows",
        "specification: does the task say what it may write? infrastructure: limits.disk_gb in .swarm/policy.yaml",
    ),
    _ended(
        "refused",
        "a provider refused a session",
        "infrastructure: is the key there and valid? swarmgit runtime list",
    ),
    _ended(
        "error",
        "a session could not work",
        "infrastructure: can the runtime start here? swarmgit doctor",
        way="{kind:.80}",
        by="session",
    ),
    IncidentKind(
        name="salvage",
        signature="salvage/{outcome}",
        key="salvage/{session}",
        title="work that did not land was saved ({outcome})",
        what="{task}, attempt {attempt} by {agent}: {ref}",
        detection="session",
        resolution="Saved; the next attempt is told where.",
        commands=("git diff {base} {ref}",),
    ),
    IncidentKind(
        name="objects/missing",
        key="objects/{session}",
        title="work was lost because objects that it stood on are not in this repository",
        what=ATTEMPT,
        cause="A clone without refs/swarm, a history that was rewritten and collected, or a damaged disk.",
        resolution="The task runs again; what was left of its work is under refs/swarm/salvage.",
        prevention=("infrastructure: what removes objects or refs/swarm from this repository?",),
        commands=("git fsck", "swarmgit doctor", WHY),
    ),
)


# --- causes that are known, seen by an attempt that ended or by a step that fails -------------------------------------


def _cause(name: str, title: str, cause: str, prevention: tuple[str, ...], repair: tuple[str, ...]) -> IncidentKind:
    return IncidentKind(
        name=f"cause/{name}",
        title=title,
        what=ATTEMPT,
        detection="session",
        cause=cause,
        prevention=prevention,
        commands=(f"{LOGS} --stderr", *repair),
    )


CAUSES = (
    _cause(
        "disk-full",
        "the disk is full",
        "There is no room left where sessions work.",
        ("infrastructure: more room, or fewer agents at once", "watchdog threshold: watchdog.disk_mb"),
        ("swarmgit gc", "swarmgit doctor"),
    ),
    _cause(
        "set-up",
        "a worktree could not be set up",
        "A command of worktree.setup did not succeed in a fresh worktree.",
        ("infrastructure: do the commands of worktree.setup run on this machine, in the sandbox?",),
        ("swarmgit doctor",),
    ),
    _cause(
        "worktree",
        "a worktree could not be made",
        "The place where worktrees are does not take a new one.",
        ("infrastructure: room, permissions and quota where worktrees are; XDG_STATE_HOME moves them",),
        ("swarmgit gc", "swarmgit doctor"),
    ),
    _cause(
        "port",
        "a session found its port taken",
        "It used another port than those it was given, or somebody else listens on one of these.",
        ("specification: servers listen on $SWARM_PORT_0 and the following, never on a fixed port",),
        ("swarmgit status", "swarmgit doctor"),
    ),
)
STEP = IncidentKind(
    name="step",
    signature="step/{step}/{kind:.120}",
    key="step/{id}/{first}",
    title="a step fails again and again: {words}",
    what="{owner}: {reason}",
    resolution="It is tried again more and more seldom, and by each new reconcile. Everything else goes on.",
    prevention=("infrastructure: what is missing or in the way?",),
    commands=("swarmgit reconcile", "swarmgit task restart {task}", "swarmgit task cancel {task}", WHY),
)
STEPS = (
    replace(STEP, commands=(*STEP.commands, "swarmgit doctor")),
    *(
        replace(
            STEP,
            name=f"step/{cause.name}",
            signature=cause.name,
            title=cause.title,
            cause=cause.cause,
            prevention=cause.prevention,
            commands=(*STEP.commands, *cause.commands[1:]),
        )
        for cause in CAUSES
    ),
)


# --- sessions at work: the watchdog, and what they print --------------------------------------------------------------

STUCK = IncidentKind(
    name="watchdog/stuck",
    signature="watchdog/{verdict}/{runtime}/{type}",
    title="a session was {health} and was stopped",
    what="{agent}, attempt {attempt} at {task}: {reason}. Its last words: {tail}",
    detection="triage",
    resolution="Triage{by}: {verdict}, {remedy}; {tried}; " + SAVED,
    prevention=("watchdog threshold: watchdog in .swarm/swarm.yaml", "specification: could the task be smaller?"),
    commands=(LOGS, WHY, "swarmgit task pause {task}"),
)
PROMPT = replace(STUCK, name="watchdog/prompt-blocked", cause="It waited for a person at a prompt: nobody is there.")
OVER_LIMIT = replace(
    STUCK,
    name="watchdog/over-limit",
    signature="watchdog/over-limit/{resource}/{type}",
    title="a session used more {resource} than it may, and was stopped",
    detection="rule",
    resolution=f"Stopped; {SAVED}",
    prevention=(
        "watchdog threshold: watchdog.{limit} in .swarm/swarm.yaml",
        "specification: does the task say what it needs of {resource}?",
    ),
)
OVER_DISK = replace(OVER_LIMIT, name="watchdog/over-limit/disk", commands=(*OVER_LIMIT.commands, "swarmgit gc"))


def _of_merger(kind: IncidentKind) -> IncidentKind:
    return replace(
        kind,
        name=f"{kind.name}/merge",
        signature=f"{kind.signature}/merge",
        what="{agent}, over a conflict of {task}: {reason}. Its last words: {tail}",
        resolution="Stopped; what it made is kept, and the conflict goes to the next try or the next tier.",
    )


def _stream(name: str, title: str, *, is_urgent: bool = False) -> IncidentKind:
    return IncidentKind(
        name=f"stream/{name}",
        signature=f"stream/{name}/{{runtime}}",
        key=f"stream/{name}/{{session}}",
        title=title,
        what="{who}, {task}: {reason}",
        detection="session",
        prevention=("infrastructure: does the runtime's adapter fit its program? swarmgit runtime check",),
        commands=(LOGS, WHY),
        is_urgent=is_urgent,
    )


AT_WORK = (
    *(each for kind in (STUCK, PROMPT, OVER_LIMIT, OVER_DISK) for each in (kind, _of_merger(kind))),
    IncidentKind(
        name="watchdog/patrol",
        key="patrol/{newest}",
        title="the swarm as a whole makes no progress",
        what="{count} sessions are at work, and for {span} no attempt has ended",
        commands=("swarmgit status", "swarmgit freeze"),
        is_urgent=True,
    ),
    _stream("unreadable", "a session cannot be followed"),
    _stream("misread", "an adapter failed on lines that a session printed"),
    _stream("rewritten", "the output of a session was rewritten", is_urgent=True),
    _stream("flood", "a session printed more than anybody reads"),
    _stream("usage", "a session says that it has used more than it can have"),
)

KINDS = (*ENDINGS, *CAUSES, *STEPS, *AT_WORK)
