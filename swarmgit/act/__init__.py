"""Do: one action, one outcome. No decisions here; each effect may be repeated, because a crash will repeat it."""

from __future__ import annotations

from typing import assert_never

from swarmgit.act import capture, landing, mail, predictions, push, rescue, sessions
from swarmgit.act.failing import failed
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
    Save,
    SaveFile,
    StartPush,
    StartSession,
    StopSession,
    TakeMail,
    TryMerges,
)
from swarmgit.model.failures import ForgetTries, Rescue, SetAside
from swarmgit.model.incidents import ForgetAlerts
from swarmgit.model.outcomes import Done, Outcome, ToSave
from swarmgit.model.pins import Submit, Unpin
from swarmgit.model.policy import Policy
from swarmgit.model.renames import RenameTask
from swarmgit.model.secrets import ForgetLeaks
from swarmgit.model.steps import kind_of
from swarmgit.ports.world import World


def execute(action: Action, world: World, policy: Policy) -> tuple[Outcome, ...]:
    """Do one action and return what came of it: one outcome, or one for each entry that it was for.

    Whatever is raised on the way is a failure of this action, a bug too: nobody else's step hangs on it.
    """
    try:
        world.fault(kind_of(action))
        done = _execute(action, world, policy)
    except Exception as error:  # noqa: BLE001  the boundary of a step
        return (failed(action, error, world),)
    return done if isinstance(done, tuple) else (done,)


def _execute(action: Action, world: World, policy: Policy) -> Outcome | tuple[Outcome, ...]:  # noqa: C901, PLR0911, PLR0912  one line per action
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
        case SetAside():
            return sessions.set_aside(action, world)
        case Rescue():
            return rescue.rescue(action, world)
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
        case KeepEvidence() | Remember() | ForgetLeaks() | ForgetAlerts() | ForgetTries():
            return _note(action, world)
        case Land():
            return landing.land(action, world)
        case Submit() | Unpin():
            return landing.pin(action, world)
        case DeliverMail():
            return mail.deliver(action, world)
        case TakeMail():
            return mail.take(action, world)
        case Save() | SaveFile() | Archive() | Remove() | RenameTask():
            return ToSave(action)
        case _:
            assert_never(action)


def _note(action: KeepEvidence | Remember | ForgetLeaks | ForgetAlerts | ForgetTries, world: World) -> Outcome:
    match action:
        case KeepEvidence():
            world.cache.keep_evidence(action.evidence)
        case Remember(proposal):  # cheap to lose, so nobody waits for it
            world.background.run(f"remember {proposal}", proposal, lambda: world.engine.conflicts.remember(proposal))
        case ForgetLeaks():
            world.secrets.forget(action.leaks)
        case ForgetAlerts():
            world.notices.drop(action.alerts)
        case ForgetTries():
            world.failures.drop(action.tries)
    return Done(action)
