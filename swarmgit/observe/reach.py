"""Which agent programs cannot work by policy, because what they must reach is closed to them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from swarmgit.model.desired import Desired, Runtime
from swarmgit.ports.runtimes import Runtimes
from swarmgit.ports.sandbox import Sandbox

Pair = tuple[str, str]
"""A runtime's name and a model, '' for none."""


class ReachWatcher(Struct):
    """Asks again only where the intent has changed."""

    runtimes: Runtimes
    sandbox: Sandbox
    _desired: Desired | None = None
    _asked: tuple[object, ...] = ()
    _found: Mapping[Pair, str] | None = None

    def look(self, desired: Desired) -> Mapping[Pair, str]:
        """Return why the programs that this intent uses cannot work; nothing for those that can."""
        if self._found is not None and desired is self._desired:
            return self._found
        self._desired = desired
        asked = (pairs(desired), desired.policy, desired.swarm.runtimes if desired.swarm else None)
        if self._found is None or asked != self._asked:
            self._asked, self._found = asked, unreachable(self.runtimes, self.sandbox, desired)
        return self._found


def unreachable(runtimes: Runtimes, sandbox: Sandbox, desired: Desired) -> dict[Pair, str]:
    """Return why the programs that an intent uses cannot work by its policy."""
    known = desired.swarm.runtimes if desired.swarm else {}
    found = {}
    for name, model in pairs(desired):
        hosts = runtimes.hosts_needed(known.get(name) or Runtime(name, name), model)
        why = sandbox.unreachable(desired.policy, name, hosts)
        if why:
            found[name, model] = why
    return found


def pairs(desired: Desired) -> tuple[Pair, ...]:
    """Return the runtimes and models that tiers and tasks name, but plain commands."""
    swarm = desired.swarm
    if swarm is None:
        return ()
    named = [(tier.runtime, tier.model or "") for tier in swarm.tiers.values()]
    for task in desired.tasks.values():
        if task.runtime or task.model:
            tier = swarm.tiers.get(swarm.routing.get(task.type, "standard"))
            runtime = task.runtime or (tier.runtime if tier else "")
            same = tier.model if tier and tier.runtime == runtime else None
            named.append((runtime, task.model or same or ""))
    adapters = {name: runtime.adapter for name, runtime in swarm.runtimes.items()}
    return tuple(sorted({pair for pair in named if adapters.get(pair[0], pair[0]) not in {"command", ""}}))
