"""Time that the machine slept, or in which nobody looked, is held against nobody; nor is a wait for a provider."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from specs import agent_spec

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes import LocalExecutor
from swarmgit.model.actions import StopSession
from swarmgit.model.desired import WatchdogConfig, WatchdogLimits
from swarmgit.model.events import Limited, Stream
from swarmgit.model.health import Vigil
from swarmgit.model.ids import SessionId
from swarmgit.model.sessions import SETTLE, WAITED_S_MAX, Session
from swarmgit.observe.vigils import Look, VigilKeeper, looked
from swarmgit.observe.vitals import VitalsWatcher
from swarmgit.plan.watchdog import condition
from tests.plan.values import START, Life, life, never_ends, task
from tests.worlds import world_of

AWAY = timedelta(minutes=30)
HOURS = timedelta(hours=3)
SPEC = agent_spec(started=START)


class Machine:
    """A session on a machine whose two clocks the test moves, looked at every two seconds."""

    def __init__(self, *, judges: bool = True) -> None:
        self.now, self.awake_s, self.judges = START, 1000.0, judges
        self.session = Session.of(SPEC, "running", last_output=START)
        self.is_mine = False
        self.vigil: Vigil | None = None

    def look(self) -> Session:
        look = Look(self.now, self.awake_s, AWAY)
        self.vigil = looked(self.vigil, self.session, look, is_mine=self.is_mine, judges=self.judges)
        self.is_mine = True
        return replace(self.session, vigil=self.vigil)

    def run(self, span: timedelta, every: timedelta = timedelta(seconds=2), **fields: Any) -> Session:
        """Let time pass with looks."""
        self.session = replace(self.session, **fields)
        end = self.now + span
        while self.now < end:
            self.now += every
            self.awake_s += every.total_seconds()
            self.look()
        return self.look()

    def says(self) -> Session:
        return self.run(timedelta(seconds=2), last_output=self.now + timedelta(seconds=1))

    def sleeps(self, span: timedelta) -> Session:
        """The lid is closed: only the wall clock goes on. Also what setting that clock looks like."""
        self.now += span
        return self.look()

    def goes_unwatched(self, span: timedelta, **fields: Any) -> Session:
        """The reconciler is away, and another one comes."""
        self.session = replace(self.session, **fields)
        self.now += span
        self.awake_s += span.total_seconds()
        self.is_mine = False
        return self.look()

    def silence(self) -> timedelta:
        return self.now - replace(self.session, vigil=self.vigil).heard


def test_without_a_gap_silence_and_time_are_those_of_the_wall_clock() -> None:
    machine = Machine()
    session = machine.run(timedelta(minutes=40))
    assert (machine.silence(), session.deadline) == (timedelta(minutes=40), START + timedelta(minutes=60))
    assert machine.says().heard > START + timedelta(minutes=39)


@pytest.mark.parametrize("span", [HOURS, timedelta(seconds=40), -HOURS])
def test_sleep_and_a_clock_that_is_set_count_neither_as_silence_nor_as_time(span: timedelta) -> None:
    machine = Machine()
    machine.run(timedelta(minutes=20))
    session = machine.sleeps(span)
    assert machine.silence() == timedelta(minutes=20)
    assert session.deadline == START + timedelta(minutes=60) + span
    session = machine.run(timedelta(minutes=15))
    assert machine.silence() == timedelta(minutes=35), "a hang is found all the same"
    assert condition(session, WatchdogLimits(), machine.now).health == "stalled"


def test_a_clock_that_is_set_back_after_sleep_brings_the_time_limit_back() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=5))
    machine.sleeps(HOURS)
    assert machine.sleeps(-HOURS).deadline == START + timedelta(minutes=60)


def test_what_was_printed_just_before_the_sleep_is_a_sign_of_life() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=20))
    machine.session = replace(machine.session, last_output=machine.now + timedelta(seconds=1))
    machine.sleeps(HOURS)
    assert machine.silence() == timedelta(0)


def test_nothing_is_judged_at_the_first_look_after_a_gap() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=59))
    assert not machine.sleeps(HOURS).is_settled(machine.now)
    assert not machine.run(timedelta(seconds=4)).is_settled(machine.now)
    assert machine.run(SETTLE).is_settled(machine.now)
    assert machine.run(timedelta(minutes=1)).is_late(machine.now)


def test_a_new_reconciler_gives_the_silent_a_new_start_and_time_goes_on() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=10))
    session = machine.goes_unwatched(timedelta(minutes=40))
    assert (machine.silence(), session.is_settled(machine.now)) == (timedelta(0), False)
    assert session.deadline == START + timedelta(minutes=60), "it was at work meanwhile"


def test_a_new_reconciler_sees_what_was_printed_meanwhile() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=10))
    session = machine.goes_unwatched(timedelta(minutes=9), last_output=START + timedelta(minutes=15))
    assert session.heard == START + timedelta(minutes=15)
    assert machine.goes_unwatched(HOURS, last_output=START + HOURS).heard == machine.now


def test_a_reconciler_that_comes_every_five_minutes_still_finds_what_hangs() -> None:
    machine = Machine()
    for _ in range(8):
        session = machine.goes_unwatched(timedelta(minutes=5))
    assert (machine.silence(), session.is_settled(machine.now)) == (timedelta(minutes=40), True)
    for _ in range(4):
        session = machine.goes_unwatched(timedelta(minutes=5))
    assert session.is_late(machine.now)


def test_a_reconciler_that_was_held_with_the_whole_machine_holds_it_against_nobody() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=20))
    machine.awake_s += HOURS.total_seconds()
    session = machine.sleeps(HOURS)
    assert (machine.silence(), session.deadline) == (timedelta(0), START + timedelta(minutes=60) + HOURS)


def test_a_machine_that_was_started_anew_is_no_sleep() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=10))
    machine.awake_s = 5.0
    assert machine.sleeps(timedelta(minutes=2)).deadline == START + timedelta(minutes=60)


def test_who_only_shows_how_it_is_grants_nothing() -> None:
    machine = Machine(judges=False)
    machine.run(timedelta(minutes=10))
    machine.goes_unwatched(timedelta(minutes=40))
    assert machine.silence() == timedelta(minutes=50)


def test_a_wait_for_a_provider_is_added_to_its_time_up_to_a_bound() -> None:
    machine = Machine()
    machine.run(timedelta(minutes=10))
    limited = Stream(limited=Limited(1200))
    session = machine.run(timedelta(minutes=40), stream=limited, last_output=machine.now)
    assert session.deadline == START + timedelta(minutes=80), "it waited for the twenty minutes that were asked for"
    session = machine.run(timedelta(minutes=1), stream=Stream())
    assert session.deadline == START + timedelta(minutes=80)

    endless = Stream(limited=Limited(1e9))
    session = machine.run(timedelta(hours=20), timedelta(minutes=1), stream=endless, last_output=machine.now)
    assert session.deadline == START + timedelta(minutes=60, seconds=WAITED_S_MAX)
    assert not session.is_limited(machine.now), "who says so for ever is not believed for ever"


def test_silence_begins_where_a_wait_ends_or_is_not_believed_any_more() -> None:
    machine = Machine()
    machine.look()
    machine.run(timedelta(minutes=40), stream=Stream(limited=Limited(1200)))
    assert machine.silence() == timedelta(minutes=20)
    machine.run(timedelta(hours=7), timedelta(minutes=1), stream=Stream(limited=Limited(1e9)), last_output=machine.now)
    assert timedelta(minutes=70) < machine.silence() < timedelta(minutes=90)


def test_sleep_while_it_waits_counts_once() -> None:
    machine = Machine()
    machine.look()
    machine.run(timedelta(minutes=10), stream=Stream(limited=Limited(6 * 3600)))
    assert machine.sleeps(HOURS).deadline == START + timedelta(minutes=70) + HOURS


# --- what is kept ------------------------------------------------------------------------------------------------------


def test_a_kill_between_two_looks_loses_nothing_of_the_sleep(tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path, SystemClock())
    executor.refuse(SPEC, "only its folder is needed")
    awake_s = 1000.0
    session = Session.of(SPEC, "running", last_output=START)

    def keeper() -> VigilKeeper:
        return VigilKeeper(executor, lambda: awake_s, executor)

    mine = keeper()
    for seconds in range(0, 40, 2):
        awake_s = 1000.0 + seconds
        mine.kept([session], START + timedelta(seconds=seconds), AWAY)
    awake_s += 4
    after = START + HOURS + timedelta(seconds=42)
    for next_one in (keeper(), keeper()):  # the first is killed before it could say anything
        (seen,) = next_one.kept([session], after, AWAY).values()
        assert seen.deadline == START + timedelta(minutes=60) + HOURS
        assert after - seen.heard == timedelta(seconds=42)


def test_a_note_that_nobody_can_read_is_no_note(tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path, SystemClock())
    executor.refuse(SPEC, "only its folder is needed")
    for broken in (b"{", b'{"at": 1}', b'{"at":"2026-01-01T00:00:00","awake_s":1,"sign":null,"heard":"x"}'):
        executor.write(SPEC.id, "vigil.json", broken)
        keeper = VigilKeeper(executor, lambda: 5.0)
        (seen,) = keeper.kept([Session(SPEC, "running")], START, AWAY).values()
        assert seen.heard == START


# --- what is done ------------------------------------------------------------------------------------------------------


def at_work(**vigil: Any) -> Life:
    limits = WatchdogLimits(silence_minutes=10, patience_minutes=5, memory_mb=100)
    given = {"watchdog": WatchdogConfig(limits), "attempts_max": 2, "minutes_per_session": 60}
    made = life(task("a"), ends=never_ends, swarm=given)
    made.tick()
    made.tick()
    look_after(made, **vigil)
    return made


def look_after(made: Life, **vigil: Any) -> None:
    (session,) = made.working()
    given = {"at": made.now, "awake_s": 0.0, "sign": None, "heard": session.spec.started, **vigil}
    made._session(replace(session, vigil=Vigil(**given)))


def stops(made: Life) -> list[str]:
    return [action.stop.text for action in made.did if isinstance(action, StopSession)]


def test_a_closed_laptop_stops_nobody_and_what_hangs_afterwards_is_stopped() -> None:
    made = at_work()
    made.now += HOURS
    look_after(made, since=made.now, heard=made.now - timedelta(minutes=30), missed_s=HOURS.total_seconds())
    made.tick()
    assert (stops(made), made.observed.incidents) == ([], {}), "nobody was looked at twice yet"
    made.now += SETTLE
    made.tick()
    assert stops(made) == ["watchdog: it has said nothing for 30 minutes and uses no processor"]


def test_a_time_limit_comes_later_by_what_was_slept() -> None:
    made = at_work()
    made.now += HOURS + timedelta(minutes=59)
    look_after(made, since=made.now - SETTLE, heard=made.now, missed_s=HOURS.total_seconds())
    made.tick()
    assert stops(made) == []
    made.now += timedelta(minutes=1)
    look_after(made, since=made.now - SETTLE, heard=made.now, missed_s=HOURS.total_seconds())
    made.tick()
    assert stops(made) == ["time limit of 60 minutes"]


def test_patience_after_a_nudge_begins_again_after_a_gap() -> None:
    made = at_work()
    made.now += timedelta(minutes=11)
    made.tick()
    made.now += HOURS
    look_after(made, since=made.now - SETTLE, heard=START, missed_s=HOURS.total_seconds())
    (session,) = made.working()
    assert session.vigil is not None
    made._session(replace(session, vigil=replace(session.vigil, heard=made.now - timedelta(minutes=12))))
    made.tick()
    assert stops(made) == []
    made.now += timedelta(minutes=5)
    made.tick()
    assert len(stops(made)) == 1


def test_the_patrol_begins_anew_after_a_gap_and_passes_over_who_waits_for_a_provider() -> None:
    made = at_work()
    made.swarm = replace(made.swarm, minutes_per_session=600.0)
    made.now += HOURS
    look_after(made, since=made.now - timedelta(minutes=1), heard=made.now, missed_s=HOURS.total_seconds())
    made.tick()
    assert made.observed.incidents == {}
    (session,) = made.working()
    limited = Stream(limited=Limited(until=made.now + HOURS))
    made._session(replace(session, stream=limited, vigil=None))
    made.tick()
    assert made.observed.incidents == {}


def test_a_session_that_sits_out_a_limit_is_neither_nudged_nor_stopped() -> None:
    made = at_work()
    (session,) = made.working()
    made._session(replace(session, stream=Stream(limited=Limited(3600)), last_output=made.now, vigil=None))
    made.now += timedelta(minutes=50)
    made.tick()
    assert (stops(made), made.observed.mail) == ([], {})
    assert "waits for its provider" in made.status("a").reason


def test_a_session_on_a_clock_that_was_set_back_is_still_measured(tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path, SystemClock())
    executor.refuse(SPEC, "only its folder is needed")
    watcher = VitalsWatcher(world_of(executor=executor, worktrees=NoWorktrees()), executor)
    session = Session(SPEC, "running")
    for now in (START + timedelta(minutes=1), START - HOURS, START - HOURS + timedelta(minutes=1)):
        (seen,) = watcher.measured([session], now, AWAY).values()
        assert seen.vitals is not None
        assert seen.vitals.at == now


def test_what_goes_wrong_in_measuring_one_session_is_told_of_it_and_holds_up_no_other(tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path, SystemClock())
    broken, sound = (Session.of(replace(SPEC, id=SessionId(SPEC.id[:-1] + end)), "running") for end in "01")

    class Trees:
        def path(self, session: SessionId) -> None:
            if session == broken.spec.id:
                raise RecursionError("too deep")

    for session in (broken, sound):
        executor.refuse(session.spec, "only its folder is needed")
    watcher = VitalsWatcher(world_of(executor=executor, worktrees=Trees()), executor)
    seen = watcher.measured([broken, sound], START + timedelta(minutes=1), AWAY)
    assert [each.vitals.failed if each.vitals else None for each in seen.values()] == ["RecursionError: too deep", ""]


class NoWorktrees:
    def path(self, session: SessionId) -> None:
        """Nobody has one."""
