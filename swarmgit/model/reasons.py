"""Reasons: why a task is where it is, what helps, and what happens if nobody does anything. One value for all views."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Reason(Struct, frozen=True):
    """Why a task does not go on, or what it does. `text`: a sentence without its full stop.

    `command`: what changes it; where only somebody's work or time does, what shows more. `waits_for`: the words that
    `waiting_for` has for it on the state branch.
    """

    kind: str
    text: str
    command: str
    if_ignored: str
    waits_for: tuple[str, ...] = ()


class ReasonKind(Struct, frozen=True):
    """A row of the table, with `{task}`, `{other}`, … in its texts. `waits_for` None: the kind itself; '': nothing."""

    command: str
    if_ignored: str
    waits_for: str | None = None


STAYS = "It stays as it is until somebody acts."
BY_ITSELF = "It goes on by itself."

REASONS: Mapping[str, ReasonKind] = {
    # what keeps a task from starting
    "valid intent": ReasonKind("swarmgit validate", "The last good intent stays in force; it does not start."),
    "freeze": ReasonKind("swarmgit thaw", "Nothing starts and nothing lands."),
    "paused": ReasonKind("swarmgit task resume {task}", STAYS, "suspension"),
    "suspended": ReasonKind("swarmgit task show {task}", "It does not start before its file lets it.", "suspension"),
    "selection": ReasonKind("swarmgit reconcile --task {task}", "It does not start in this run."),
    "target": ReasonKind("swarmgit doctor", "Nothing starts before the target has a commit."),
    "dependency": ReasonKind(
        "swarmgit why {other}", "It starts by itself once {other} has landed.", "dependency {other}"
    ),
    "file ownership": ReasonKind(
        "swarmgit why {other}", "It starts by itself once {other} is done.", "file ownership {other}"
    ),
    "network": ReasonKind("swarmgit doctor", STAYS),
    "budget of the day": ReasonKind("swarmgit cost", "It goes on by itself tomorrow (UTC).", "budget"),
    "budget of the convoy": ReasonKind(
        "swarmgit convoy show {convoy}", "No session of the convoy starts before its budget is raised.", "budget"
    ),
    "budget of the task": ReasonKind(
        "swarmgit cost --by task", "No session of it starts before its budget is raised.", "budget"
    ),
    "retry": ReasonKind("swarmgit task show {task}", BY_ITSELF),
    "rate limit": ReasonKind("swarmgit status", BY_ITSELF),
    "credentials": ReasonKind("swarmgit reconcile", "No session that uses this account starts."),
    "account in doubt": ReasonKind("swarmgit why {other}", "The session of {other} finds out whether that is so."),
    "disk": ReasonKind("swarmgit gc", "It starts by itself once the sessions at work use less."),
    "the machine": ReasonKind("swarmgit doctor", "It is tried again by itself, more and more seldom."),
    "slot": ReasonKind("swarmgit status", "It starts by itself when a place is free."),
    "ports": ReasonKind("swarmgit doctor", "Every tick looks for free ports again."),
    # what it does, and what looks at its work
    "starting": ReasonKind("swarmgit status", BY_ITSELF, ""),
    "session": ReasonKind("swarmgit logs {session}", BY_ITSELF, ""),
    "gates": ReasonKind("swarmgit gates", "It goes on by itself when they have answered."),
    "gates of the target": ReasonKind("swarmgit gates", "It goes on by itself when they have answered."),
    "red target": ReasonKind("swarmgit gates", "It does not land before the target is green.", "a green target"),
    # the merge queue
    "in line": ReasonKind("swarmgit queue list", "It lands by itself in its turn.", ""),
    "conflict": ReasonKind("swarmgit queue show {entry}", "The session that resolves its conflict ends by itself."),
    "edit": ReasonKind("git status", "It lands by itself once nothing is in its way."),
    "convoy": ReasonKind("swarmgit convoy show {convoy}", "It lands by itself together with them."),
    "convoy conflict": ReasonKind("swarmgit convoy show {convoy}", "None of them lands."),
    "full run": ReasonKind("swarmgit gates", "Nothing lands before the gate passes."),
    "queue paused": ReasonKind("swarmgit queue resume", "Nothing lands."),
    "push": ReasonKind("swarmgit status", "It lands by itself once the remote has it."),
    "push refused": ReasonKind("swarmgit queue show {entry}", "It does not land before the remote takes it."),
    "diverged": ReasonKind("git pull --no-rebase {remote} {branch}", "Nothing lands before the two are one again."),
    "review": ReasonKind("swarmgit review show {task}", "It does not land.", "a person's review"),
    # what has failed
    "step": ReasonKind("swarmgit reconcile", "It is tried again by itself, more and more seldom.", ""),
    "work not saved": ReasonKind("swarmgit task restart {task}", "It is tried again by itself, seldom.", ""),
    "same ending": ReasonKind("swarmgit task restart {task}", STAYS, ""),
    "attempts": ReasonKind("swarmgit task restart {task}", "What depends on it does not start.", ""),
    "refused": ReasonKind("swarmgit reconcile", STAYS, ""),
    "no tier left": ReasonKind("swarmgit task restart {task}", STAYS, ""),
    "state unreadable": ReasonKind(
        "swarmgit state reset kept", "It is left alone until its file of state can be read.", ""
    ),
    "claimed": ReasonKind("swarmgit task accept {task}", "It neither runs nor counts as landed.", "a person"),
    "landing gone": ReasonKind("swarmgit task reopen {task}", "It counts as landed, and its work is not there.", ""),
    "other": ReasonKind("swarmgit task show {task}", BY_ITSELF, ""),
}


def reason(kind: str, text: str, waits_for: tuple[str, ...] | None = None, **names: str | None) -> Reason:
    """Return a reason of a kind. `names` fill the texts of its kind; `waits_for`: where it says more than its kind."""
    row = REASONS[kind]
    if waits_for is None:
        said = kind if row.waits_for is None else row.waits_for.format(**names)
        waits_for = (said,) if said else ()
    return Reason(kind, text, row.command.format(**names), row.if_ignored.format(**names), waits_for)
