"""What `init` did, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmgit.app.init import Initialised


def initialised(done: Initialised) -> str:
    """Return what was written, what was chosen and why, and what to do next."""
    return "\n".join(_lines(done))


def _lines(done: Initialised) -> Iterator[str]:
    if done.commit is None:
        yield f"nothing to do: .swarm/ is on branch {done.target} already"
    else:
        yield f"wrote {len(done.written)} files below .swarm/ and committed them on {done.target} as {done.commit[:10]}"
    for path in done.drafts:
        yield f"left alone, because it exists uncommitted: {path}"
    if done.commit is not None:
        yield from _chosen(done)
    yield "next: swarmgit task new ID --title '…' --owns 'src/**', commit it, then: swarmgit reconcile"


def _chosen(done: Initialised) -> Iterator[str]:
    yield f"languages: {', '.join(done.languages) or 'none that is known here'}"
    if done.gates:
        yield from (f"gate {gate.name}: {gate.run}" for gate in done.gates)
    else:
        yield "gates: none found; name your test command in .swarm/gates.yaml"
    yield from (f"setup: {command}" for command in done.setup)
    if done.tiers:
        yield f"agent programs: {', '.join(done.runtimes)}"
        for name, tier in done.tiers.items():
            yield f"tier {name}: {' '.join(tier.values())}"
        if done.opened.hosts:
            yield f"policy: sessions may reach {', '.join(done.opened.hosts)}, and nothing else"
        if done.opened.credentials:
            yield f"policy: they are given, of what is set: {', '.join(done.opened.credentials)}"
    else:
        yield "agent programs: none found; name one in .swarm/swarm.yaml, or any script as adapter 'command'"
