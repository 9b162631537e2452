"""Who does the work, all in all: whether one model does everything."""

from __future__ import annotations

from swarmgit.model.desired import Desired
from swarmgit.plan.agents import runtime_of

PLAIN = frozenset({"command", ""})


def homogeneous(desired: Desired) -> str:
    """Return a warning where one model of one agent program does every task; '' where not, or there is one task."""
    if desired.swarm is None or len(desired.tasks) < 2:
        return ""
    lineup = set()
    for task in desired.tasks.values():
        runtime, model = runtime_of(desired.swarm, task)
        if runtime.adapter in PLAIN:
            return ""
        lineup.add((runtime.name, model))
    if len(lineup) > 1:
        return ""
    name, model = lineup.pop()
    who = f"{name} ({model})" if model else name
    return (
        f"all {len(desired.tasks)} tasks run on {who}: what it overlooks nobody else sees, and simple work costs as "
        "much as hard work; give tiers and routing in .swarm/swarm.yaml a second model, at least for reviews"
    )
