"""Checks of what people ask for, and of what became of it."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.app.doctor.report import Facts, Finding
from swarmgit.app.gc import stale_refs
from swarmgit.app.room import no_room
from swarmgit.app.validate import warnings
from swarmgit.app.views.words import counted
from swarmgit.documents import paths
from swarmgit.plan import full_runs, pushes
from swarmgit.ports.world import ReadWorld, World


def intent(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """The committed intent is there and without mistakes."""
    desired = facts.seen.desired
    for problem in desired.problems:
        yield Finding("intent", "fail", str(problem), "swarmgit validate")
    if desired.swarm is None and not desired.problems:
        yield Finding("intent", "fail", f"there is no {paths.SWARM_YAML} on a target branch", "swarmgit init")
    elif not desired.problems:
        words = f"{counted(len(desired.tasks), 'task')}, {counted(len(desired.gates), 'gate')}, no problems"
        yield Finding("intent", "ok", words)


def room(world: ReadWorld, _facts: Facts) -> Iterator[Finding]:
    """Git can have our refs beside those of the person."""
    for found in no_room(world):
        yield Finding("room", "fail", found.message, found.repair)


def leftovers(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Nothing is kept of what is over."""
    stale = stale_refs(world, facts.seen)
    if not stale:
        yield Finding("leftovers", "ok", "nothing is left over")
        return

    def drop(world: World) -> str:
        world.engine.withdraw(stale)
        return f"dropped {counted(len(stale), 'ref')} of finished entries"

    kept = f"{counted(len(stale), 'ref')} of finished entries kept"
    yield Finding("leftovers", "warn", kept, "swarmgit gc", drop)


def policy(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Policy and machine go together."""
    rules = facts.seen.desired.policy
    if rules.sandbox == "off":
        yield Finding("policy", "warn", "policy.yaml switches the sandbox off", "set sandbox: preferred")
    elif rules.sandbox == "required" and world.sandbox.describe(rules).strength == "none":
        yield Finding("policy", "fail", "policy.yaml requires a sandbox, so nothing starts", "install bubblewrap")


def runtimes(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """What is asked for can start."""
    seen = facts.seen
    for warning in warnings(seen.desired, seen.observed.unreachable):
        yield Finding("runtimes", "warn", warning, "swarmgit validate")


def gates(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Gates with `inputs` miss nothing."""
    for problem in full_runs.problems(facts.seen.desired, facts.seen.observed):
        yield Finding("gates", "fail", str(problem), "add what is missing to the gate's inputs, or repair the target")


def push(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """The remote takes what lands."""
    seen = facts.seen
    standing = pushes.standing(seen.desired.swarm, seen.observed) if seen.desired.swarm else None
    if standing and standing.state in {"refused", "unreachable", "diverged"}:
        yield Finding("push", "warn", standing.text, f"git ls-remote {standing.remote}")


def freeze(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Nothing holds the brake."""
    if facts.seen.observed.freeze:
        yield Finding("freeze", "warn", f"frozen by {facts.seen.observed.freeze.by}", "swarmgit thaw")


def signing(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """What has to be signed can be; asking about a commit needs the same program."""
    desired = facts.seen.desired
    if desired.commit is not None and desired.swarm is not None and desired.swarm.merge.sign is not None:
        world.engine.signatures.verify((desired.commit,), b"")
        yield Finding("signing", "ok", "what lands is signed with its agent's ssh key")
