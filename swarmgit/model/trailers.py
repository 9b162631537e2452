"""The trailers by which a commit says who made it: evidence that survives without any state file."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.model.ids import AgentName, SessionId, TaskId

AGENT_DOMAIN = "agents.swarmgit.invalid"
"""Reserved by RFC 2606, so that no agent's address can ever be somebody's."""


class Maker(Struct, frozen=True):
    """Who made a commit. `model` is the runtime's name where no model was at work."""

    task: TaskId
    agent: AgentName
    session: SessionId
    model: str
    attempt: int


def message(subject: str, body: str, *makers: Maker) -> str:
    """Return a commit message that ends with swarmgit's trailers, a block of five for each maker."""
    head = " ".join(subject.split()) or f"Work on {makers[0].task}"
    text = f"\n\n{body.strip()}" if body.strip() else ""
    return f"{head}{text}\n\n" + "".join(map(_block, makers))


def _block(maker: Maker) -> str:
    return (
        f"Swarm-Task: {maker.task}\n"
        f"Swarm-Agent: {maker.agent}\n"
        f"Swarm-Session: {maker.session}\n"
        f"Swarm-Model: {' '.join(maker.model.split())}\n"
        f"Swarm-Attempt: {maker.attempt}\n"
    )


def parse(text: str) -> dict[str, str]:
    """Return the `Swarm-…` trailers of a commit message's last paragraph, by name without the prefix, lower case.

    Of a commit that lands several tasks: the last one's.
    """
    return (parse_all(text) or [{}])[-1]


def parse_all(text: str) -> list[dict[str, str]]:
    """Return the trailers as `parse` does, for each task that the commit lands."""
    last = text.rstrip().rsplit("\n\n", 1)[-1]
    found: list[dict[str, str]] = []
    for line in last.splitlines():
        name, _, value = line.partition(": ")
        if not name.startswith("Swarm-"):
            continue
        if name == "Swarm-Task" or not found:
            found.append({})
        found[-1][name.removeprefix("Swarm-").lower()] = value.strip()
    return found
