"""The merge queue, in values."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace
from values import CHECK, entry_of, life, never_ends, task

from swarmgit.model.actions import Land, RunGate, StopSession
from swarmgit.model.control import Freeze
from swarmgit.model.desired import Gate
from swarmgit.model.ids import EntryId, GateName, TaskId
from swarmgit.model.sessions import Session


def test_only_the_exact_tree_that_passed_lands() -> None:
    made = life(task("a"), task("b"))
    made.settle()
    for entry in made.observed.entries.values():
        assert entry.candidate is not None
        assert {r.tree for r in entry.evidence} == {entry.candidate.code_tree}
        assert {r.outcome for r in entry.evidence} == {"pass"}
        times = {event.kind: event.at for event in entry.events}
        assert all(result.at <= times["landing"] for result in entry.evidence)
    assert ("check", "tree of root+a") in made.gate_runs()


def test_the_intent_is_recorded_before_the_target_moves() -> None:
    made = life(task("a"))
    while not any(isinstance(a, Land) for a in made.decide().actions):
        made.tick()
    entry = entry_of(made, "a")
    assert entry.state == "landing"
    assert [e.kind for e in entry.events][-1] == "landing"
    assert entry.events[-1].old == "root"


def test_a_landing_that_a_crash_cut_off_is_carried_out_again() -> None:
    made = life(task("a"))
    while not any(isinstance(a, Land) for a in made.decide().actions):
        made.tick()
    before = made.observed
    first = made.decide()
    made.see(**{name: getattr(before, name) for name in ("statuses", "entries")})
    assert made.decide() == first


def test_an_intent_is_abandoned_when_somebody_else_moved_the_target_and_the_entry_lands_on_top() -> None:
    made = life(task("a"))
    while not any(isinstance(a, Land) for a in made.decide().actions):
        made.tick()
    made.commit_by_hand("theirs")
    made.settle()
    assert [e.kind for e in entry_of(made, "a").events] == [
        "queued", "gating", "landing", "abandoned", "gating", "landing", "landed",
    ]  # fmt: skip
    assert made.line == ["root", "theirs", "theirs+a"]
    assert len(made.status("a").attempts) == 1


def test_entries_land_by_priority_and_then_by_age() -> None:
    made = life(task("a"), task("b", priority="critical"), task("c"))
    made.see(freeze=Freeze("pat", made.now))
    frozen = made.observed.freeze
    made.see(freeze=None)
    made.tick()
    made.see(freeze=frozen)
    made.settle()
    made.see(freeze=None)
    made.settle()
    assert made.landed() == ["b", "a", "c"]


def test_evidence_is_used_again_for_the_same_key() -> None:
    # given a gate that only reads src, and no change there
    made = life(task("a"), task("b"), gates=(Gate(GateName("check"), "make", inputs=("src/**",)),))
    made.settle()
    assert made.landed() == ["a", "b"]


def test_the_same_tree_is_gated_once() -> None:
    made = life(task("a"), task("b"), task("c"))
    made.settle()
    runs = made.gate_runs()
    assert len(runs) == len(set(runs))


def test_a_gate_that_only_runs_at_merge_sees_only_merged_trees() -> None:
    made = life(task("a"), gates=(Gate(GateName("late"), "make", when=("merge",)),))
    made.settle()
    assert made.gate_runs() == [("late", "tree of root+a")]


def test_a_merge_that_is_red_sends_the_entry_back_and_lets_the_others_land() -> None:
    made = life(task("a"), task("b"), answers=lambda gate, tree: "fail" if "+a" in tree else "pass")
    made.settle()
    assert made.phases() == {"a": "failed", "b": "landed"}
    assert made.line == ["root", "root+b"]


def test_a_red_target_stops_the_queue_and_evicts_nobody() -> None:
    # given work that passed on its own, and a gate that is red on the target and on everything merged with it
    made = life(
        task("a"),
        gates=(Gate(GateName("late"), "make", when=("merge",)),),
        answers=lambda gate, tree: "fail",
    )
    assert made.settle().needs_person
    assert made.phases() == {"a": "queued"}
    assert "the target itself is red" in made.status("a").reason
    assert entry_of(made, "a").state in {"queued", "gating"}


def test_a_gate_that_cannot_answer_lets_nothing_land() -> None:
    made = life(task("a"), answers=lambda gate, tree: "error" if "+" in tree else "pass")
    made.settle()
    assert made.landed() == []
    assert made.line == ["root"]


def test_a_freeze_lets_nothing_land() -> None:
    made = life(task("a"))
    while not any(isinstance(a, Land) for a in made.decide().actions):
        made.tick()
    made.see(freeze=Freeze("pat", made.now))
    made.settle()
    assert made.line == ["root"]


def test_a_landing_that_an_edit_is_in_the_way_of_waits_and_goes_on() -> None:
    made = life(task("a"))
    made.is_landing_blocked = True
    assert made.settle().needs_person
    assert made.phases() == {"a": "queued"}
    assert "shared.txt" in made.status("a").reason
    made.is_landing_blocked = False
    made.tick()
    made.settle()
    assert made.landed() == ["a"]


def test_a_gate_run_that_nobody_needs_any_more_is_stopped() -> None:
    made = life(task("a"))
    while not any(isinstance(a, RunGate) for a in made.decide().actions):
        made.tick()
    run = next(a for a in made.decide().actions if isinstance(a, RunGate))
    made.see(sessions={run.spec.id: Session.of(run.spec, "running")})
    del made.tasks[TaskId("a")]
    stops = [a.session for a in made.decide().actions if isinstance(a, StopSession)]
    assert stops == [run.spec.id]


def test_a_gate_run_past_its_time_is_stopped() -> None:
    made = life(task("a"), ends=never_ends)
    made.ends = lambda s: {"exit_code": 0, "paths": ("a.txt",)}
    while not any(isinstance(a, RunGate) for a in made.decide().actions):
        made.tick()
    run = next(a for a in made.decide().actions if isinstance(a, RunGate))
    made.see(sessions={**made.observed.sessions, run.spec.id: Session.of(run.spec, "running")})
    made.now += timedelta(minutes=CHECK.timeout_minutes + 1)
    stops = [a for a in made.decide().actions if isinstance(a, StopSession)]
    assert [(s.session, s.stop.text) for s in stops] == [(run.spec.id, "time limit of 20 minutes")]


def test_a_gate_run_that_is_always_lost_is_not_run_for_ever() -> None:
    """A gate that kills its own process group never answers."""
    made = life(task("a"))
    for _ in range(60):
        made.tick()
        gone = {
            id_: replace(s, state="lost", evidence=None, exit_code=None) if s.spec.kind == "gate" else s
            for id_, s in made.observed.sessions.items()
        }
        made.see(sessions=gone)
    assert len(made.gate_runs()) < 20
    assert made.landed() == []


def test_a_clock_that_is_set_back_does_not_run_gates_for_ever() -> None:
    made = life(task("a"), answers=lambda gate, tree: "fail")
    for _ in range(3):
        made.tick()
    made.now -= timedelta(hours=1)
    for _ in range(60):
        made.tick()
    assert len(made.gate_runs()) < 10
    assert made.landed() == []


def test_gates_go_on_while_another_entry_is_about_to_land() -> None:
    # given a gate that is at work for an entry in line
    made = life(task("a"), task("b"))
    run = None
    for _ in range(100):
        is_in_line = any(entry.state in {"queued", "gating"} for entry in made.observed.entries.values())
        run = run or next((a for a in made.decide().actions if isinstance(a, RunGate) and is_in_line), None)
        if run is None:
            made.tick()
    assert run is not None
    made.see(sessions={**made.observed.sessions, run.spec.id: Session.of(run.spec, "running")})

    # when another entry is about to land, which may come to nothing
    other = replace(entry_of(made, "a"), id=EntryId("other"), task=TaskId("c"), state="landing", candidate=None)
    made.see(entries={**made.observed.entries, other.id: other})

    # then what is at work is not given up for that
    assert not any(isinstance(action, StopSession) for action in made.decide().actions)


def test_an_entry_that_does_not_say_which_session_resolves_it_goes_back_in_line() -> None:
    made = life(task("a"))
    while not made.observed.entries:
        made.tick()
    (entry,) = made.observed.entries.values()
    made.see(entries={entry.id: replace(entry, state="resolving")})
    made.settle()
    assert made.landed() == ["a"]
