"""The trailers by which a commit says who made it: evidence that survives without any state file."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from swarmgit.model.ids import AgentName, SessionId, TaskId

AGENT_DOMAIN = "agents.swarmgit.invalid"
"""Reserved by RFC 2606, so that no agent's address can ever be somebody's."""

RUN_DIGITS_MAX = 10


class Maker(Struct, frozen=True):
    """Who made a commit. `model` is the runtime's name where no model was at work.

    `run`: which time it is that the task lands; more than once only where a person asked for it again.
    """

    task: TaskId
    agent: AgentName
    session: SessionId
    model: str
    attempt: int
    run: int = 1


def message(subject: str, body: str, *makers: Maker) -> str:
    """Return a commit message that ends with swarmgit's trailers, a block for each maker."""
    head = " ".join(subject.split()) or f"Work on {makers[0].task}"
    text = f"\n\n{body.strip()}" if body.strip() else ""
    return f"{head}{text}\n\n" + "".join(map(_block, makers))


def _block(maker: Maker) -> str:
    run = f"Swarm-Run: {maker.run}\n" if maker.run > 1 else ""
    return (
        f"Swarm-Task: {maker.task}\n"
        f"Swarm-Agent: {maker.agent}\n"
        f"Swarm-Session: {maker.session}\n"
        f"Swarm-Model: {' '.join(maker.model.split())}\n"
        f"Swarm-Attempt: {maker.attempt}\n"
        f"{run}"
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


def run_of(named: Mapping[str, str]) -> int:
    """Return which time a task lands by a commit with these trailers; 1 where they do not say so readably."""
    said = named.get("run", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= RUN_DIGITS_MAX and int(said) > 0 else 1
