"""Money and tokens: what was spent, what is left, who may still start, who is stopped. Unknown is never free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.model.desired import ConvoyBudget, Swarm, Task
from swarmgit.model.endings import Stop
from swarmgit.model.ids import TaskId
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.usage import Usage
from swarmgit.plan.books import BESIDE, Books, claimed_usage, is_possible, own_usage, spendings
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.wallets import Wallet, tightest, wallets

RAISE = "raise budget.usd of the task, or budget.usd_per_task in .swarm/swarm.yaml"
TOKENS_UNPRICED = 2_000_000
"""What one session may use where money is limited, its price is not known and no limit of tokens is set."""

SAMPLES_MIN = 3
"""So many finished tasks of a kind make an estimate."""


class Purse(Struct, frozen=True):
    """What is left of the day. `spent_usd` is the least it can be: the price of `unpriced` sessions is not known."""

    limit_usd: float | None
    alert_at: float
    spent_usd: float = 0.0
    unpriced: int = 0

    @property
    def is_empty(self) -> bool:
        return self.limit_usd is not None and self.spent_usd >= self.limit_usd

    @property
    def is_low(self) -> bool:
        return self.limit_usd is not None and self.spent_usd >= self.limit_usd * self.alert_at


def purse(swarm: Swarm, books: Books, now: datetime) -> Purse:
    """Return what this day (UTC) has cost so far, sessions at work included."""
    spent, unpriced = 0.0, 0
    for usage in _of_today(books, now):
        spent += usage.usd or 0.0
        unpriced += usage.is_unpriced
    return Purse(swarm.budget.usd_per_day, swarm.budget.alert_at, spent, unpriced)


def _of_today(books: Books, now: datetime) -> Iterator[Usage]:
    """Yield what sessions have used that are at work or ended today."""
    for each in spendings(books):
        if each.ended is None or each.ended.date() == now.date():
            yield each.usage


def stop(situation: Situation, task: Task | None, status: TaskStatus | None, session: ProgramSession) -> Stop | None:
    """Return that a session at work has to end: its tokens, or its task's money, are used up."""
    is_attempt = session.spec.kind == "agent"
    attempts = status.attempts if status is not None and is_attempt else ()
    used = own_usage(session, attempts)
    why = impossible(session, attempts) or too_many_tokens(situation, task, used)
    usd_max = usd_of_task(situation.swarm, task)
    if why is None and usd_max is not None and used.usd is not None and status is not None:
        spent = spent_on(situation, status) + (used.usd if is_attempt else 0.0)
        why = f"the task has cost {spent:.2f} of {usd_max:.2f} USD" if spent >= usd_max else None
    return Stop(f"budget: {why}", "budget") if why is not None else None


def impossible(session: ProgramSession, attempts: Iterable[Attempt]) -> str | None:
    """Return that a session says it has used more than it can have; None where it does not."""
    claimed, most = claimed_usage(session, attempts), session.ceiling
    if most is None or is_possible(claimed, most):
        return None
    price = "" if claimed.usd is None else f" and {claimed.usd:.2f} USD"
    return f"it says that it has used {claimed.tokens} tokens{price}, which is more than it can have"


def too_many_tokens(situation: Situation, task: Task | None, used: Usage) -> str | None:
    """Return why a session has to end by its tokens; None while it may go on."""
    tokens_max = (task.budget.tokens if task else None) or situation.swarm.budget.tokens_per_session
    if tokens_max is not None and used.tokens >= tokens_max:
        return f"{used.tokens} tokens of {tokens_max} for one session are used"
    has_usd_limit = situation.swarm.budget.usd_per_day is not None or usd_of_task(situation.swarm, task) is not None
    is_blind = tokens_max is None and used.usd is None and has_usd_limit
    if is_blind and used.tokens >= TOKENS_UNPRICED:
        return (
            f"{used.tokens} tokens at no known price are used, so that no limit in USD can stop it; "
            "give the model a price, or set budget.tokens_per_session, in .swarm/swarm.yaml"
        )
    return None


def usd_of_task(swarm: Swarm, task: Task | None) -> float | None:
    """Return what a task may cost; None without a limit."""
    own = task.budget.usd if task else None
    return swarm.budget.usd_per_task if own is None else own


def spent_by(status: TaskStatus) -> float:
    """Return what a task's attempts have cost since a person last let it begin, as far as their price is known."""
    return sum(a.usage.usd or 0.0 for a in status.paid if a.outcome != "running")


def spent_on(situation: Situation, status: TaskStatus) -> float:
    """Return what a task has cost in all: its attempts, and the sessions beside them."""
    return spent_by(status) + beside(situation, status)


def beside(situation: Situation, status: TaskStatus) -> float:
    """Return what sessions beside a task's attempts have cost since the first of those that count."""
    began = min((a.started for a in status.paid), default=None)
    if began is None:
        return 0.0
    sessions = [s for s in situation.observed.programs if s.spec.task == status.task and s.spec.kind in BESIDE]
    entries = [entry for entry in situation.observed.entries.values() if entry.task == status.task]
    found = (each for each in spendings(Books([status], sessions, entries)) if each.kind in BESIDE)
    return sum(each.usage.usd or 0.0 for each in found if each.started >= began)


def estimates(statuses: Iterable[TaskStatus], tasks: Mapping[TaskId, Task]) -> dict[str, float]:
    """Return what a session of each type of task has cost in the middle, where enough of them are known."""
    by_type: dict[str, list[float]] = {}
    for status in statuses:
        task = tasks.get(status.task)
        if task is not None:
            priced = [a.usage.usd for a in status.attempts if a.usage.usd and a.outcome != "running"]
            by_type.setdefault(task.type, []).extend(priced)
    return {kind: _middle(prices) for kind, prices in by_type.items() if len(prices) >= SAMPLES_MIN}


def _middle(prices: list[float]) -> float:
    """Return the upper median; the module that has one takes longer to import than most commands run."""
    return sorted(prices)[len(prices) // 2]


class Till(Struct, frozen=True):
    """What starts are judged by in one tick. `estimates`: USD a session, by type of task. `convoys`: their wallets."""

    purse: Purse
    estimates: Mapping[str, float]
    convoys: Mapping[TaskId, Wallet] = field(default_factory=dict)


def till(situation: Situation, draft: Draft) -> Till:
    """Return the state of the money now; nothing is added up where nothing limits it."""
    limits = situation.swarm.budget
    needs_day = limits.usd_per_day is not None
    statuses = {**situation.observed.statuses, **draft.views}.values()
    sessions = situation.observed.programs
    has_task_limit = limits.usd_per_task is not None or any(
        task.budget.usd is not None for task in situation.desired.tasks.values()
    )
    books = Books(statuses, sessions, draft.entries.values())
    return Till(
        purse(situation.swarm, books, situation.now) if needs_day else Purse(None, limits.alert_at),
        estimates(statuses, situation.desired.tasks) if has_task_limit else {},
        tightest(situation.desired, wallets(situation.desired, books)),
    )


def empty_wallets(situation: Situation, draft: Draft) -> tuple[Wallet, ...]:
    """Return the convoys that are not closed and have nothing left."""
    if not any(convoy.budget != ConvoyBudget() for convoy in situation.desired.convoys.values()):
        return ()
    statuses = {**situation.observed.statuses, **draft.views}.values()
    found = wallets(situation.desired, Books(statuses, situation.observed.programs, draft.entries.values()))
    stored = situation.observed.convoys
    return tuple(w for name, w in found.items() if w.is_empty and (name not in stored or stored[name].closed is None))


def wait(situation: Situation, draft: Draft, task: Task, money: Till) -> Reason | None:
    """Return why there is no money for a task's next session; None when there is."""
    status = draft.views.get(task.id) or situation.observed.statuses.get(task.id)
    why = _day(money.purse) or _convoy(task, money) or _task(situation, task, status, money)
    draft.needs_person = draft.needs_person or why is not None
    return why


def wait_beside(situation: Situation, draft: Draft, task: Task) -> Reason | None:
    """Return why there is no money for a session beside a task's attempts; what that will cost nobody estimates."""
    return wait(situation, draft, task, replace(till(situation, draft), estimates={}))


def _convoy(task: Task, money: Till) -> Reason | None:
    wallet = money.convoys.get(task.id)
    if wallet is None or not wallet.is_empty:
        return None
    text = f"{wallet.sentence()}; raise budget in .swarm/convoys/{wallet.convoy}.yaml"
    return reason("budget of the convoy", text, convoy=wallet.convoy)


def _day(day: Purse) -> Reason | None:
    if not day.is_empty:
        return None
    until = "it goes on tomorrow (UTC), or with a higher budget.usd_per_day in .swarm/swarm.yaml"
    return reason("budget of the day", f"today's budget of {day.limit_usd:.2f} USD is spent; {until}")


def _task(situation: Situation, task: Task, status: TaskStatus | None, money: Till) -> Reason | None:
    limit = usd_of_task(situation.swarm, task)
    if limit is None:
        return None
    spent = spent_on(situation, status) if status else 0.0
    left = max(0.0, limit - spent)
    if spent and spent >= limit:
        return reason("budget of the task", f"it has cost {spent:.2f} of {limit:.2f} USD; {RAISE}")
    expected = money.estimates.get(task.type)
    if expected is not None and spent + expected > limit:
        text = f"sessions of type {task.type} cost {expected:.2f} USD, and {left:.2f} USD are left for it; {RAISE}"
        return reason("budget of the task", text)
    return None
