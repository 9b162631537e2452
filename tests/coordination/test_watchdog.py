"""The watchdog in values: what a session's signs mean, and what is done, once and within bounds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from swarmgit.model.actions import StopSession
from swarmgit.model.desired import Swarm, WatchdogConfig, WatchdogLimits
from swarmgit.model.endings import Stop
from swarmgit.model.events import Limited, Stream
from swarmgit.model.health import Repetition, Vigil, Vitals
from swarmgit.model.mail import HUMAN, SWARMGIT
from swarmgit.model.sessions import Session
from swarmgit.observe.novelty import Novelty
from swarmgit.plan.triage import heuristic as triage
from swarmgit.plan.watchdog import condition, limits_of, overrun
from tests.plan.values import START, Life, life, never_ends, task

LIMITS = WatchdogLimits()
BOTH = ("stdout", "stderr")
QUIET = timedelta(minutes=31)
LATER = START + timedelta(hours=2, minutes=1)


def seen(*, silent: timedelta = timedelta(0), tail: str = "", cpu: float = 0.0, **fields: Any) -> Session:
    """Return a running session that has said its last words `silent` before two hours after the start."""
    made = life(task("a"), ends=never_ends)
    made.tick()
    (session,) = made.observed.sessions.values()
    at = START + timedelta(hours=2)
    given: dict[str, Any] = {
        "state": "running",
        "last_output": at - silent,
        "stream": Stream(text_tail=tail),
        "vitals": Vitals(at, 100.0, 10.0, cpu),
        **fields,
    }
    return replace(session, **given)


def just_started() -> Session:
    session = seen(last_output=None, vitals=None)
    return replace(session, spec=replace(session.spec, started=START + timedelta(minutes=105)))


def health(session: Session, limits: WatchdogLimits = LIMITS) -> str:
    return condition(session, limits, START + timedelta(hours=2)).health


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (seen(), "working"),
        (seen(silent=timedelta(minutes=12)), "idle"),
        (seen(silent=QUIET), "stalled"),
        (seen(silent=timedelta(minutes=61)), "zombie"),
        (seen(silent=timedelta(minutes=4), tail="Overwrite config.yaml? [y/N] "), "prompt-blocked"),
        (seen(silent=timedelta(minutes=4), tail="Password for 'https://example.org': "), "prompt-blocked"),
        (seen(silent=timedelta(minutes=4), tail="Press any key to continue"), "prompt-blocked"),
        (seen(silent=timedelta(minutes=40), stream=Stream(limited=Limited(3600))), "rate-limited"),
        (seen(silent=timedelta(minutes=40), stream=Stream(limited=Limited(until=LATER))), "rate-limited"),
        (seen(silent=timedelta(minutes=40), stream=Stream(limited=Limited(300))), "stalled"),
        (seen(silent=QUIET, tail="I will now implement the rate limiter (HTTP 429)"), "stalled"),
        (seen(repetition=Repetition(900, START + timedelta(minutes=118))), "stalled"),
        (seen(silent=timedelta(minutes=4), stderr_tail="Proceed? [y/N] ", spoke=("stderr",)), "prompt-blocked"),
        (seen(silent=timedelta(minutes=4), stderr_tail="Proceed? [y/N] ", spoke=BOTH), "prompt-blocked"),
        (seen(silent=timedelta(minutes=4), tail="Proceed? [y/N] ", spoke=BOTH), "prompt-blocked"),
        (seen(stop=Stop("enough"), stop_at=START + timedelta(minutes=100)), "zombie"),
        (seen(state="ended"), "done"),
    ],
)
def test_each_sign_has_its_meaning(session: Session, expected: str) -> None:
    assert health(session) == expected


HEALTHY = {
    "prints now and then": seen(silent=timedelta(minutes=2)),
    "thinks quietly for long": seen(silent=timedelta(minutes=29)),
    "compiles for an hour without a word": seen(silent=timedelta(hours=1), cpu=0.9),
    "computes on a tenth of a processor": seen(silent=timedelta(minutes=90), cpu=0.1),
    "has said nothing yet": just_started(),
    "asks itself a question and goes on thinking": seen(
        silent=timedelta(minutes=10), tail="Should I continue with the tests?"
    ),
    "mentions a prompt in its text": seen(silent=timedelta(minutes=10), tail="I answered [y/N] with y and went on."),
    "shows code with a password field": seen(silent=timedelta(minutes=10), tail='password: str = field(default="")'),
    "has just asked and was answered": seen(silent=timedelta(seconds=30), tail="Proceed? [y/N] "),
    "waits for a rate limit": seen(silent=timedelta(minutes=50), stream=Stream(limited=Limited(3600))),
    "waits for a limit longer than anybody believes": seen(
        silent=timedelta(minutes=50), stream=Stream(limited=Limited(1e300))
    ),
    "was just told to go on by its provider": seen(
        silent=timedelta(hours=2), stream=Stream(limited=Limited(until=LATER - timedelta(minutes=2)))
    ),
    "slept with the machine for hours": seen(
        silent=timedelta(hours=9), vigil=Vigil(START, 0.0, None, START + timedelta(minutes=100))
    ),
    "prints a heartbeat a second": seen(repetition=Repetition(3000, START + timedelta(minutes=70))),
    "prints dots while tests run": seen(repetition=Repetition(400, START + timedelta(minutes=119))),
    "prints a burst of equal lines": seen(repetition=Repetition(499, START + timedelta(minutes=119, seconds=59))),
    "prints a table of zeros and computes": seen(
        silent=timedelta(seconds=20), repetition=Repetition(60_000, START + timedelta(minutes=90))
    ),
    "prints the same fast for a minute": seen(repetition=Repetition(6000, START + timedelta(minutes=119))),
    "has printed the same for long, and thinks": seen(
        silent=timedelta(minutes=1), repetition=Repetition(60_000, START + timedelta(minutes=115))
    ),
    "was asked on stderr and went on": seen(
        silent=timedelta(minutes=10), tail="kept it", stderr_tail="Overwrite? [y/N] ", spoke=("stdout",)
    ),
    "writes 429 lines of code": seen(silent=timedelta(seconds=2), tail="wrote 429 lines"),
    "is being stopped and ends in time": seen(stop=Stop("x"), stop_at=START + timedelta(minutes=119, seconds=55)),
    "uses much memory where no limit is set": seen(vitals=Vitals(START, 64_000.0, 1.0)),
    "has used a lot of processor time": seen(vitals=Vitals(START, 10.0, 100_000.0, 8.0)),
    "has a large worktree": seen(vitals=Vitals(START, 10.0, 1.0, 0.0, 50_000.0)),
    "cannot be measured and prints": seen(vitals=None, silent=timedelta(minutes=5)),
    "has a clock that is ahead": seen(silent=timedelta(minutes=-3)),
}


@pytest.mark.parametrize("pattern", HEALTHY)
def test_a_healthy_session_is_left_alone(pattern: str) -> None:
    session = HEALTHY[pattern]
    answer = triage(condition(session, LIMITS, START + timedelta(hours=2)), is_nudged_out=True, was_killed_before=True)
    assert (answer.remedy, overrun(session, LIMITS)) == ("wait", None)


def test_there_are_twenty_healthy_patterns() -> None:
    assert len(HEALTHY) >= 20


@pytest.mark.parametrize(
    ("limits", "resource", "said"),
    [
        (WatchdogLimits(memory_mb=50), "memory", "it uses 100 MB of memory, more than 50"),
        (WatchdogLimits(disk_mb=10), "disk", "its worktree takes 20 MB, more than 10"),
        (WatchdogLimits(disk_mb=30), "disk", "its worktree has no end: more than can be held against 30 MB"),
        (WatchdogLimits(cpu_minutes=0.1), "cpu", "it has used 0.2 minutes of processor time, more than 0.1"),
    ],
)
def test_more_than_it_may_use_is_said(limits: WatchdogLimits, resource: str, said: str) -> None:
    assert overrun(seen(vitals=Vitals(START, 100.0, 10.0, 0.0, 20.0, "has no end")), limits) == (resource, said)


def test_a_types_limits_come_before_its_tiers_and_both_before_the_swarms() -> None:
    own, tier, other = WatchdogLimits(silence_minutes=1), WatchdogLimits(silence_minutes=2), WatchdogLimits()
    swarm = Swarm("main", watchdog=WatchdogConfig(other, {"frontier": tier, "standard": tier}, {"research": own}))
    assert limits_of(swarm, task("a", type="research")) == own
    assert limits_of(swarm, task("a", type="plan")) == tier
    assert limits_of(swarm, task("a", type="docs")) == other
    assert limits_of(swarm, None) == other


# --- what is done ------------------------------------------------------------------------------------------------------


def swarm_of(**limits: Any) -> Life:
    config = WatchdogConfig(WatchdogLimits(silence_minutes=10, patience_minutes=5, **limits))
    made = life(task("a"), ends=never_ends, swarm={"watchdog": config, "attempts_max": 2, "minutes_per_session": 600})
    made.tick()
    made.tick()
    let_run(made)
    return made


def let_run(made: Life, **fields: Any) -> None:
    """Let every session run on with other signs."""
    for session in made.working():
        made._session(replace(session, **{"state": "running", **fields}))


def stops(made: Life) -> list[str]:
    return [action.stop.text for action in made.did if isinstance(action, StopSession)]


def nudges(made: Life) -> int:
    mails = made.observed.mail.get("builder-01", {}).values()
    return sum(mail.sender == SWARMGIT and mail.type == "status_update" for mail in mails)


def test_a_stalled_session_is_nudged_once_then_stopped_and_its_task_tried_again() -> None:
    made = swarm_of()
    made.now += timedelta(minutes=11)
    for _ in range(3):
        made.tick()
    assert (nudges(made), stops(made)) == (1, [])
    made.now += timedelta(minutes=5)
    made.tick()
    assert stops(made) == ["watchdog: it has said nothing for 16 minutes and uses no processor"]
    for _ in range(4):
        made.tick()
    first, second = made.status("a").attempts
    assert (first.outcome, first.reason) == ("timeout", stops(made)[0])
    assert second.outcome == "running"
    assert first.rejection is not None
    assert "never wait for input" in first.rejection.next_step
    (incident,) = [i for i in made.observed.incidents.values() if i.signature.startswith("watchdog/")]
    assert (incident.signature, incident.count) == ("watchdog/stalled/script/implement", 1)
    assert "nudged, then stopped" in incident.resolution


def test_one_that_speaks_again_after_the_nudge_goes_on() -> None:
    made = swarm_of()
    made.now += timedelta(minutes=11)
    made.tick()
    let_run(made, last_output=made.now)
    made.now += timedelta(minutes=6)
    made.tick()
    assert (nudges(made), stops(made)) == (1, [])
    made.now += timedelta(minutes=6)
    made.tick()
    made.tick()
    assert (nudges(made), stops(made)) == (2, []), "a second silence is a second nudge"
    made.now += timedelta(minutes=5)
    made.tick()
    assert len(stops(made)) == 1


def test_one_that_waits_at_a_prompt_is_stopped_without_a_nudge() -> None:
    made = swarm_of()
    let_run(made, stream=Stream(text_tail="Delete all? [y/N]"), last_output=made.now)
    made.now += timedelta(minutes=4)
    made.tick()
    assert (nudges(made), stops(made)) == (0, ["watchdog: it waits for an answer to 'Delete all? [y/N]'"])


def test_the_second_time_a_person_is_told_and_the_number_of_attempts_is_the_bound() -> None:
    made = swarm_of(memory_mb=500)
    for _ in range(3):
        let_run(made, vitals=Vitals(made.now, 800.0, 1.0))
        made.tick()
        for _ in range(4):
            made.tick()
    assert len(stops(made)) == 2
    assert made.status("a").phase == "failed"
    assert len([i for i in made.observed.incidents.values() if i.signature.startswith("watchdog/")]) == 1
    assert [m.subject for m in made.observed.mail[HUMAN].values()] == ["a has failed"]


def test_a_task_that_is_not_open_any_more_is_not_restarted() -> None:
    made = swarm_of()
    made.now += timedelta(minutes=30)
    made.control("a", cancelled=True)
    made.tick()
    assert stops(made) == ["the task was cancelled"]


def test_watched_is_what_is_switched_on() -> None:
    made = swarm_of(is_on=False)
    made.now += timedelta(hours=5)
    made.tick()
    assert (nudges(made), stops(made)) == (0, [])


def test_a_swarm_of_which_nothing_comes_is_reported_once() -> None:
    made = swarm_of(is_on=False)
    made.now += timedelta(minutes=119)
    made.tick()
    assert made.observed.incidents == {}
    for _ in range(3):
        made.now += timedelta(minutes=2)
        made.tick()
    assert [i.count for i in made.observed.incidents.values()] == [1]
    assert [m.subject for m in made.observed.mail[HUMAN].values()] == [
        "incident: the swarm as a whole makes no progress"
    ]


def test_one_that_repeats_itself_is_nudged_before_it_is_stopped() -> None:
    made = swarm_of()

    def let_loop() -> None:
        let_run(made, last_output=made.now, repetition=Repetition(90_000, START + timedelta(minutes=1)))

    made.now += timedelta(minutes=10)
    for _ in range(8):
        let_loop()
        made.tick()
    assert (nudges(made), stops(made)) == (1, []), "what it prints is no sign of life"
    made.now += timedelta(minutes=5)
    let_loop()
    made.tick()
    assert stops(made) == ["watchdog: handoff: it has printed the same for 90000 lines, and goes on"]


def test_one_that_says_something_new_after_the_nudge_goes_on() -> None:
    made = swarm_of()
    made.now += timedelta(minutes=10)
    let_run(made, last_output=made.now, repetition=Repetition(90_000, START + timedelta(minutes=1)))
    made.tick()
    made.now += timedelta(minutes=6)
    let_run(made, last_output=made.now, repetition=Repetition(5, made.now))
    made.tick()
    assert (nudges(made), stops(made)) == (1, [])


# --- new or the same ---------------------------------------------------------------------------------------------------


def test_lines_that_say_nothing_new_are_counted_from_the_first_look_on() -> None:
    at = datetime(2026, 1, 1, tzinfo=START.tzinfo)
    ear = Novelty()
    ear.feed(b"backlog\n" * 1000, at)
    assert ear.said == Repetition(0, at)
    ear.feed(b"a\nb\n", at)
    ear.feed(b"a\nb\na\nb", at + timedelta(seconds=1))
    assert ear.said == Repetition(3, at)
    ear.feed(b"\nnew\n", at + timedelta(seconds=2))
    assert ear.said == Repetition(0, at + timedelta(seconds=2))


def repeats(*lines: bytes) -> int:
    """Return how many of the lines said nothing new, after a first look."""
    ear = Novelty()
    ear.feed(b"begun\n", START)
    ear.feed(b"".join(line + b"\n" for line in lines), START)
    return ear.said.lines


@pytest.mark.parametrize(
    "line",
    [
        b"retry %d: connection refused",
        b"attempt %d of 100000 failed",
        b"[12:00:%d] ERROR upstream is unavailable",
        b"request %d timed out",
        b"%d. cannot open the file",
    ],
)
def test_a_number_in_a_line_about_trouble_is_no_news(line: bytes) -> None:
    assert repeats(*(line % number for number in range(200))) == 199


@pytest.mark.parametrize("line", [b"step %d", b"epoch 3, loss 0.%d", b"test_%d PASSED", b"[%d/4000] compiling"])
def test_a_number_elsewhere_is_progress(line: bytes) -> None:
    assert repeats(*(line % number for number in range(200))) == 0


def test_both_streams_are_listened_to_and_either_may_say_something_new() -> None:
    ear = Novelty()
    ear.feed(b"", START, "stderr")
    ear.feed(b"begun\n", START)
    ear.feed(b"same\nsa", START, "stderr")
    ear.feed(b"begun\n", START)
    ear.feed(b"me\n", START, "stderr")
    assert ear.said.lines == 2
    ear.feed(b"new\n", START + timedelta(seconds=1))
    assert ear.said == Repetition(0, START + timedelta(seconds=1))


@pytest.mark.parametrize("jump", [timedelta(hours=3), timedelta(hours=-3), timedelta(minutes=1)])
def test_a_pause_and_a_jump_of_the_clock_begin_the_count_anew(jump: timedelta) -> None:
    ear = Novelty()
    ear.feed(b"begun\n", START)
    ear.feed(b"same\n" * 900, START)
    ear.feed(b"same\n" * 5, START + jump)
    assert ear.said == Repetition(5, START + jump)
