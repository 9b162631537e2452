"""All ports together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct

from swarmgit.model.desired import Desired, Price, Runtime
from swarmgit.model.policy import Policy, SandboxReport
from swarmgit.model.runtimes import Command, Outlook
from swarmgit.model.usage import Usage
from swarmgit.model.work import Push
from swarmgit.ports.engine import Conflicts, Engine, Integrity, Signatures, Upkeep
from swarmgit.ports.machine import Clock
from swarmgit.ports.repository import History, Landing, Objects, Repository
from swarmgit.ports.runtimes import Placement, StreamReader
from swarmgit.ports.sandbox import Confined, Confinement
from swarmgit.ports.sessions import Background, Doorbell, Executor
from swarmgit.ports.store import Failures, LiveCache, Lock, Notices, Secrets, StateStore, Transcripts
from swarmgit.ports.worktrees import Worktrees


class World(Struct, frozen=True):
    """Everything a use case may touch. `wiring` fills it with real parts, tests with what they need.

    `awake_s` says how long this machine has been awake since its start: the same clock for all processes.
    `stream_reader` makes the reader of a runtime's output by adapter name, `command_for` its command; `confine`
    wraps a command by policy, `granted` names the variables that policy gives to a runtime; `push_command` is the only
    way out to a remote. `adapters` names all that are installed, `obeyed` the files their programs
    obey. `price` says what tokens cost by the model's names,
    most exact first; `outlook` what an adapter's sessions with such a model can do, `unreachable` why they could not
    work by policy. `environment` is the fingerprint that goes into evidence keys. `history` reads what
    the target's commits say about landings. `drafts` lists intent files whose working copy differs from the commit.
    `sandbox` says what confines sessions under a policy. `settings` is a fingerprint of what the person's own git obeys
    (path → hash). `secrets` keeps secrets out of what is written, `notices` what went wrong where nobody plans,
    `failures` what is known of actions that failed, `transcripts` what sessions said. `port_is_free` tries a port of
    the loopback. `fault` is called before each effect with its name: the crash tests raise in it.
    `abandon` ends them at once, whoever waits for them: what they were at fails, as if they had been killed.
    `close` ends the git children and gives back the lock; whatever is asked afterwards starts them again.
    """

    repository: Repository
    clock: Clock
    awake_s: Callable[[], float]
    objects: Objects
    state: StateStore
    engine: Engine
    integrity: Integrity
    upkeep: Upkeep
    conflicts: Conflicts
    signatures: Signatures
    worktrees: Worktrees
    landing: Landing
    executor: Executor
    cache: LiveCache
    lock: Lock
    doorbell: Callable[[], Doorbell]
    stream_reader: Callable[[str], StreamReader]
    command_for: Callable[[Runtime, Placement], Command]
    confine: Callable[[Command, Policy, Confinement], Confined]
    granted: Callable[[Policy, str], frozenset[str]]
    adapters: Callable[[], AbstractSet[str]]
    obeyed: Callable[[], tuple[str, ...]]
    price: Callable[[tuple[str, ...], Usage, Mapping[str, Price]], float | None]
    outlook: Callable[[str, tuple[str, ...], Mapping[str, int]], Outlook]
    unreachable: Callable[[Policy, Runtime, str], str]
    settings: Callable[[], Mapping[str, str]]
    secrets: Secrets
    notices: Notices
    background: Background
    failures: Failures
    port_is_free: Callable[[int], bool]
    transcripts: Transcripts
    push_command: Callable[[Push], Command]
    history: History
    drafts: Callable[[Desired], tuple[str, ...]]
    state_branch: str
    sandbox: Callable[[Policy], SandboxReport]
    environment: str
    host_env: Mapping[str, str]
    fault: Callable[[str], None]
    only_reads: bool
    abandon: Callable[[], None]
    close: Callable[[], None]
