"""Entries that are gated together, in values: culprits, flakes, convoys, ageing, and what a person asks for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from values import Life, entry_of, life, task

from swarmgit.model import trailers
from swarmgit.model.actions import Land
from swarmgit.model.control import EntryControl, QueueControl
from swarmgit.model.desired import Budget, Convoy, Desired, Gate, Scope
from swarmgit.model.ids import AgentName, BlobId, ConvoyId, GateName, SessionId, TaskId, TreeId
from swarmgit.model.queue import Gating, Red, Rejected
from swarmgit.plan.order import AGE_STEP, gated_with, level, near
from swarmgit.plan.rates import by_tier
from swarmgit.plan.revival import objection
from swarmgit.plan.situation import Situation

LATE = Gate(GateName("late"), "make", when=("merge",))
ONCE = Budget(attempts=1)


def queue_of(names: str, answers: Callable[[GateName, TreeId], str], slots: int = 2, batch_max: int = 8) -> Life:
    """Return a swarm whose changes all stand in line."""
    made = life(*(task(name, budget=ONCE) for name in names), gates=(LATE,), answers=answers)
    merge = replace(made.swarm.merge, batch_max=batch_max)
    made.swarm = replace(made.swarm, agents_max=len(names), gates_max=slots, merge=merge)
    return made


def red_with(*culprits: str) -> Callable[[GateName, TreeId], str]:
    return lambda gate, tree: "fail" if {*culprits} & {*tree.split("+")[1:]} else "pass"


def flaky(answers: Callable[[GateName, TreeId], str], *lies: int) -> Callable[[GateName, TreeId], str]:
    """Return answers of which the n-th ones are red for no reason."""
    count = Counter[str]()

    def answer(gate: GateName, tree: TreeId) -> str:
        count["runs"] += 1
        return "fail" if count["runs"] in lies else answers(gate, tree)

    return answer


def outcomes(made: Life) -> tuple[str, str]:
    """Return who landed and who was sent back."""
    phases = made.phases()
    landed = "".join(name for name, phase in phases.items() if phase == "landed")
    return landed, "".join(name for name, phase in phases.items() if phase == "failed")


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
@pytest.mark.parametrize("culprits", ["", "a", "d", "h", "be", "gh", "abcdefgh"])
def test_all_good_changes_of_a_batch_land_and_each_culprit_goes_back(culprits: str, slots: int) -> None:
    made = queue_of("abcdefgh", red_with(*culprits), slots)
    made.settle()
    assert outcomes(made) == ("".join(n for n in "abcdefgh" if n not in culprits), culprits)


@pytest.mark.parametrize("slots", [1, 2, 8])
@pytest.mark.parametrize("lie", [1, 2, 3, 4])
def test_one_flake_evicts_nobody(lie: int, slots: int) -> None:
    made = queue_of("abcdefgh", flaky(red_with("c"), lie), slots)
    made.settle()
    assert outcomes(made) == ("abdefgh", "c")


def test_a_batch_lands_as_one_gated_commit() -> None:
    made = queue_of("abcd", red_with(), slots=1)
    made.settle()
    ((_, tree),) = made.gate_runs()
    assert {*tree.split("+")[1:]} == {*"abcd"}
    assert made.line == ["root", tree.replace("tree of", "batch")]
    assert {entry.landed_commit for entry in made.observed.entries.values()} == {made.line[-1]}


def test_blame_is_isolated_and_says_so_in_the_ledger() -> None:
    made = queue_of("abcd", red_with("c"), slots=1)
    made.settle()
    refused = entry_of(made, "c").last(Rejected)
    assert refused.reds == 2
    assert len({red.session for red in entry_of(made, "c").every(Red)}) == 2


def test_nothing_runs_more_often_than_its_retries_allow() -> None:
    made = queue_of("abcdefgh", red_with("b", "g"), slots=2)
    made.settle()
    assert max(Counter(made.gate_runs()).values()) <= 2


@pytest.mark.parametrize("seed", range(25))
def test_any_queue_ends_with_the_good_landed_and_the_bad_sent_back(seed: int) -> None:
    dice = random.Random(seed)
    names = "abcdefghijkl"[: dice.randrange(1, 12)]
    bad = "".join(name for name in names if dice.random() < 0.3)
    made = queue_of(names, red_with(*bad), dice.choice([1, 2, 3, 6]), dice.choice([1, 2, 8]))
    made.settle()
    assert outcomes(made) == ("".join(n for n in names if n not in bad), bad)
    for entry in made.observed.entries.values():
        if entry.state == "landed":
            assert entry.candidate is not None
            assert ("late", entry.candidate.code_tree) in made.gate_runs()


def test_an_entry_that_conflicts_deeper_is_left_out_of_the_stack() -> None:
    made = queue_of("abc", red_with())
    made.conflicts = lambda name, onto: name == "b" and onto != "root"
    made.settle()
    assert entry_of(made, "a").state == entry_of(made, "c").state == "landed"


def test_a_red_target_stops_a_whole_line_and_goes_on_when_it_is_mended() -> None:
    made = queue_of("abc", lambda gate, tree: "pass" if "mended" in tree else "fail")
    assert made.settle().needs_person
    assert set(made.phases().values()) == {"queued"}
    made.commit_by_hand("mended")
    made.settle()
    assert outcomes(made) == ("abc", "")


class Convoyed(Life):
    """A life whose tasks a and b are a convoy."""

    on_failure = "hold"

    @property
    def desired(self) -> Desired:
        convoy = Convoy(ConvoyId("v"), "v", tasks=(TaskId("a"), TaskId("b")), on_failure=self.on_failure)
        return replace(super().desired, convoys={convoy.id: convoy})


def convoyed(made: Life) -> Convoyed:
    return Convoyed(made.tasks, made.gates, made.swarm, answers=made.answers)


def test_a_convoy_that_holds_lands_together() -> None:
    made = convoyed(queue_of("abc", red_with(), slots=1))
    made.settle()
    assert entry_of(made, "a").landed_commit == entry_of(made, "b").landed_commit
    assert outcomes(made)[0] == "abc"


def test_a_convoy_that_holds_waits_for_all_its_members() -> None:
    made = convoyed(queue_of("abc", red_with("b")))
    made.settle()
    assert made.phases() == {"a": "queued", "b": "failed", "c": "landed"}
    assert "convoy v lands together; it waits for b" in made.status("a").reason


def test_a_convoy_that_goes_on_lands_one_by_one() -> None:
    made = convoyed(queue_of("abc", red_with("b")))
    made.on_failure = "continue"
    made.settle()
    assert made.phases() == {"a": "landed", "b": "failed", "c": "landed"}


def test_a_convoy_whose_members_need_each_other_is_not_held_for_ever() -> None:
    made = convoyed(queue_of("abc", red_with()))
    made.change("b", depends_on=(TaskId("a"),))
    made.settle()
    assert outcomes(made)[0] == "abc"


def paused_queue(names: str) -> Life:
    made = queue_of(names, red_with())
    made.see(queue_control=QueueControl(paused=True, by="pat"))
    made.settle()
    return made


def test_a_paused_queue_gates_and_lands_nothing_until_it_is_resumed() -> None:
    made = paused_queue("ab")
    assert made.line == ["root"]
    assert made.gate_runs()
    assert "paused by pat" in made.status("a").reason
    made.see(queue_control=QueueControl())
    made.settle()
    assert outcomes(made)[0] == "ab"


def test_a_pause_also_holds_an_intent_that_is_recorded_already() -> None:
    made = queue_of("a", red_with())
    while not any(isinstance(action, Land) for action in made.decide().actions):
        made.tick()
    made.see(queue_control=QueueControl(paused=True))
    made.settle()
    assert made.line == ["root"]


def test_a_dropped_entry_leaves_the_line() -> None:
    made = paused_queue("ab")
    made.control("a", paused=True)
    made.see(entry_controls={entry_of(made, "a").id: EntryControl(dropped=True, by="pat")})
    made.see(queue_control=QueueControl())
    made.settle()
    assert entry_of(made, "a").state == "dropped"
    assert entry_of(made, "b").state == "landed"


def test_what_is_urgent_goes_first_and_what_waits_long_moves_up() -> None:
    made = paused_queue("ab")
    old, other = entry_of(made, "a"), entry_of(made, "b")
    made.see(entry_controls={other.id: EntryControl(urgent=True)})
    now = old.enqueued + 2 * AGE_STEP + timedelta(seconds=1)
    situation = Situation.of(made.desired, made.swarm, made.observed, now, frozenset(), apply_now=False)
    assert [level(situation, replace(old, priority=p)) for p in ("low", "normal", "critical")] == [1, 0, 0]
    assert level(situation, other) == -1


def test_a_retry_lets_red_answers_from_before_not_count() -> None:
    made = queue_of("a", red_with("a"))
    while not any(event.kind == "red" for e in made.observed.entries.values() for event in e.events):
        made.tick()
    made.answers = red_with()
    made.see(entry_controls={entry_of(made, "a").id: EntryControl(retry=made.now)})
    made.settle()
    assert outcomes(made)[0] == "a"


def test_the_commit_of_a_batch_names_every_maker() -> None:
    makers = [trailers.Maker(TaskId(n), AgentName(f"agent-{n}"), SessionId(f"s-{n}"), "m", 1) for n in ("a", "b")]

    message = trailers.message("Land 2 tasks: a, b", "They were gated together.", *makers)

    assert [each["agent"] for each in trailers.parse_all(message)] == ["agent-a", "agent-b"]
    assert trailers.parse(message)["session"] == "s-b"


def test_entries_that_may_change_the_same_files_are_not_screened_apart() -> None:
    names = "abcdefghijklmnopqrstuvwxyz0123456789"
    made = queue_of(names, red_with("a", "k"), slots=8)
    for name in names[::2]:
        made.change(name, scope=Scope(owns=(f"{name}.txt",), shares=("CHANGES.md",)))
    made.settle()
    screens: dict[datetime, list[set[str]]] = {}
    for entry in made.observed.entries.values():
        for event in entry.events:
            if isinstance(event, Gating) and event.why == "screen":
                tasks = {made.observed.entries[each].task for each in event.stack}
                screens.setdefault(event.at, []).append(tasks)
    assert any(len(groups) > 1 for groups in screens.values()), "there is a backlog to screen"
    for groups in screens.values():
        assert sum(not group.isdisjoint(names[::2]) for group in groups) <= 1
    assert outcomes(made)[1] == "ak"


def test_who_is_near_follows_from_what_tasks_may_change() -> None:
    made = paused_queue("abc")
    made.change("a", scope=Scope(owns=("a.txt",), shares=("docs/**",)))
    made.change("b", scope=Scope(owns=("docs/b.md",)))
    situation = Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)
    a, b, c = (entry_of(made, name) for name in "abc")
    assert near(situation, [a, b, c]) == {a.id: {b.id}, b.id: {a.id}}
    del made.tasks[TaskId("c")]
    assert near(situation, [a, c]) == {a.id: {c.id}, c.id: {a.id}}


def test_all_entries_of_a_stack_that_is_gated_are_shown_so() -> None:
    made = queue_of("abc", red_with(), slots=1)
    while not made.gate_runs():
        made.tick()
    entries = made.observed.entries
    assert [entries[name].state for name in sorted(entries)] == ["queued", "queued", "gating"]
    assert gated_with(entries, made.observed.target_head) == {*entries}
    made.settle()
    assert gated_with(made.observed.entries, made.observed.target_head) == frozenset()


def test_the_figures_of_each_tier_come_from_the_ledger_alone() -> None:
    made = queue_of("abcd", red_with("b"))
    made.settle()
    first, *others = made.observed.entries.values()
    figures = by_tier([replace(first, tier="auto", state="landed"), *others])
    assert [(f.tier, f.entries, f.landed, f.rejected, f.success) for f in figures] == [
        ("clean", 3, 2, 1, 0.6667),
        ("auto", 1, 1, 0, 1.0),
    ]
    assert by_tier([replace(first, state="queued")])[0].success is None


def rejected() -> Life:
    """Return a swarm whose only change was sent back, and whose task has no attempts left."""
    made = queue_of("a", red_with("a"))
    made.settle()
    assert (made.phases(), entry_of(made, "a").state) == ({"a": "failed"}, "rejected")
    made.answers = red_with()
    return made


def ask_again(made: Life) -> None:
    made.now += timedelta(seconds=1)
    made.see(entry_controls={entry_of(made, "a").id: EntryControl(retry=made.now, by="pat")})


def test_a_rejected_entry_is_revived_as_it_is_when_a_person_asks() -> None:
    made = rejected()
    ask_again(made)
    made.settle()
    assert made.landed() == ["a"]
    assert len(made.status("a").attempts) == 1
    assert "revived" in [event.kind for event in entry_of(made, "a").events]
    assert made.status("a").attempts[0].rejection is None


def test_a_revived_entry_that_is_red_again_goes_back_and_is_not_revived_for_ever() -> None:
    made = rejected()
    made.answers = red_with("a")
    for _ in range(5):
        ask_again(made)
        made.settle()
    assert made.phases() == {"a": "failed"}
    assert [event.kind for event in entry_of(made, "a").events].count("revived") == 3
    assert "3 times" in objection(made.tasks[TaskId("a")], made.status("a"), entry_of(made, "a"))


def test_an_entry_whose_task_has_gone_on_is_not_revived() -> None:
    made = rejected()
    made.control("a", restart="once")
    made.answers = red_with("a")
    made.settle()
    first = min(made.observed.entries.values(), key=lambda entry: entry.id)
    assert "has gone on since" in objection(made.tasks[TaskId("a")], made.status("a"), first)
    made.see(entry_controls={first.id: EntryControl(retry=made.now)})
    made.settle()
    assert made.observed.entries[first.id].state == "rejected"


def test_an_entry_whose_task_was_edited_or_removed_is_not_revived() -> None:
    made = rejected()
    entry, status = entry_of(made, "a"), made.status("a")
    assert "has changed" in objection(task("a", generation=BlobId("g2")), status, entry)
    assert "not asked for" in objection(None, status, entry)
    assert "is cancelled" in objection(made.tasks[TaskId("a")], replace(status, phase="cancelled"), entry)


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_an_edit_in_the_way_of_one_landing_does_not_hold_up_the_others(slots: int) -> None:
    made = queue_of("abcd", red_with("d"), slots)
    made.edited = frozenset("b")
    assert made.settle().needs_person
    assert outcomes(made) == ("ac", "d")
    assert made.phases()["b"] == "queued"
    assert "a local edit is in its way in shared.txt" in made.status("b").reason
    made.edited = frozenset()
    made.settle()
    assert outcomes(made) == ("abc", "d")


def test_a_landing_that_waits_for_an_edit_alone_stays_where_it_is() -> None:
    made = queue_of("a", red_with())
    made.edited = frozenset("a")
    made.settle()
    assert entry_of(made, "a").state == "landing"
    made.edited = frozenset()
    made.settle()
    assert [event.kind for event in entry_of(made, "a").events].count("abandoned") == 0
    assert outcomes(made)[0] == "a"


def test_a_convoy_waits_together_for_an_edit_and_lets_others_by() -> None:
    made = convoyed(queue_of("abc", red_with()))
    made.edited = frozenset("a")
    made.settle()
    assert made.landed() == ["c"]
    assert "it waits for a" in made.status("b").reason
    made.edited = frozenset()
    made.settle()
    assert outcomes(made)[0] == "abc"
