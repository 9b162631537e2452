"""Who may write to whom (DESIGN §8, `comms`): directed rules, nothing by default."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from swarmgit.model.desired import Desired
from swarmgit.model.ids import AgentName, ConvoyId, TaskId
from swarmgit.model.mail import HUMAN, SWARMGIT
from swarmgit.model.observed import Observed
from swarmgit.model.policy import CommsRule, Policy
from swarmgit.model.status import FINISHED

ALL = "@all"
POLICY = ".swarm/policy.yaml"
OPEN_PER_HOUR: Mapping[str, int] = {HUMAN: 60, SWARMGIT: 600}
"""Routes that are always open are not for floods: so many messages an hour from each agent."""


class Roster(Struct, frozen=True):
    """The agents that are known, and what they are. `present`: those with a session or unfinished work."""

    roles: Mapping[AgentName, str]
    convoys: Mapping[AgentName, frozenset[ConvoyId]]
    present: frozenset[AgentName]
    role_names: frozenset[str]
    agents_max: int = 0

    @classmethod
    def of(cls, desired: Desired, observed: Observed) -> Roster:
        """Return who is known: agents at work, of unfinished tasks, with a record, or pinned by a task."""
        roles = {name: identity.role for name, identity in observed.identities.items()}
        tasks = _assignments(desired, observed)
        convoys: dict[AgentName, set[ConvoyId]] = {}
        for agent, task in tasks:
            if task in desired.tasks:
                roles[agent] = desired.tasks[task].role
            for convoy in _convoys_of(desired, task):
                convoys.setdefault(agent, set()).add(convoy)
        for pinned in desired.tasks.values():
            if pinned.agent is not None:
                roles.setdefault(pinned.agent, pinned.role)
        known = {name: frozenset(found) for name, found in convoys.items()}
        agents_max = desired.swarm.agents_max if desired.swarm else 0
        return cls(roles, known, frozenset(agent for agent, _ in tasks), frozenset(desired.roles), agents_max)

    def knows(self, name: str) -> bool:
        """Return whether there is, or will be, an agent of that name."""
        return AgentName(name) in self.roles or self._role_in(name) is not None

    def role(self, name: str) -> str | None:
        return self.roles.get(AgentName(name)) or self._role_in(name)

    def _role_in(self, name: str) -> str | None:
        """Return the role of one of the names that swarmgit gives: as many of each role as there are places."""
        role, _, number = name.rpartition("-")
        is_given = number.isascii() and number.isdigit() and len(number) < 5 and f"{int(number):02d}" == number
        return role if is_given and 0 < int(number) <= self.agents_max and role in self.role_names else None

    def matches(self, selector: str, name: str) -> bool:
        """Return whether an agent is meant by a name, `role:NAME` or `convoy:NAME`."""
        kind, colon, what = selector.partition(":")
        if not colon:
            return selector == name
        if kind == "role":
            return self.role(name) == what
        return kind == "convoy" and what in self.convoys.get(AgentName(name), frozenset())

    def group(self, address: str) -> tuple[AgentName, ...]:
        """Return who is in a group now: `@all`, `@role:NAME` or `@convoy:NAME` among those present."""
        return tuple(sorted(n for n in self.present if address == ALL or self.matches(address[1:], n)))


def _assignments(desired: Desired, observed: Observed) -> set[tuple[AgentName, TaskId]]:
    """Return who works on what: sessions that are there, and the last attempts of unfinished tasks."""
    found = {
        (session.spec.agent, session.spec.task)
        for session in observed.sessions.values()
        if session.spec.agent is not None and session.spec.task is not None and not session.is_finished
    }
    for status in observed.statuses.values():
        if status.phase not in FINISHED and status.task in desired.tasks and status.last is not None:
            found.add((status.last.agent, status.task))
    return found


def _convoys_of(desired: Desired, task: TaskId) -> set[ConvoyId]:
    named = {convoy.id for convoy in desired.convoys.values() if task in convoy.tasks}
    own = desired.tasks[task].convoy if task in desired.tasks else None
    return named | ({own} if own is not None else set())


class Verdict(Struct, frozen=True):
    """`refused`: the rule in words, '' where the message may go. `max_per_hour`: from this sender to this recipient."""

    refused: str = ""
    max_per_hour: int | None = None


def judge(policy: Policy, roster: Roster, sender: str, to: str, kind: str) -> Verdict:
    """Return whether a sender may write a message of a type to one recipient, whose name is known."""
    if SWARMGIT in {sender, to} or HUMAN in {sender, to}:
        limit = OPEN_PER_HOUR.get(to) if roster.knows(sender) and sender != HUMAN else None
        return Verdict(max_per_hour=limit)
    directed = [
        (number, rule)
        for number, rule in enumerate(policy.comms, 1)
        if roster.matches(rule.sender, sender) and roster.matches(rule.to, to)
    ]
    if not directed:
        return Verdict(f"comms in {POLICY}: no rule lets {sender} write to {to}")
    open_to = [rule for _, rule in directed if rule.types is None or kind in rule.types]
    if not open_to:
        number, rule = directed[0]
        return Verdict(f"comms in {POLICY}, rule {number} ({shown(rule)}): not for the type {kind}")
    limits = [rule.max_per_hour for rule in open_to]
    return Verdict(max_per_hour=None if None in limits else max(limit for limit in limits if limit is not None))


def shown(rule: CommsRule) -> str:
    """Return a rule as its line says it."""
    types = "" if rule.types is None else f", types: [{', '.join(rule.types)}]"
    return f"from: {rule.sender}, to: {rule.to}{types}"
