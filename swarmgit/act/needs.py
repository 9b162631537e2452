"""Which commits an action cannot do without: where it failed, they are looked at more closely."""

from __future__ import annotations

from swarmgit.model.actions import Action, FinishSession, Land, RunGate, Salvage, StartSession, TryMerges
from swarmgit.model.ids import CommitId, EntryId
from swarmgit.model.pins import Submit
from swarmgit.model.sessions import MergeSpec, SessionSpec


def of(action: Action, entry: EntryId | None = None) -> tuple[CommitId, ...]:
    """Return the commits of an action, or of what it does for one entry; none where state and files are enough."""
    match action:
        case StartSession(spec, carry=carry):
            return (*_of_session(spec), *((carry,) if carry is not None else ()))
        case FinishSession(spec) | RunGate(spec):
            return _of_session(spec)
        case TryMerges(onto, items):
            return (onto, *(item.head for item in items if entry in {None, item.entry}))
        case Land(works=works, old=old, new=new):
            return (old, new, *(commit for work in works for commit in work))
        case Salvage(commit=commit) | Submit(commit=commit):
            return (commit,)
        case _:
            return ()


def _of_session(spec: SessionSpec) -> tuple[CommitId, ...]:
    return (spec.base, spec.head) if isinstance(spec, MergeSpec) else (spec.base,)
