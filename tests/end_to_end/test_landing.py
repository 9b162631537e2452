"""From a committed YAML task to a landed, attributed, gated commit."""

from __future__ import annotations

from tests.conftest import Repo


def test_a_committed_task_lands_with_its_trailers_and_its_author(repo: Repo) -> None:
    repo.start()
    repo.task("greet", "echo hello > greet.txt")
    repo.commit(message="ask for greet")

    result = repo.reconcile()

    assert (result.code, result.reason) == (0, "settled")
    assert repo.show("greet.txt") == "hello"
    assert (repo.root / "greet.txt").read_text() == "hello\n"
    assert repo.git("status", "--porcelain") == ""
    assert repo.landed() == ["greet"]
    assert repo.git("log", "-1", "--format=%an", "main^2") == "builder-01"
    assert repo.phases() == {"greet": "landed"}


def test_an_uncommitted_task_is_a_draft_that_nobody_acts_on(repo: Repo) -> None:
    repo.start()
    repo.task("draft")

    result = repo.reconcile()

    assert result.code == 0
    assert repo.landed() == []
    assert repo.git("status", "--porcelain") == "?? .swarm/tasks/"


def test_a_second_reconcile_does_nothing_and_commits_nothing(repo: Repo) -> None:
    repo.start()
    repo.task("once")
    repo.commit()
    repo.reconcile()
    before = repo.git("for-each-ref")

    ticks: list[int] = []
    repo.reconcile(on_tick=lambda report: ticks.append(len(report.actions)))

    assert ticks == [0]
    assert repo.git("for-each-ref") == before


def test_work_that_a_gate_refuses_is_reworked_with_its_feedback(repo: Repo) -> None:
    repo.gates = [{"name": "check", "run": "if grep -q bad *.txt; then echo 'x.txt:1: bad word'; exit 1; fi"}]
    repo.start()
    repo.task("x", 'if [ "$SWARM_ATTEMPT" = 1 ]; then echo bad > x.txt; else cp "$SWARM_FEEDBACK_FILE" x.txt; fi')
    repo.agent(
        "x", 'if [ "$SWARM_ATTEMPT" = 1 ]; then echo bad > x.txt; else grep -c kind "$SWARM_FEEDBACK_FILE" > x.txt; fi'
    )
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    status = repo.status("x")
    assert [attempt.outcome for attempt in status.attempts] == ["rejected", "landed"]
    rejection = status.attempts[0].rejection
    assert rejection is not None
    assert (rejection.kind, rejection.gate, rejection.exit_code) == ("gate", "check", 1)
    assert rejection.places[0]["file"] == "x.txt"
    assert repo.show("x.txt") == "1"


def test_work_outside_its_scope_is_refused_and_never_lands(repo: Repo) -> None:
    repo.start()
    repo.task("nosy", "echo y > nosy.txt; echo pwned > README.md", budget={"attempts": 2})
    repo.commit()

    result = repo.reconcile()

    assert result.code == 4
    status = repo.status("nosy")
    assert status.phase == "failed"
    assert [a.rejection.kind for a in status.attempts if a.rejection] == ["scope", "scope"]
    assert repo.show("README.md") == "hello"
    assert status.attempts[0].salvage is not None
    assert repo.git("show", f"{status.attempts[0].salvage}:README.md") == "pwned"


def test_dependencies_land_first(repo: Repo) -> None:
    repo.start()
    repo.task("b", "cat a.txt > b.txt", depends_on=["a"])
    repo.task("a", "echo from-a > a.txt")
    repo.commit()

    repo.reconcile()

    assert repo.landed() == ["a", "b"]
    assert repo.show("b.txt") == "from-a"


def test_a_conflict_is_redone_on_the_new_base(repo: Repo) -> None:
    repo.start({"shared.txt": "one\n"})
    script = 'sed -i "s/.*/& $SWARM_TASK/" shared.txt; echo $SWARM_TASK > $SWARM_TASK.txt; sleep 0.3'
    repo.task("left", script, shares=["shared.txt"])
    repo.task("right", script, shares=["shared.txt"])
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert sorted(repo.landed()) == ["left", "right"]
    assert sorted(repo.show("shared.txt").split()) == ["left", "one", "right"]
    outcomes = sorted(a.outcome for name in ("left", "right") for a in repo.status(name).attempts)
    assert outcomes == ["conflict", "landed", "landed"]


def test_a_session_past_its_time_is_stopped_and_its_work_is_kept(repo: Repo) -> None:
    repo.start()
    script = 'echo partial > slow.txt; [ "$SWARM_ATTEMPT" = 1 ] && sleep 60; echo whole > slow.txt'
    repo.task("slow", script, budget={"minutes": 0.02})
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    first, second = repo.status("slow").attempts
    assert (first.outcome, second.outcome) == ("timeout", "landed")
    assert repo.git("show", f"{first.salvage}:slow.txt") == "partial"


def test_no_change_is_verified_before_it_is_believed(repo: Repo) -> None:
    repo.start()
    say = """printf '{"type": "no_change", "reason": "it is there already"}\\n'"""
    repo.task("noop", say, allow_no_change=True)
    repo.task("liar", say, allow_no_change=True, acceptance=[{"run": "test -e never.txt"}], budget={"attempts": 1})
    repo.commit()

    repo.reconcile()

    assert repo.phases() == {"noop": "unchanged", "liar": "failed"}
    assert repo.landed() == []


def test_a_removed_task_is_cancelled_and_its_session_ends(repo: Repo) -> None:
    repo.start()
    repo.task("gone", "sleep 60")
    repo.commit()
    repo.reconcile(mode="once")
    repo.git("rm", "-q", ".swarm/tasks/gone.yaml")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert repo.phases() == {"gone": "cancelled"}
