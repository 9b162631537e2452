"""The real chooser in time: runs end after the gate's minutes, what is green lands, what is to blame leaves."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from swarmgit.app.simulate.model import BrokenPromise, Figures, Setting, Truth
from swarmgit.model.ids import CommitId, EntryId
from swarmgit.plan.choices import Ask, Blame, Choice, Known, Line, Rates, Stack
from swarmgit.plan.choose import choose

STEPS_PER_ENTRY = 60
"""The budget of a whole simulation, in decisions for each change; it is an error to need more."""

Tree = frozenset[EntryId]
FIRST = CommitId("0")


class _Run(Struct):
    base: CommitId
    stack: Stack
    ends: float


class Simulation(Struct):
    """`bases`: what each landed commit holds, in order. `answers`: green and red runs of each tree so far."""

    setting: Setting
    truth: Truth
    waiting: dict[EntryId, None] = field(default_factory=dict)
    target: CommitId = FIRST
    bases: dict[CommitId, Stack] = field(default_factory=lambda: {FIRST: ()})
    answers: dict[Tree, list[int]] = field(default_factory=dict)
    known: dict[tuple[CommitId, Stack], None] = field(default_factory=dict)
    running: list[_Run] = field(default_factory=list)
    runs_of: Counter[Tree] = field(default_factory=Counter)
    now: float = 0.0
    landed: list[float] = field(default_factory=list)
    innocent: int = 0
    evicted: int = 0
    runs: int = 0
    flakes: int = 0

    def run(self) -> Figures:
        """Return the figures once every change has landed or left; BrokenPromise where a promise does not hold."""
        self.waiting = dict.fromkeys(self.truth.entries)
        for _ in range(STEPS_PER_ENTRY * (len(self.waiting) + 1)):
            if not self.waiting:
                break
            self._step()
        if self.waiting:
            raise BrokenPromise(f"I5: {len(self.waiting)} changes wait after the whole budget of decisions")
        return Figures(len(self.landed), self.evicted, self.innocent, self.runs, self.now, tuple(self.landed))

    # --- one decision -------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        choice = choose(self._line())
        self._stop_useless(choice)
        if choice.land:
            self._land(choice.land)
        elif choice.evict:
            for blame in choice.evict:
                self._evict(blame)
        else:
            for ask in choice.gate:
                self._start(ask)
            self._wait()

    def _line(self) -> Line:
        setting = self.setting
        return Line(
            target=self.target,
            entries=tuple(self.waiting),
            known=tuple(self._known(*key) for key in self.known),
            slots_free=setting.slots - len(self.running),
            slots=setting.slots,
            rates=self._rates(),
            retries=setting.retries,
            batch_max=setting.batch_max,
        )

    def _rates(self) -> Rates:
        """Return the rates as learned so far, from the same prior as the real ones."""
        closed = len(self.landed) + self.evicted
        bad = (self.evicted + 1.0) / (closed + 10.0)
        runs = sum(green + red for green, red in self.answers.values())
        return Rates(min(0.6, max(0.005, bad)), 0.002, min(0.5, (self.flakes + 0.2) / (runs + 20.0)))

    def _tree(self, base: CommitId, stack: Stack) -> Tree:
        return frozenset((*self.bases[base], *stack))

    def _known(self, base: CommitId, stack: Stack) -> Known:
        greens, reds = self.answers.get(self._tree(base, stack), (0, 0))
        is_running = any(run.base == base and run.stack == stack for run in self.running)
        return Known(base, stack, greens, reds, is_running)

    # --- what a decision does -----------------------------------------------------------------------------------------

    def _start(self, ask: Ask) -> None:
        tree = self._tree(ask.base, ask.stack)
        self.runs += 1
        self.runs_of[tree] += 1
        if self.runs_of[tree] > 1 + self.setting.retries:
            raise BrokenPromise(f"I5: {ask.stack} ran {self.runs_of[tree]} times")
        if len(self.running) >= self.setting.slots:
            raise BrokenPromise("I5: more runs than slots")
        self.known[ask.base, ask.stack] = None
        self.running.append(_Run(ask.base, ask.stack, self.now + self.setting.gate_minutes))

    def _wait(self) -> None:
        if not self.running:
            raise BrokenPromise("I5: changes wait, nothing runs, and nothing was decided")
        self.now = min(run.ends for run in self.running)
        for run in [run for run in self.running if run.ends <= self.now]:
            self.running.remove(run)
            tree = self._tree(run.base, run.stack)
            answer = self.answers.setdefault(tree, [0, 0])
            is_green = self.truth.run(sorted(tree))
            self.flakes += is_green and answer[1] > 0
            answer[0 if is_green else 1] += 1

    def _stop_useless(self, choice: Choice) -> None:
        needed = {(k.base, k.stack) for k in choice.needed}
        for run in self.running:
            if (run.base, run.stack) not in needed:
                self.runs_of[self._tree(run.base, run.stack)] -= 1
        self.running = [run for run in self.running if (run.base, run.stack) in needed]

    def _land(self, stack: Stack) -> None:
        tree = self._tree(self.target, stack)
        if not self.answers.get(tree, (0, 0))[0]:
            raise BrokenPromise(f"I1: {stack} landed and was not green as exactly that tree")
        if any(entry not in self.waiting for entry in stack):
            raise BrokenPromise(f"I2: {stack} landed and does not wait")
        if not self.truth.is_green(tree):
            raise BrokenPromise(f"I1: {stack} landed and is red")
        old, self.target = self.target, CommitId(str(int(self.target) + 1))
        self.bases[self.target] = (*self.bases[old], *stack)
        for entry in stack:
            del self.waiting[entry]
            self.landed.append(self.now)
        self._carry(old, stack)
        self._forget()

    def _carry(self, old: CommitId, landed: Stack) -> None:
        """Name the stacks that began with what landed by their rest on the new target: it is the same tree."""
        size = len(landed)
        for base, stack in list(self.known):
            if base == old and stack[:size] == landed and len(stack) > size:
                self.known[self.target, stack[size:]] = None
        for run in self.running:
            if run.base == old and run.stack[:size] == landed and len(run.stack) > size:
                run.base, run.stack = self.target, run.stack[size:]

    def _evict(self, blame: Blame) -> None:
        with_it = self._tree(blame.base, (*blame.green, blame.entry))
        green = self._tree(blame.base, blame.green)
        greens, reds = self.answers.get(with_it, (0, 0))
        if greens or reds < 1 + self.setting.retries:
            raise BrokenPromise(f"I3: {blame.entry} was evicted after {reds} red and {greens} green runs")
        if blame.green and not self.answers.get(green, (0, 0))[0]:
            raise BrokenPromise(f"I3: {blame.entry} was evicted on top of what was never green")
        self.innocent += self.truth.is_green(with_it)
        self.evicted += 1
        del self.waiting[blame.entry]
        self._forget()

    def _forget(self) -> None:
        """Drop the stacks in which nobody waits any more, unless a longer one begins with them."""
        kept = {key for key in self.known if any(entry in self.waiting for entry in key[1])}
        begins = {(base, stack[:size]) for base, stack in kept for size in range(1, len(stack))}
        self.known = {key: None for key in self.known if key in kept or key in begins}
