"""Do: one action, one outcome. No decisions here; each effect may be repeated, because a crash will repeat it."""

from __future__ import annotations

from typing import assert_never

from swarmgit.act import capture, landing, mail, predictions, push, sessions
from swarmgit.errors import SwarmError
from swarmgit.model.actions import (
    Action,
    Archive,
    DeliverMail,
    FinishSession,
    FollowRemote,
    KeepEvidence,
    Land,
    Predict,
    Remember,
    Remove,
    Retire,
    RunGate,
    Salvage,
    SaveConvoy,
    SaveEntry,
    SaveFile,
    SaveFollowed,
    SaveGateHistory,
    SaveIdentity,
    SaveIncident,
    SaveMail,
    SaveTask,
    StartPush,
    StartSession,
    StopSession,
    TakeMail,
    TryMerges,
    Unpin,
)
from swarmgit.model.incidents import ForgetReports
from swarmgit.model.outcomes import Done, Failed, Outcome, ToSave
from swarmgit.model.policy import Policy
from swarmgit.model.secrets import ForgetLeaks
from swarmgit.ports import World


def execute(action: Action, world: World, policy: Policy) -> Outcome:
    """Do one action. A failure that a person or time can mend becomes a value; a bug stays an exception."""
    world.fault(type(action).__name__)
    try:
        return _execute(action, world, policy) or Done(action)
    except SwarmError as error:
        return Failed(action, error.message, error.hint)
    except OSError as error:
        return Failed(action, f"{type(action).__name__}: {error}", "check disk space and permissions: swarmgit doctor")


def _execute(action: Action, world: World, policy: Policy) -> Outcome | None:  # noqa: C901, PLR0911, PLR0912  one line per action
    match action:
        case StartSession():
            return sessions.start(action, world, policy)
        case RunGate():
            return sessions.run_gate(action, world, policy)
        case StopSession():
            return sessions.stop(action, world)
        case FinishSession():
            return capture.finish(action, world, policy)
        case Retire():
            return sessions.retire(action, world)
        case Salvage():
            return landing.salvage(action, world)
        case Predict():
            return predictions.predict(action, world)
        case TryMerges():
            return landing.try_merges(action, world)
        case StartPush():
            return push.start(action, world)
        case FollowRemote():
            return push.follow(action, world)
        case KeepEvidence() | Remember() | ForgetLeaks() | ForgetReports():
            return _note(action, world)
        case Land():
            return landing.land(action, world)
        case Unpin():
            return landing.unpin(action, world)
        case DeliverMail():
            return mail.deliver(action, world)
        case TakeMail():
            return mail.take(action, world)
        case SaveTask() | SaveEntry() | SaveIdentity() | SaveGateHistory() | SaveMail() | SaveFile():
            return ToSave(action)
        case SaveFollowed() | Archive() | Remove() | SaveConvoy() | SaveIncident():
            return ToSave(action)
        case _:
            assert_never(action)


def _note(action: KeepEvidence | Remember | ForgetLeaks | ForgetReports, world: World) -> Outcome:
    match action:
        case KeepEvidence():
            world.cache.keep_evidence(action.evidence)
        case Remember():
            world.conflicts.remember(action.proposal)
        case ForgetLeaks():
            world.secrets.forget(action.leaks)
        case ForgetReports():
            world.notices.drop(action.reports)
    return Done(action)
