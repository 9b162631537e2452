"""The seam where a sandbox wraps what a session runs. None is built yet, and nothing here pretends otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from swarmgit.errors import PersonMustAct

SandboxPolicy = Literal["required", "preferred", "off"]


@dataclass(frozen=True, slots=True)
class NoSandbox:
    """Runs a session's program as it is, with the person's own rights."""

    policy: SandboxPolicy = "preferred"
    name: str = "none"

    def wrap(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return the argument vector that runs `argv` inside the sandbox: here the same."""
        return tuple(argv)

    def describe(self) -> str:
        """Return one sentence for status, doctor and session records."""
        if self.policy == "off":
            return "none: switched off by policy.yaml"
        return "none: no sandbox is available, sessions run with your own rights"


def best_sandbox(policy: SandboxPolicy) -> NoSandbox:
    """Return the best sandbox of this machine, or raise PersonMustAct where policy requires one and there is none."""
    if policy == "required":
        raise PersonMustAct(
            "policy.yaml requires a sandbox, and none is available on this machine; nothing was started",
            hint="swarmgit doctor shows what is missing",
        )
    return NoSandbox(policy)
