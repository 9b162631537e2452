"""Full runs and gate histories, in values: gates whose inputs lie are found out, and flakes are counted."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace
from values import Life, life, task

from swarmgit.model.actions import RunGate, StopSession
from swarmgit.model.control import Freeze
from swarmgit.model.desired import Gate
from swarmgit.model.histories import GateHistory
from swarmgit.model.ids import CommitId, EvidenceKey, GateName, SessionId, TaskId, TreeId
from swarmgit.model.sessions import Session
from swarmgit.model.work import Evidence
from swarmgit.plan import flakes, full_runs

NARROW = Gate(GateName("check"), "make check", inputs=("src/**",))
DAY = timedelta(hours=24)


def landed_once(**swarm: object) -> Life:
    """Return a swarm whose first change has landed a day ago."""
    made = life(task("a"), gates=(NARROW,))
    made.swarm = replace(made.swarm, merge=replace(made.swarm.merge, **swarm))
    made.settle()
    assert made.landed() == ["a"]
    made.did.clear()
    made.now += DAY + timedelta(minutes=1)
    return made


def history(made: Life) -> GateHistory:
    return made.observed.gate_histories[NARROW.name]


def add(made: Life, name: str) -> None:
    made.tasks[TaskId(name)] = task(name)


def full(made: Life) -> list[RunGate]:
    return [a for a in made.did if isinstance(a, RunGate) and "inputs may be wrong" in a.reason]


def test_a_day_after_a_landing_the_gate_runs_on_the_whole_target_and_its_pass_is_recorded() -> None:
    made = landed_once()
    made.settle()
    assert [(run.spec.base, run.spec.tree) for run in full(made)] == [("root+a", "tree of root+a")]
    assert history(made).last_full is not None
    made.now += 2 * DAY
    made.settle()
    assert len(full(made)) == 1, "nothing has landed since"
    add(made, "b")
    made.settle()
    assert len(full(made)) == 2


def test_a_full_run_is_not_answered_by_what_the_inputs_said() -> None:
    made = landed_once()
    keys = {run.key for run in made.observed.evidence.values()}
    made.settle()
    assert full(made)[0].spec.key not in keys


def test_without_hours_or_without_inputs_there_is_no_full_run() -> None:
    made = landed_once(full_run_hours=0)
    made.settle()
    assert full(made) == []
    other = life(task("a"))
    other.settle()
    other.now += 2 * DAY
    other.settle()
    assert full(other) == []


def test_a_full_run_goes_last_and_not_at_all_while_all_is_frozen() -> None:
    made = landed_once()
    made.see(freeze=Freeze("pat", made.now))
    made.settle()
    assert full(made) == []


def test_one_red_full_run_is_run_again_and_a_pass_clears_it() -> None:
    made = landed_once()
    count: list[int] = []
    made.answers = lambda gate, tree: "fail" if not count and not count.append(1) else "pass"
    made.settle()
    assert len(full(made)) == 2
    assert history(made).red_full is None
    assert len(history(made).flakes) == 1


def test_two_red_full_runs_name_the_gate_and_stop_the_queue() -> None:
    made = landed_once()
    made.answers = lambda gate, tree: "fail" if tree == "tree of root+a" else "pass"
    made.settle()
    (problem,) = full_runs.problems(made.desired, made.observed)
    assert "gate check is red on the whole of root+a" in problem.message
    assert "inputs miss something" in problem.message
    add(made, "b")
    assert made.settle().needs_person
    assert made.phases()["b"] == "queued"
    assert "gate check is red on the whole" in made.status("b").reason
    assert len(full(made)) == 2, "the same tree is not run for ever"


def stopped() -> Life:
    made = landed_once()
    made.answers = lambda gate, tree: "fail" if tree == "tree of root+a" else "pass"
    made.settle()
    add(made, "b")
    made.settle()
    assert made.landed() == ["a"]
    return made


def test_the_queue_goes_on_when_a_person_has_moved_the_tip_and_it_passes() -> None:
    made = stopped()
    made.commit_by_hand("mended")
    made.settle()
    assert made.landed() == ["a", "b"]
    assert history(made).red_full is None
    assert full_runs.problems(made.desired, made.observed) == ()


def test_a_commit_that_changes_no_code_lets_nothing_by_but_a_changed_gate_is_asked_anew() -> None:
    made = stopped()
    made.line.append(CommitId("intent only"))
    made.see(target_head=CommitId("intent only"))
    made.settle()
    assert made.landed() == ["a"]
    made.gates = (replace(NARROW, run="make check-better"),)
    made.answers = lambda gate, tree: "pass"
    made.settle()
    assert made.landed() == ["a", "b"]
    assert history(made).red_full is None


def test_a_person_who_starts_again_has_it_run_once_more() -> None:
    made = stopped()
    made.answers = lambda gate, tree: "pass"
    made.see(trusted_since=made.now)
    made.now += timedelta(seconds=1)
    made.settle()
    assert made.landed() == ["a", "b"]


def test_a_full_run_under_way_is_finished_although_the_target_moves_on() -> None:
    made = landed_once()
    run = next(a for a in made.decide().actions if isinstance(a, RunGate))
    made.see(sessions={run.spec.id: Session.of(run.spec, "running")})
    add(made, "b")
    for _ in range(20):
        made.tick()
    assert made.landed() == ["a", "b"]
    assert not any(isinstance(a, StopSession) for a in made.did)


# --- histories ------------------------------------------------------------------------------------------------------


def answer(made: Life, key: str, outcome: str, reason: str = "") -> Evidence:
    session = SessionId(f"s{made.now.timestamp()}")
    return Evidence(EvidenceKey(key), NARROW.name, outcome, TreeId("t"), session, made.now, reason=reason)  # type: ignore[arg-type]


def grown(made: Life, before: GateHistory, evidence: Evidence) -> GateHistory:
    noted = flakes.noted(before, evidence, made.observed.trusted_since)
    run = {"key": evidence.key, "outcome": evidence.outcome, "at": evidence.at.isoformat(), "reason": evidence.reason}
    made.now += timedelta(minutes=1)
    return replace(noted, recent=(*noted.recent, run))


def test_red_and_then_green_for_the_same_key_is_a_flake_with_its_reason_until_two_weeks_have_passed() -> None:
    made = life()
    seen = grown(made, GateHistory(NARROW.name), answer(made, "k", "fail", "exit code 1"))
    seen = grown(made, seen, answer(made, "other", "pass"))
    seen = grown(made, seen, answer(made, "k", "pass"))
    found = flakes.flakiness(seen, made.now)
    assert (found.runs, found.flakes, found.reason, found.rate) == (3, 1, "exit code 1", 0.3333)
    later = flakes.flakiness(seen, made.now + timedelta(days=15))
    assert (later.runs, later.flakes, later.rate, later.reason) == (0, 0, None, "")


def test_red_for_one_key_and_green_for_another_is_no_flake() -> None:
    made = life()
    seen = grown(made, GateHistory(NARROW.name), answer(made, "k", "fail"))
    seen = grown(made, seen, answer(made, "other", "pass"))
    assert flakes.flakiness(seen, made.now).flakes == 0


def test_green_after_a_person_has_started_again_is_a_repair_and_no_flake() -> None:
    made = life()
    seen = grown(made, GateHistory(NARROW.name), answer(made, "k", "fail"))
    made.see(trusted_since=made.now)
    seen = grown(made, seen, answer(made, "k", "pass"))
    assert flakes.flakiness(seen, made.now).flakes == 0
