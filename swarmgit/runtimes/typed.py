"""Events as their types say: an adapter may be anybody's, and what it puts into them is what a program said."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

from swarmgit.model.events import Context, Event, Fault, FaultKind, FileAction, Limited, Result, Spent
from swarmgit.runtimes import fields

FAULT_KINDS: frozenset[str] = frozenset(get_args(FaultKind))


def typed(event: Event) -> Event:
    """Return an event of an adapter, which may be anybody's, with values of the right types and within bounds."""
    match event:
        case Spent(usage, step):
            return Spent(fields.usage(usage), step if isinstance(step, str) else None)
        case FileAction(action, file, at):
            return FileAction(fields.text(action), fields.text(file), at if _is_instant(at) else None)
        case Context(used, window):
            return Context(None if used is None else fields.tokens(used), fields.tokens(window) or None)
        case Limited(wait_s, until):
            return Limited(fields.seconds(wait_s), until if _is_instant(until) else None)
        case Fault():
            return _typed_fault(event)
        case Result(text, fault):
            return Result(fields.text(text), _typed_fault(fault) if fault is not None else None)
        case _:
            return event


def _typed_fault(fault: Fault) -> Fault:
    kind: Any = fields.choice(fault.kind, FAULT_KINDS) or "other"
    until = fault.until if _is_instant(fault.until) else None
    status, wait_s = fields.status(fault.status), fields.seconds(fault.wait_s)
    return Fault(kind, fields.text(fault.message), status, wait_s, until, fields.text(fault.remedy))


def _is_instant(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None
