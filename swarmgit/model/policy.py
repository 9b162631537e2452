"""What sessions may touch, run, reach and say: frozen values of `policy.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

BASIC_PROGRAMS = ("sh", "env", "cat", "cp", "mv", "rm", "mkdir", "ls", "test", "[", "true", "false", "echo", "printf")
"""What every session sees, whatever is listed: the shell itself and what hardly a script does without."""


class CommsRule(Struct, frozen=True):
    """`types` None: all; none at all: nothing. `max_per_hour`: from each sender to each recipient."""

    sender: str
    to: str
    types: tuple[str, ...] | None = None
    max_per_hour: int | None = None


class Filesystem(Struct, frozen=True):
    """Absolute paths of this machine that sessions see besides what they need; `~` is the person's home."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


class Limits(Struct, frozen=True):
    """What one session may use. Memory, CPU, file size and open files hold for each of its processes.

    `work_file_mb`: the largest file that may be part of its work.
    `output_mb`: each of stdout and stderr; `disk_gb`: all that it writes, its output too.
    """

    memory_gb: float = 8.0
    cpu_minutes: float = 240.0
    processes: int = 1024
    file_gb: float = 4.0
    disk_gb: float = 20.0
    output_mb: float = 256.0
    open_files: int = 4096
    work_file_mb: float = 50.0


class Credential(Struct, frozen=True):
    """What a runtime's sessions get of the person's keys: variables by name, and a token that is made for each.

    `mint` is run before a session starts and prints `{"token": …, "expires": …}`; `mint_as` names the token's variable.
    """

    env: tuple[str, ...] = ()
    mint: tuple[str, ...] = ()
    mint_as: str = ""


class SecretRules(Struct, frozen=True):
    """`allow`: regular expressions over 'PATH:SECRET' of what may stand in a change although it looks like a secret."""

    allow: tuple[str, ...] = ()


class ReviewRules(Struct, frozen=True):
    """`hold_owns_hours`: so long the files of work that waits for a person's verdict stay its own."""

    hold_owns_hours: float = 24.0


class Policy(Struct, frozen=True):
    """`policy.yaml`. The built-in protected paths are always added; a document can only add to them.

    `commands`: the programs that sessions of a role see, under `default` those of every role that is not named, under
    `gate` those of gates; a role without a list sees every program on the person's PATH.
    `transcripts`: whether what sessions were told and have said is kept for a while.
    """

    protected_paths: tuple[str, ...] = ()
    sandbox: Literal["required", "preferred", "off"] = "preferred"
    network: tuple[str, ...] = ("none",)
    filesystem: Filesystem = Filesystem()
    limits: Limits = Limits()
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    comms: tuple[CommsRule, ...] = ()
    secrets: SecretRules = SecretRules()
    transcripts: bool = True
    review: ReviewRules = ReviewRules()

    def programs_of(self, role: str) -> tuple[str, ...] | None:
        """Return the programs that a role's sessions may start, the basic ones among them; None: no list, so all."""
        listed = self.commands.get(role, self.commands.get("default"))
        return None if listed is None else (*BASIC_PROGRAMS, *listed)


class SandboxReport(Struct, frozen=True):
    """`name` of the sandbox, '' for none. `strength`: full, reduced or none. `text`: all of it in one sentence."""

    name: str
    strength: Literal["full", "reduced", "none"]
    text: str
