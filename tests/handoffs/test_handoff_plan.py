"""Handoffs, decided from values: ask, end, take in, start the successor, hear from it, let go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from swarmgit.model.actions import Retire, SaveFile, StartSession, StopSession
from swarmgit.model.desired import HandoffConfig, WatchdogConfig, WatchdogLimits
from swarmgit.model.endings import CHARGED
from swarmgit.model.events import Fault, Stream
from swarmgit.model.handoffs import Acceptance, Summary
from swarmgit.model.health import Repetition
from tests.plan.values import Life, life, never_ends, submits, task

LEFT = Summary("half of it is there", ("the parser",), ("the printer",), ("the tests need a port",))
FULL = Stream(context_used=160, context_window=200, text_tail="I read the parser")


def at_work(ends: Any = never_ends, stream: Stream = FULL, **swarm: Any) -> Life:
    """Return a swarm whose one session has filled its window."""
    made = life(task("a"), ends=ends, swarm={"minutes_per_session": 600, **swarm})
    made.tick()
    made.tick()
    (session,) = made.working()
    made.paths[session.spec.id] = ("a.txt",)
    made._session(replace(session, stream=stream))
    return made


def now_says(made: Life, **fields: Any) -> None:
    (session,) = made.working()
    made._session(replace(session, **fields))


def starts(made: Life) -> list[StartSession]:
    return [action for action in made.did if isinstance(action, StartSession)]


def stops(made: Life) -> list[str]:
    return [action.stop.text for action in made.did if isinstance(action, StopSession)]


def ticks(made: Life, count: int) -> None:
    for _ in range(count):
        made.tick()


LISTENS = replace(FULL, takes_messages=True)


def test_a_session_that_can_be_asked_is_asked_once_and_goes_on_meanwhile() -> None:
    made = at_work(stream=LISTENS)
    ticks(made, 5)
    (asked,) = made.observed.mail["builder-01"].values()
    assert (asked.type, asked.priority, asked.sender) == ("handoff", "urgent", "swarmgit")
    assert "160 of 200 tokens" in asked.subject
    assert '"remaining"' in asked.body
    assert stops(made) == []


def test_its_summary_is_what_its_successor_gets_with_its_work_on_the_same_base() -> None:
    made = at_work(stream=LISTENS)
    made.tick()
    now_says(made, summary=LEFT)
    ticks(made, 4)
    first, second = starts(made)
    assert stops(made) == ["handoff: 160 of 200 tokens of its context window are used"]
    assert (second.spec.base, second.carry_paths) == (first.spec.base, ("a.txt",))
    assert (second.spec.attempt, second.spec.resume, second.spec.agent) == (2, None, first.spec.agent)
    for words in (*LEFT.done, *LEFT.remaining, *LEFT.surprises, LEFT.state, "$SWARM_OUTBOX/accepted"):
        assert words in second.prompt
    assert "I read the parser" not in second.prompt, "it gets what was written down, nothing else"
    assert "Mail" not in second.prompt, "the question was for its predecessor"
    handoff = made.status("a").attempts[0].handoff
    assert handoff is not None
    assert (handoff.by, handoff.summary, handoff.is_pending) == ("session", LEFT, True)


def test_a_session_that_does_not_answer_in_time_is_ended_all_the_same() -> None:
    made = at_work(stream=LISTENS)
    ticks(made, 2)
    made.now += timedelta(minutes=2)
    ticks(made, 4)
    handoff = made.status("a").attempts[0].handoff
    assert handoff is not None
    assert (handoff.by, len(starts(made))) == ("swarmgit", 2)


def test_a_session_that_cannot_be_asked_is_ended_and_its_summary_is_put_together_from_what_it_did() -> None:
    made = at_work()
    ticks(made, 4)
    assert made.observed.mail["builder-01"] != {}
    (kept,) = made.observed.mail["builder-01"].values()
    assert (kept.type, kept.read_at is not None) == ("handoff", True), "kept for the record, not to be read again"
    handoff = made.status("a").attempts[0].handoff
    assert handoff is not None
    assert handoff.by == "swarmgit"
    assert "added a.txt" in handoff.summary.done
    assert "the last it said: I read the parser" in handoff.summary.surprises
    assert "could not be asked" in starts(made)[1].prompt


def test_a_handoff_uses_up_no_attempt() -> None:
    made = at_work()
    ticks(made, 4)
    made.ends = submits
    made.settle()
    status = made.status("a")
    assert [a.outcome for a in status.attempts] == ["handed-over", "landed"]
    assert (status.phase, status.attempts[0].outcome in CHARGED) == ("landed", False)
    assert made.observed.identities[status.attempts[-1].agent].first_pass == 1


def test_the_predecessor_is_let_go_of_when_its_successor_knows_where_the_work_stands() -> None:
    made = at_work()
    ticks(made, 5)
    first = made.status("a").attempts[0]
    assert first.session in made.observed.sessions
    now_says(made, acceptance=Acceptance("the parser is there", "write the printer"))
    ticks(made, 3)
    assert first.session not in made.observed.sessions
    assert [a.session for a in made.did if isinstance(a, Retire)] == [first.session]
    handoff = made.status("a").attempts[0].handoff
    assert handoff is not None
    assert handoff.acceptance == "the parser is there Next: write the printer"
    assert handoff.successor == made.status("a").attempts[1].session
    said = "".join(a.content for a in made.did if isinstance(a, SaveFile) and str(first.session) in a.path)
    assert said.count('"type": "handoff"') == said.count('"type": "handoff_accepted"') == 1


def test_a_successor_that_says_nothing_in_time_goes_on_and_that_is_recorded() -> None:
    made = at_work()
    ticks(made, 4)
    made.now += timedelta(minutes=5)
    ticks(made, 3)
    handoff = made.status("a").attempts[0].handoff
    assert handoff is not None
    assert handoff.unanswered == "its successor said nothing about where the work stands for 5 minutes"
    assert len(made.working()) == 1
    assert len(stops(made)) == 1


def test_when_the_successor_dies_the_next_session_is_an_ordinary_try_with_the_summary() -> None:
    made = at_work(stream=LISTENS)
    made.tick()
    now_says(made, summary=LEFT)
    ticks(made, 3)
    now_says(made, state="ended", exit_code=3, ended=made.now)
    ticks(made, 3)
    status, third = made.status("a"), starts(made)[2]
    assert [a.outcome for a in status.attempts] == ["handed-over", "failed", "running"]
    assert status.attempts[0].handoff is not None
    assert "ended without a word" in status.attempts[0].handoff.unanswered
    assert "the printer" in third.prompt
    assert "$SWARM_OUTBOX/accepted" not in third.prompt
    assert [a.outcome in CHARGED for a in status.attempts] == [False, True, False]


def test_a_task_is_not_handed_over_without_end() -> None:
    made = at_work(handoff=HandoffConfig(max=2))
    for _ in range(20):
        made.tick()
        for session in made.working():
            made._session(replace(session, stream=FULL))
    assert [a.outcome for a in made.status("a").attempts] == ["handed-over", "handed-over", "running"]


def test_a_window_that_nobody_knows_is_never_full() -> None:
    made = at_work(stream=Stream(context_used=10**9))
    ticks(made, 5)
    assert (stops(made), made.observed.mail) == ([], {})


def test_below_the_threshold_nothing_happens_and_the_threshold_can_be_set() -> None:
    made = at_work(stream=replace(FULL, context_used=159))
    ticks(made, 3)
    assert stops(made) == []
    lower = at_work(stream=replace(FULL, context_used=101), handoff=HandoffConfig(at=0.5))
    ticks(lower, 3)
    assert len(starts(lower)) == 2


def test_who_ends_by_itself_with_something_left_has_handed_over_and_with_nothing_left_has_submitted() -> None:
    for left, outcome in ((LEFT, "handed-over"), (replace(LEFT, remaining=()), "landed")):
        made = at_work(stream=LISTENS)
        made.tick()
        now_says(made, summary=left, state="ended", exit_code=0, ended=made.now)
        made.ends = submits
        made.settle()
        assert made.status("a").attempts[0].outcome == outcome


def test_a_summary_that_nobody_asked_for_hands_nothing_over() -> None:
    made = at_work(stream=Stream())
    now_says(made, summary=LEFT, state="ended", exit_code=0, ended=made.now)
    ticks(made, 3)
    assert made.status("a").attempts[0].outcome in {"submitted", "landed"}


def test_a_question_that_came_too_late_is_shown_to_nobody_else() -> None:
    made = at_work(stream=LISTENS)
    made.tick()
    now_says(made, state="ended", exit_code=0, ended=made.now)
    made.ends = submits
    made.settle()
    (asked,) = made.observed.mail["builder-01"].values()
    assert asked.read_at is not None


def test_a_conversation_that_is_too_long_for_the_model_is_handed_over_with_its_work() -> None:
    made = at_work(stream=Stream(fault=Fault("context", "prompt is too long")))
    now_says(made, state="ended", exit_code=1, ended=made.now)
    ticks(made, 3)
    assert [a.outcome for a in made.status("a").attempts] == ["handed-over", "running"]
    assert starts(made)[1].carry_paths == ("a.txt",)


def test_a_paused_task_is_not_handed_over() -> None:
    made = at_work()
    made.control("a", paused=True)
    ticks(made, 3)
    assert stops(made) == []


def test_the_watchdogs_handoff_goes_the_same_way_and_only_once() -> None:
    config = WatchdogConfig(WatchdogLimits(repeat_lines=10, repeat_minutes=0, patience_minutes=0))
    made = at_work(stream=Stream(takes_messages=True), watchdog=config)
    going_round = Repetition(50_000, made.now)

    def repeats() -> None:
        now_says(made, repetition=going_round, last_output=made.now)

    for _ in range(2):
        repeats()
        made.tick()
    assert [each.type for each in made.observed.mail["builder-01"].values()] == ["status_update", "handoff"]
    now_says(made, summary=LEFT)
    repeats()
    ticks(made, 4)
    assert stops(made)[0].startswith("watchdog: handoff: it has printed the same")
    assert [a.outcome for a in made.status("a").attempts] == ["handed-over", "running"]
    assert len(made.observed.incidents) == 1
    going_round = Repetition(50_000, made.now)
    for _ in range(2):
        repeats()
        made.tick()
    ticks(made, 2)
    assert [a.outcome for a in made.status("a").attempts][:2] == ["handed-over", "timeout"], (
        "the second time is the last"
    )


def test_killed_after_any_step_the_end_is_the_same() -> None:
    for cut in range(40):
        made = life(task("a"), ends=never_ends, swarm={"minutes_per_session": 600})
        made.tick()
        made.tick()
        step, is_cut = 0, False
        for _ in range(40):
            for session in made.working():
                is_first = session.spec.attempt == 1
                said = Acceptance("so far", "on") if not is_first else None
                made.paths[session.spec.id] = ("a.txt",)
                stream = FULL if is_first else Stream()
                made._session(replace(session, stream=stream, acceptance=said))
                if not is_first and made.now.timestamp() % 5 == 0:
                    made.ends = submits
            before = len(made.did)
            if not is_cut and step + 1 > cut // 4:
                made.tick_until_cut(cut % 4)
                is_cut = True
            else:
                made.tick()
            step += len(made.did) > before
        status = made.status("a")
        assert [a.outcome for a in status.attempts] == ["handed-over", "landed"], cut
        assert status.attempts[0].handoff is not None
        assert status.attempts[0].handoff.acceptance == "so far Next: on", cut
        assert made.observed.sessions == {} or all(s.spec.kind == "gate" for s in made.observed.sessions.values())
