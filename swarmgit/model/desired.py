"""What people ask for: frozen values of the intent documents under `.swarm/` on the target branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct, field

from swarmgit.model.experiments import Experiment
from swarmgit.model.ids import AgentName, BlobId, CommitId, ConvoyId, ExperimentId, GateName, TaskId
from swarmgit.model.policy import Policy

TaskType = Literal["implement", "mechanical", "review", "research", "plan", "security", "docs", "test"]
Priority = Literal["low", "normal", "high", "critical"]
ReviewMode = Literal["auto", "full", "spot", "skip"]
When = Literal["submit", "merge"]
OnFailure = Literal["hold", "continue"]
ConflictTier = Literal["clean", "auto", "ai", "reimagine"]
"""The ways to resolve a conflict, the cheapest first."""

CONFLICT_TIERS: tuple[ConflictTier, ...] = get_args(ConflictTier)

PRIORITY_RANK: Mapping[str, int] = {"critical": 0, "high": 1, "normal": 2, "low": 3}
READ_ONLY_ROLES = frozenset({"reviewer", "scout", "triage"})
ROLE_OF_TYPE: Mapping[str, str] = {"plan": "planner", "review": "reviewer", "research": "scout"}
DEFAULT_ROUTING: Mapping[str, str] = {
    "plan": "frontier",
    "review": "frontier",
    "security": "frontier",
    "implement": "standard",
    "research": "standard",
    "test": "standard",
    "mechanical": "fast",
    "docs": "fast",
}


class Problem(Struct, frozen=True):
    """One thing wrong in a document; `line` and `column` count from 1 (0: the file as a whole)."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class Scope(Struct, frozen=True):
    """gitwildmatch patterns, anchored at the repository's root.

    `modes`: which existing files, of those that may change, may also get another mode or kind.
    """

    owns: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()


class Acceptance(Struct, frozen=True):
    run: str
    timeout_minutes: float = 10.0


class Budget(Struct, frozen=True):
    """None means: the swarm's default, or no limit where it has none."""

    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None
    attempts: int | None = None


class Task(Struct, frozen=True):
    """`generation` is the blob id of the task's file: it changes exactly when the file does."""

    id: TaskId
    path: str
    generation: BlobId
    title: str
    description: str
    type: TaskType = "implement"
    priority: Priority = "normal"
    convoy: ConvoyId | None = None
    depends_on: tuple[TaskId, ...] = ()
    scope: Scope = Scope()
    contracts: str = ""
    acceptance: tuple[Acceptance, ...] = ()
    role: str = "builder"
    agent: AgentName | None = None
    runtime: str | None = None
    model: str | None = None
    budget: Budget = Budget()
    review: ReviewMode = "auto"
    allow_no_change: bool = False
    suspend: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_read_only(self) -> bool:
        return self.role in READ_ONLY_ROLES


class Gate(Struct, frozen=True):
    """A configured command that must pass. `inputs` empty: the whole code tree."""

    name: GateName
    run: str
    when: tuple[When, ...] = ("submit", "merge")
    timeout_minutes: float = 20.0
    min_tests: int = 0
    junit: str | None = None
    inputs: tuple[str, ...] = ()


class Runtime(Struct, frozen=True):
    """`run` for the `command` adapter: a list is an argument vector, one string is run by `/bin/sh -c`.

    For an agent program: the program, and arguments right behind it. `account`: shared by runtimes with one rate limit.
    """

    name: str
    adapter: str
    run: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    account: str | None = None


class Price(Struct, frozen=True):
    """US dollars for a million tokens of each kind; where a kind of cache has no price of its own, that of input."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None


class Tier(Struct, frozen=True):
    runtime: str
    model: str | None = None


class WorktreeConfig(Struct, frozen=True):
    include: tuple[str, ...] = ()
    share: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    setup_key: tuple[str, ...] = ()
    sparse: bool = False


class Generated(Struct, frozen=True):
    """Files that a command makes from others, such as lock files; never merged, but made again."""

    files: tuple[str, ...]
    run: str


class PushConfig(Struct, frozen=True):
    """Where landings are pushed before the target moves here; `remote` None: nowhere. `branch` None: as the target."""

    remote: str | None = None
    branch: str | None = None


class MergeConfig(Struct, frozen=True):
    """`union`: gitwildmatch patterns of files to which everybody only adds lines, such as changelogs.

    `full_run_hours`: how often gates with `inputs` run on the whole target without reuse; 0: never. `sign`: how what
    lands is signed with its agent's key, None: not at all.
    """

    style: Literal["merge", "squash"] = "merge"
    batch_max: int = 8
    flaky_retries: int = 1
    tiers: tuple[ConflictTier, ...] = CONFLICT_TIERS
    union: tuple[str, ...] = ()
    generated: tuple[Generated, ...] = ()
    full_run_hours: float = 24.0
    sign: Literal["ssh"] | None = None


class SwarmBudget(Struct, frozen=True):
    usd_per_day: float | None = None
    usd_per_task: float | None = None
    tokens_per_session: int | None = None
    alert_at: float = 0.8


class WatchdogLimits(Struct, frozen=True):
    """Thresholds for one kind of work; None: no limit. `repeat_lines`: lines in a row that say nothing new, for
    `repeat_minutes` at least."""

    is_on: bool = True
    silence_minutes: float = 30.0
    prompt_minutes: float = 3.0
    patience_minutes: float = 5.0
    repeat_lines: int = 500
    repeat_minutes: float = 2.0
    memory_mb: float | None = None
    disk_mb: float | None = None
    cpu_minutes: float | None = None


class WatchdogConfig(Struct, frozen=True):
    """`limits` hold where neither the task's type nor its tier has its own. `patrol_minutes` None: no patrol.

    `swarm_disk_mb`: what the sessions at work may take on the disk together; None: no limit.
    """

    limits: WatchdogLimits = WatchdogLimits()
    tiers: Mapping[str, WatchdogLimits] = field(default_factory=dict)
    types: Mapping[str, WatchdogLimits] = field(default_factory=dict)
    patrol_minutes: float | None = 120.0
    swarm_disk_mb: float | None = None


class HandoffConfig(Struct, frozen=True):
    """When a session hands its work over. `at`: the share of the model's window that is used; `max`: per task.

    `answer_minutes`: how long a session has for its summary; `accept_minutes`: its successor for its first word.
    """

    at: float = 0.8
    max: int = 3
    answer_minutes: float = 2.0
    accept_minutes: float = 5.0


class Swarm(Struct, frozen=True):
    """`swarm.yaml`; every default that a document leaves out is here and nowhere else."""

    target: str
    state_branch: str = "swarm/state"
    push: PushConfig = PushConfig()
    agents_max: int = 8
    gates_max: int = 2
    retention_days: float = 14
    minutes_per_session: float = 60.0
    attempts_max: int = 3
    stop_grace_s: float = 5.0
    ports_per_session: int = 4
    explore_share: float = 0.1
    budget: SwarmBudget = SwarmBudget()
    subscription_usd_per_month: float | None = None
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    routing: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_ROUTING))
    runtimes: Mapping[str, Runtime] = field(default_factory=dict)
    worktree: WorktreeConfig = WorktreeConfig()
    merge: MergeConfig = MergeConfig()
    prices: Mapping[str, Price] = field(default_factory=dict)
    watchdog: WatchdogConfig = WatchdogConfig()
    handoff: HandoffConfig = HandoffConfig()
    context_windows: Mapping[str, int] = field(default_factory=dict)


class ConvoyBudget(Struct, frozen=True):
    """What all members together may use; None: no limit."""

    usd: float | None = None
    tokens: int | None = None


class Convoy(Struct, frozen=True):
    """`reassign_max`: how often a member that has failed for good is given to another agent."""

    id: ConvoyId
    title: str
    description: str = ""
    tasks: tuple[TaskId, ...] = ()
    on_failure: OnFailure = "hold"
    priority: Priority | None = None
    reassign_max: int = 1
    budget: ConvoyBudget = ConvoyBudget()


class Desired(Struct, frozen=True):
    """The intent in force at one commit of the target branch.

    `swarm` is None where there is no usable `swarm.yaml`: then nothing may start or land.
    `held` names tasks that exist in the commit but must not start (their file or a reference is broken
    and no earlier good version exists); they are not removed tasks, so nothing of theirs is cancelled.
    """

    commit: CommitId | None
    swarm: Swarm | None
    gates: tuple[Gate, ...] = ()
    policy: Policy = Policy()
    tasks: Mapping[TaskId, Task] = field(default_factory=dict)
    convoys: Mapping[ConvoyId, Convoy] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    experiments: Mapping[ExperimentId, Experiment] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    held: frozenset[TaskId] = frozenset()
