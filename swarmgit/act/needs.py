"""Which commits an action cannot do without: where it failed, they are looked at more closely."""

from __future__ import annotations

from swarmgit.model.actions import Action, FinishSession, Land, RunGate, Salvage, StartSession, TryMerges
from swarmgit.model.ids import CommitId


def of(action: Action) -> tuple[CommitId, ...]:
    """Return the commits of an action; none of one that needs no more than state and files."""
    match action:
        case StartSession(spec, carry=carry):
            return tuple(commit for commit in (spec.base, spec.head, carry) if commit is not None)
        case FinishSession(spec) | RunGate(spec):
            return tuple(commit for commit in (spec.base, spec.head) if commit is not None)
        case TryMerges(onto, items):
            return (onto, *(item.head for item in items))
        case Land(works=works, old=old, new=new):
            return (old, new, *(commit for work in works for commit in work))
        case Salvage(commit=commit):
            return (commit,)
        case _:
            return ()
