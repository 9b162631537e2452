"""Who did what to which file, when, with which model: the lines of `events/…/<session>.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from swarmgit.model.actions import SaveFile
from swarmgit.model.ids import BlobId, SessionId, TaskId
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Attempt, GateResult
from swarmgit.plan.books import own_usage
from swarmgit.state import kinds

ACTIONS_MAX = 1000
READ = "read"
WORD_OF_STATUS = {"A": "create", "M": "edit", "D": "delete", "T": "retype"}


def session_lines(attempt: Attempt, task: TaskId, session: ProgramSession) -> tuple[SaveFile, ...]:
    """Return the attribution file of a session that is over: start, every file action, usage, end."""
    ended = attempt.ended or attempt.started
    who = _who(attempt, task)
    lines = [_line(attempt.started, "session_start", who, base=attempt.base, attempt=attempt.number)]
    lines += [
        _line(at, "action", who, action=word, file=file) for word, file, at in _file_actions(session, attempt, ended)
    ]
    usage = attempt.usage
    lines.append(
        _line(
            ended,
            "usage",
            who,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            usd=usage.usd,
            **({"at_least": True} if usage.at_least else {}),
        )
    )
    lines.append(_line(ended, "session_end", who, outcome=attempt.outcome, reason=attempt.reason, head=attempt.head))
    return (_file(attempt.session, attempt.started, lines),)


def _file_actions(session: ProgramSession, attempt: Attempt, ended: datetime) -> list[tuple[str, str, datetime]]:
    """Return what the stream reported, and what the captured tree shows beyond that: silence hides nothing.

    Nor does talk: what was seen has its place before what was only said, a word counts for a change that is a word of
    one, and no action is of a time when the session was not there.
    """
    said = [(a.action, a.file, min(max(a.at or ended, attempt.started), ended)) for a in session.stream.actions]
    reported = {file for word, file, _ in said if word != READ}
    changes = session.capture.changes if session.capture else ()
    seen = [(WORD_OF_STATUS.get(c.status, "edit"), c.path, ended) for c in changes if c.path not in reported]
    seen = seen[:ACTIONS_MAX]
    return said[: ACTIONS_MAX - len(seen)] + seen


def gate_lines(attempt: Attempt, task: TaskId, results: Iterable[GateResult], where: str) -> tuple[SaveFile, ...]:
    who = _who(attempt, task)
    lines = [
        _line(r.at, "gate", who, gate=r.gate, outcome=r.outcome, tree=r.tree, where=where, reused=r.reused, key=r.key)
        for r in results
    ]
    return (_file(attempt.session, attempt.started, lines, append=True),) if lines else ()


def merge_lines(session: ProgramSession, outcome: str, reason: str) -> tuple[SaveFile, ...]:
    """Return the attribution file of a session that resolved a conflict, or judged another one."""
    spec = session.spec
    ended = session.ended or session.last_output or spec.started
    attempt = Attempt(
        number=spec.attempt,
        session=spec.id,
        agent=spec.agent,
        runtime=spec.runtime,
        model=spec.model,
        base=spec.base,
        generation=BlobId(""),
        started=spec.started,
        ended=max(ended, spec.started),
        outcome="submitted" if outcome == "resolved" else "failed",
        reason=reason,
        head=session.capture.commit if session.capture else None,
        usage=own_usage(session, ()),
    )
    return session_lines(attempt, spec.task, session)


def landing_lines(attempt: Attempt, task: TaskId, commit: str, at: datetime) -> tuple[SaveFile, ...]:
    line = _line(at, "landed", _who(attempt, task), commit=commit)
    return (_file(attempt.session, attempt.started, [line], append=True),)


def more_lines(attempt: Attempt, task: TaskId, at: datetime, kind: str, **data: object) -> tuple[SaveFile, ...]:
    """Return one more line for the attribution file of a session that is over."""
    line = _line(at, kind, _who(attempt, task), **data)
    return (_file(attempt.session, attempt.started, [line], append=True),)


def _who(attempt: Attempt, task: TaskId) -> dict[str, Any]:
    return {
        "agent_id": attempt.agent,
        "task_id": task,
        "session_id": attempt.session,
        "model": attempt.model or attempt.runtime,
    }


def _line(at: datetime, kind: str, who: dict[str, Any], **data: object) -> str:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return json.dumps({"timestamp": stamp, "type": kind, **who, **data}, ensure_ascii=False)


def _file(session: SessionId, started: datetime, lines: list[str], *, append: bool = False) -> SaveFile:
    path = kinds.EVENTS.file(f"{started:%Y-%m}/{started:%d}/{session}")
    return SaveFile(path, "".join(f"{line}\n" for line in lines), append=append)
