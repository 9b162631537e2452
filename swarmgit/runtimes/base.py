"""What a runtime is to swarmgit, and what every runtime gives its sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from swarmgit.model.desired import Runtime
from swarmgit.ports import Command, Placement, StreamReader


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a runtime can do. `reports_usage`: tokens come from the program itself, not from its good will."""

    takes_messages: bool = False
    can_resume: bool = False
    reports_usage: bool = False


class RuntimeAdapter(Protocol):
    """One kind of agent program. Third parties add one by an entry point of the group `swarmgit.runtimes`."""

    @property
    def name(self) -> str:
        """Return the word that `runtimes.<name>.adapter` says."""

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do."""

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return what to run for a session, with exactly its environment; PersonMustAct where it is not set up."""

    def stream_reader(self) -> StreamReader:
        """Return a fresh reader of what one session prints."""


def session_env(runtime: Runtime, placement: Placement) -> dict[str, str]:
    """Return a session's whole environment: what the caller passes on of the host, the runtime's own, then ours.

    Ours come last: a runtime cannot give a session another's name.
    """
    spec, folder = placement.spec, placement.folder
    ours = {
        "SWARM_TASK": spec.task or "",
        "SWARM_AGENT": spec.agent or "",
        "SWARM_SESSION": spec.id,
        "SWARM_ATTEMPT": str(spec.attempt),
        "SWARM_TASK_FILE": str(folder / "task.json"),
        "SWARM_PROMPT_FILE": str(folder / "prompt.md"),
        "SWARM_FEEDBACK_FILE": str(folder / "feedback.json"),
        "SWARM_INBOX": str(folder / "inbox"),
        "SWARM_OUTBOX": str(folder / "outbox"),
        **{f"SWARM_PORT_{number}": str(port) for number, port in enumerate(placement.ports)},
    }
    return {**_without_ours(placement.host_env), **_without_ours(runtime.env), **ours}


def _without_ours(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith("SWARM_")}
