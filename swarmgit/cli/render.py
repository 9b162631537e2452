"""Documents as text for people: status, tasks, plan. Pure: a document in, a text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from swarmgit.app.views.money import budget_text
from swarmgit.app.views.words import counted
from swarmgit.cli.table import table
from swarmgit.documents import quoting
from swarmgit.model.status import ASLEEP, FINISHED

Document = Mapping[str, Any]
COLOUR = {
    "running": "36",
    "verifying": "36",
    "queued": "36",
    "landed": "32",
    "unchanged": "32",
    "reported": "32",
    "reverted": "33",
    "rework": "33",
    "needs-human": "31",
    "failed": "31",
    "cancelled": "2",
}


def status_text(document: Document, width: int | None = None, *, colour: bool = False) -> str:
    """Return what `status` prints: what is in the way first, then the tasks, then who is at work."""
    parts = [
        "\n".join(_headline(document)),
        tasks_text(document, width, colour=colour),
        _section("these need you", _needs_you(document, width)),
        _section("sessions", _sessions(document, width)),
        _section("merge queue", _queue(document, width)),
    ]
    return "\n\n".join(part for part in parts if part)


def _headline(document: Document) -> Iterator[str]:
    target = document["target"] or "no usable .swarm/swarm.yaml"
    commit = f" at {document['target_commit'][:10]}" if document.get("target_commit") else ""
    yield f"target {target}{commit}, sandbox {document['sandbox']}"
    frozen = document["frozen"]
    if frozen:
        why = f": {quoting.line(frozen['reason'])}" if frozen["reason"] else ""
        yield f"frozen by {frozen['by']} at {frozen['at']}{why} (swarmgit thaw)"
    if document.get("budget") and document["budget"]["alert"]:
        yield budget_text(document["budget"])
    yield from (row["text"] for row in document.get("convoy_budgets", ()) if row["alert"])
    yield from _raised(document["tasks"])
    if document.get("push") and document["push"]["text"]:
        yield f"push: {quoting.line(document['push']['text'])}"
    yield from (f"problem: {_place(problem)}" for problem in document["problems"])
    if document.get("incidents"):
        yield f"open incidents: {document['incidents']} (swarmgit incident list)"
    for each in document["behind"]:
        files = ", ".join(each["files"][:5]) or "what has landed"
        yield quoting.line(f"behind: {each['checkout']} does not show {files} yet: {each['why']}")
    yield from (f"draft: {path} is not committed" for path in document["drafts"])


def _raised(tasks: Sequence[Document]) -> Iterator[str]:
    """Yield which convoys let their members go before others, while any is left."""
    left = [task for task in tasks if task["phase"] not in FINISHED | ASLEEP]
    found = Counter((task["priority_from"], task["priority"]) for task in left if task["priority_from"])
    for (convoy, priority), count in sorted(found.items()):
        yield f"convoy {convoy} gives priority {priority} to {counted(count, 'task')}"


def _place(problem: Document) -> str:
    place = f"{problem['file']}:{problem['line']}:{problem['column']}" if problem["line"] else problem["file"]
    return f"{place}: {quoting.line(problem['message'])}"


def tasks_text(document: Document, width: int | None = None, *, colour: bool = False) -> str:
    """Return the tasks as a table, or how to write the first one."""
    tasks: Sequence[Document] = document["tasks"]
    if not tasks:
        return "no tasks; write one with: swarmgit task new ID --title …"
    header = ("TASK", "PHASE", "TRIES", "AGENT", "TOKENS", "USD", "TITLE")
    has_reason = any(_detail(task) for task in tasks)
    rows = [_task_cells(task) for task in tasks]
    if has_reason:
        header = (*header[:-1], "WHY")
        rows = [(*row[:-1], _detail(task) or row[-1]) for task, row in zip(tasks, rows, strict=True)]
    text = table(header, rows, width)
    return _coloured(text, tasks) if colour else text


def _task_cells(task: Document) -> tuple[str, ...]:
    return (
        task["id"],
        task["phase"],
        str(task["attempts"] or "-"),
        task["agent"] or "-",
        tokens(task["tokens"], at_least=task["tokens_at_least"]),
        money(task["usd"]),
        task["title"],
    )


def _detail(task: Document) -> str:
    """Return why a task is where it is; for one that is finished well there is nothing to explain."""
    if task["phase"] in {"landed", "reported"}:
        return task["landed_commit"][:10] if task["landed_commit"] else ""
    return task["reason"] or ", ".join(task["waiting_for"])


def _coloured(text: str, tasks: Sequence[Document]) -> str:
    header, *lines = text.split("\n")
    painted = [
        line.replace(f"  {task['phase']}", f"  \x1b[{COLOUR[task['phase']]}m{task['phase']}\x1b[0m", 1)
        if task["phase"] in COLOUR
        else line
        for line, task in zip(lines, tasks, strict=True)
    ]
    return "\n".join((f"\x1b[1m{header}\x1b[0m", *painted))


def _section(title: str, body: str) -> str:
    return f"{title}\n{body}" if body else ""


def _needs_you(document: Document, width: int | None) -> str:
    """Return what helps each task that needs a person, and what happens if nobody does anything."""
    waits = [(task["id"], task["why"]) for task in document["tasks"] if task["phase"] in {"needs-human", "failed"}]
    rows = [(name, why["command"], why["if_ignored"]) for name, why in waits if why]
    return table(("TASK", "RUN", "IF NOBODY DOES"), rows, width) if rows else ""


def _sessions(document: Document, width: int | None) -> str:
    rows = [
        (each["id"], each["task"] or "-", _who(each), _how(each), _doing(each), each["started"])
        for each in document["sessions"]
    ]
    rows += [
        (each["id"], each["task"] or "-", f"gate {each['gate']}", "-", each["state"], each["started"])
        for each in document["gate_runs"]
    ]
    return table(("SESSION", "TASK", "AGENT", "RUNTIME", "STATE", "STARTED"), rows, width) if rows else ""


def _who(session: Document) -> str:
    """Return a session's agent, and what it is there for where that is not the task itself."""
    kind = str(session.get("kind", "agent"))
    return f"{session['agent'] or '-'}" + (f" ({kind})" if kind != "agent" else "")


def _how(session: Document) -> str:
    return "/".join(part for part in (session["runtime"], session["model"]) if part) or "-"


def _doing(session: Document) -> str:
    """Return a session's state, or what the watchdog makes of it where that is more."""
    health = str(session.get("health", "working"))
    state = str(session["state"])
    return state if state != "running" or health == "working" else health


def _queue(document: Document, width: int | None) -> str:
    rows = [(each["id"], each["task"], each["state"], each["tier"]) for each in document["queue"]]
    return table(("ENTRY", "TASK", "STATE", "TIER"), rows, width) if rows else ""


def plan_text(document: Document, width: int | None = None) -> str:
    """Return what `plan` prints: one line per action, and what it may cost."""
    problems = [f"problem: {_place(problem)}" for problem in document["problems"]]
    problems += [f"warning: {each}" for each in document["warnings"]]
    actions = [(each["kind"], each["task"] or "-", each["reason"]) for each in document["actions"]]
    body = table(("DO", "TASK", "WHY"), actions, width) if actions else "nothing to do"
    budget = budget_text(document["budget"])
    convoys = [row["text"] for row in document["convoy_budgets"]]
    return "\n".join((*problems, body, *_cost(document["cost"]), *([budget] if budget else []), *convoys))


def _cost(cost: Document) -> Iterator[str]:
    if cost["starts"]:
        limit = f"at most {money(cost['usd_max'])} USD" if cost["usd_max"] is not None else "no upper bound"
        missing = f" ({cost['without_limit']} without budget.usd)" if cost["without_limit"] else ""
        yield f"{counted(cost['starts'], 'session')} would start; cost: {limit}{missing}"


def task_text(document: Document) -> str:
    """Return what `task show` prints."""
    lines = [f"{document['id']}: {document['title']}", f"phase: {document['phase']}"]
    lines += [f"{name.replace('_', ' ')}: {value}" for name, value in _facts(document) if value]
    if document["description"]:
        lines += ["", *(f"  {line}" for line in str(document["description"]).rstrip().splitlines())]
    for attempt in document["history"]:
        lines += ["", *_attempt(attempt)]
    return "\n".join(quoting.line(line) if not line.startswith("  ") else line for line in lines)


def _facts(document: Document) -> Iterator[tuple[str, str]]:
    convoy = document["priority_from"]
    yield "priority", f"{document['priority']}, from convoy {convoy}" if convoy else document["priority"] or ""
    for name in ("reason", "file", "type", "role", "landed_commit", "finished"):
        yield name, document[name] or ""
    for name in ("waiting_for", "depends_on", "owns", "shares", "modes", "acceptance"):
        yield name, ", ".join(document[name])
    yield "paused", "yes" if document["paused"] else ""
    is_known = document["tokens"] or document["tokens_at_least"]
    yield "tokens", tokens(document["tokens"], at_least=document["tokens_at_least"]) if is_known else ""
    yield "usd", money(document["usd"]) if document["usd"] is not None else ""


def _attempt(attempt: Document) -> Iterator[str]:
    how = _how(attempt)
    yield f"attempt {attempt['number']}: {attempt['outcome']}, {attempt['agent']} ({how}), session {attempt['session']}"
    yield f"  {attempt['started']} to {attempt['ended'] or 'now'}"
    if attempt["reason"]:
        yield f"  {quoting.line(attempt['reason'])}"
    gates = ", ".join(f"{gate['gate']} {gate['outcome']}" for gate in attempt["gates"])
    if gates:
        yield f"  gates: {gates}"
    if attempt["rejection"]:
        yield f"  next step: {quoting.line(attempt['rejection']['next_step'])}"
    for name in ("head", "salvage"):
        if attempt[name]:
            yield f"  {name}: {attempt[name]}"
    if attempt["left_out"]:
        yield f"  left out: {attempt['left_out']['ref']}"
        yield from (f"    {quoting.line(item)}" for item in attempt["left_out"]["items"])
    if attempt["handoff"]:
        yield from _handoff(attempt["handoff"])


def _handoff(told: Document) -> Iterator[str]:
    whose = "in its own words" if told["by"] == "session" else "put together by swarmgit"
    yield f"  handed over, {whose}: {told['state']}"
    for name in ("done", "remaining", "surprises"):
        for item in told[name]:
            yield f"    {name}: {item}"
    if told["accepted"]:
        yield f"  accepted by {told['successor']}: {told['acceptance']}"
    elif told["unanswered"]:
        yield f"  no acknowledgement: {told['unanswered']}"


def money(usd: float | None) -> str:
    """Return dollars; '?' where no price is known."""
    return "?" if usd is None else f"{usd:.2f}"


def tokens(count: int, *, at_least: bool = False) -> str:
    """Return a count in few characters: 950, 12k, 1.2M; '>12k' and 'unknown' where a program had not said all."""
    if at_least:
        return f">{tokens(count)}" if count else "unknown"
    if count < 1000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"
