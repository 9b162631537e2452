"""Kinds of incidents of what sessions share: the repository, gates, the queue, mail, money, the machine. Data only."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.plan.incidents.kind import IncidentKind

SANDBOX = "infrastructure: a sandbox that hides the git directory; swarmgit doctor says which one is used"
CHANGED = "Somebody changed them meanwhile: the session, or you."

SAFETY = (
    IncidentKind(
        name="secret",
        signature="secret/{kind}",
        key="{place}/{kind}",
        title="a secret was about to be written down: {kind}",
        what="{place}: what looks like a secret ({kind}) was taken out of it",
        resolution="Redacted. Whoever wrote it had it: make it worthless.",
        prevention=("policy: who needs this credential, and can it be short-lived (mint)?",),
        commands=("swarmgit log -n 5", "swarmgit diff"),
        is_urgent=True,
    ),
    IncidentKind(
        name="tamper/refs",
        key="tamper/refs/{session}",
        title="refs of this repository lost something while a session ran",
        what="{agent}, {task}, sandbox {sandbox}: {changed}",
        cause=CHANGED,
        prevention=(SANDBOX,),
        commands=("git reflog --all", "swarmgit doctor"),
        is_urgent=True,
    ),
    IncidentKind(
        name="tamper/settings",
        key="tamper/{session}",
        title="git settings of this repository changed while a session ran",
        what="{agent}, attempt {attempt} at {task}: {changed:.1000}",
        detection="session",
        cause=CHANGED,
        resolution="The work was refused. The settings are as they were left: look at them before you run git here.",
        prevention=(SANDBOX,),
        commands=("git config --local --list", "swarmgit logs {session}", "swarmgit task pause {task}"),
        is_urgent=True,
    ),
)

GATES_AND_QUEUE = (
    IncidentKind(
        name="gate-error",
        signature="gate-error/{gate}/{kind:.80}",
        title="gate {gate} could not answer: {kind}",
        what="gate {gate} on tree {tree}: {reason}",
        detection="gate",
        prevention=("gate: does its command run here, within its time?",),
        commands=("swarmgit gates", "swarmgit logs {session}"),
    ),
    IncidentKind(
        name="landing",
        signature="landing/{kind}/{gate}",
        key="landing/{entry}",
        title="an entry could not land: {kind} {gate}",
        what="{task}: {reason}{details}",
        detection="merge queue",
        resolution="The work is kept, and its task goes on with what refused it.",
        prevention=("gate: does it judge what it should?", "specification: which tasks change the same places?"),
        commands=("swarmgit queue show {entry}", "swarmgit why {task}", "swarmgit queue retry {entry}"),
    ),
)

UNREACHABLE = IncidentKind(
    name="push/unreachable",
    signature="push/unreachable/{remote}/{branch}",
    key="push/unreachable/{commit}",
    title="{remote}/{branch} cannot be reached",
    what="{reason}",
    detection="merge queue",
    cause="The network, the address of the remote, or a log-in that has expired.",
    resolution="Landings that the remote has not taken wait for it; nothing is lost.",
    prevention=("infrastructure: who else writes to this branch, and may this machine push to it?",),
    commands=("swarmgit status", "git ls-remote {remote}"),
)
PUSHES = (
    UNREACHABLE,
    replace(
        UNREACHABLE,
        name="push/diverged",
        signature="push/diverged/{remote}/{branch}",
        key="push/diverged/{commit}",
        title="the target and {remote}/{branch} have diverged",
        cause="Both have commits that the other has not: somebody pushed there, or history was rewritten.",
        commands=(*UNREACHABLE.commands, "git pull --no-rebase {remote} {branch}"),
        is_urgent=True,
    ),
    replace(
        UNREACHABLE,
        name="push/refused",
        signature="push/refused/{remote}/{branch}",
        key="push/refused/{commit}",
        title="{remote}/{branch} refuses what lands",
        cause="The remote was asked, has not moved, and does not want it: a hook, a protected branch, a permission.",
        commands=(*UNREACHABLE.commands, "git push {remote} {target}:{branch}"),
        is_urgent=True,
    ),
)

MAIL = (
    IncidentKind(
        name="mail/forged",
        signature="mail/forged/{agent}",
        key="{mail}",
        title="{agent} wrote in somebody else's name",
        what="{refused}; to {to}: {subject}",
        detection="mail",
        resolution="Refused.",
        commands=("swarmgit mail list dead",),
        is_urgent=True,
    ),
    IncidentKind(
        name="mail/flood",
        signature="mail/flood/{agent}",
        key="flood/{session}",
        title="{agent} flooded its outbox",
        what="session {session} at {task}: {reason}; none of them was taken in",
        detection="mail",
        resolution="The session was stopped if it was still at work; its letters stay unread in its folder.",
        prevention=("specification: does its task make it write so much?",),
        commands=("swarmgit logs {session}", "swarmgit why {task}", "swarmgit gc"),
    ),
    IncidentKind(
        name="mail/stuck",
        key="mail/stuck/{session}/{file}",
        title="a file cannot be removed from an outbox",
        what="{file} of session {session}: {reason}",
        detection="mail",
        cause="Its folder or the file refuses to be changed.",
        resolution="It was taken in once and is left where it is; all other mail goes on.",
        prevention=("infrastructure: who may change files of a session besides the session?",),
        commands=("ls -ld {folder}", "lsattr {folder}", "swarmgit doctor"),
    ),
)

MONEY = (
    IncidentKind(
        name="budget/day",
        key="budget/{day}",
        title="the day's budget is spent: no new work starts",
        what="All of the {limit} USD of {day} (UTC) is spent.",
        resolution="Sessions at work go on; new work starts tomorrow, or when budget.usd_per_day is raised.",
        prevention=("specification: which tasks cost more than they are worth? swarmgit cost --by task",),
        commands=("swarmgit cost", "swarmgit status"),
    ),
    IncidentKind(
        name="budget/convoy",
        signature="budget/convoy/{convoy}",
        key="budget/convoy/{convoy}/{limits}",
        title="the budget of convoy {convoy} is spent: no session of its tasks starts",
        what="{spent}.",
        resolution="Sessions at work go on; new ones start when the convoy's budget is raised.",
        prevention=("specification: which of its tasks cost more than they are worth? swarmgit cost --by task",),
        commands=("swarmgit convoy show {convoy}", "swarmgit cost --by convoy"),
    ),
)

UNMEASURED = IncidentKind(
    name="measure/failed",
    key="measure/{session}",
    title="what a session uses of the machine is not wholly known",
    what="{whose}: it cannot be measured ({reason})",
    resolution="With watchdog.disk_mb a worktree that cannot be counted is beyond it; without, it goes on.",
    prevention=("watchdog threshold: watchdog.disk_mb",),
    commands=("swarmgit stop {session}", "swarmgit doctor"),
)
MACHINE = (
    IncidentKind(
        name="disk/swarm",
        key="disk/{newest}",
        title="the sessions at work take more of the disk than they may together",
        what="{reason}: {most}",
        resolution="Nothing new starts until it is less; those at work go on.",
        prevention=("watchdog threshold: watchdog.disk_mb for one session, watchdog.swarm_disk_mb for all",),
        commands=("swarmgit gc", "swarmgit stop {session}", "swarmgit doctor"),
    ),
    UNMEASURED,
    replace(UNMEASURED, name="measure/uncounted", what="{whose}: its worktree {reason}"),
    IncidentKind(
        name="ports/none-free",
        key="ports/{task}/{hour}",
        title="no free ports were found for a session",
        what="{task} waits: {reason}",
        cause="Other programs of this machine listen on ports of all the ranges that were tried.",
        resolution="The task waits; every tick looks again.",
        prevention=("infrastructure: end what listens, or give sessions fewer ports: ports_per_session",),
        commands=("swarmgit why {task}", "ss -ltnp"),
    ),
    IncidentKind(
        name="beside",
        signature="beside/{what}",
        key="beside/{what}/{kind}",
        title="{what} could not be brought up to date",
        what="{reason}",
        cause="{hint}",
        resolution="No task waits for it; a later tick tries it again.",
        prevention=("infrastructure: who may write there?",),
        commands=("swarmgit doctor", "swarmgit status"),
    ),
)

REPOSITORY = (
    IncidentKind(
        name="state/put-back",
        key="state/put-back/{commit}",
        title="the state branch was lost and put back",
        what="{reason}; it was put back to {commit:.12}",
        cause="Somebody deleted the branch, a fetch with --prune mirrored another repository, or files are damaged.",
        resolution="Put back from what is kept of it; what was written after that is found out again.",
        prevention=("infrastructure: who deletes branches here, and is the disk sound (git fsck)?",),
        commands=("swarmgit log -n 5", "git fsck", "swarmgit fsck"),
        is_urgent=True,
    ),
    IncidentKind(
        name="worktree/leftover",
        key="worktree/{place}",
        title="a worktree that nobody uses could not be removed",
        what="{place}: {reason}",
        cause="Its files resist, or its record is damaged.",
        resolution="It takes up room and nothing else; every later clean-up tries it again.",
        prevention=("infrastructure: who changes files below the folder of worktrees?",),
        commands=("ls -la {place}", "rm -rf {place}", "swarmgit gc"),
    ),
    IncidentKind(
        name="worktree/unsaved",
        key="worktree/unsaved/{session}",
        title="work in a worktree without a session could not be saved",
        what="session {session}: {reason}",
        resolution="It stays where it is: {place}; the next reconcile tries again.",
        prevention=("infrastructure: room and permissions in the repository's object folder",),
        commands=("git -C {place} status", "swarmgit doctor"),
        is_urgent=True,
    ),
    IncidentKind(
        name="worktree/orphan",
        key="worktree/orphan/{session}",
        title="a worktree without a session was found",
        what="the worktree of session {session}, whose folder is not there: {found}",
        cause="Swarmgit was killed before the session began, or somebody removed its folder.",
        resolution="Given back, after its work was saved where there was any.",
        prevention=("infrastructure: what ended swarmgit, or removes files of .swarm/run?",),
        commands=("git diff {base} {ref}", "swarmgit doctor"),
    ),
)

KINDS = (*SAFETY, *GATES_AND_QUEUE, *PUSHES, *MAIL, *MONEY, *MACHINE, *REPOSITORY)
