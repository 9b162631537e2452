"""Where no wall keeps a session from its own folder, whatever it writes there is its own matter."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from session_desk import STARTED, Desk, session_spec

from swarmgit.documents import paths
from swarmgit.model.endings import Stop, StopKind
from swarmgit.model.sessions import Session
from swarmgit.observe.vigils import VigilKeeper
from swarmgit.observe.vitals import VitalsWatcher
from tests.worlds import world_of

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
DEEP = b'{"x":' * 900 + b"1" + b"}" * 900
FORGED = {
    "deep": DEEP,
    "a day without a zone": b'{"at":"2026-01-01T00:00:00","awake_s":1,"sign":null,"heard":"2026-01-01T00:00:00",'
    b'"memory_mb":1,"cpu_s":1}',
    "the last day": b'{"at":"9999-12-31T23:59:59Z","awake_s":1,"sign":null,"heard":"9999-12-31T23:59:59Z",'
    b'"memory_mb":1,"cpu_s":1}',
    "numbers beyond all": b'{"at":"2026-01-01T00:00:00Z","awake_s":1e300,"sign":null,"heard":"2026-01-01T00:00:00Z",'
    b'"waited_s":-1e300,"memory_mb":1e308,"cpu_s":-1e308}',
    "nothing": b"",
    "no text": b"\xff\x00",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_forged_figures_of_a_session_are_none(desk: Desk, forged: bytes) -> None:
    id_ = desk.sh("forger", "sleep 60")
    spec = desk.job(id_).spec
    session = Session.of(spec, "running", last_output=NOW)
    for name in (paths.VITALS_FILE, paths.VIGIL_FILE):
        desk.executor.write(id_, name, forged)

    kept = VigilKeeper(desk.executor, lambda: 5.0).kept([session], NOW, timedelta(minutes=5))
    seen = VitalsWatcher(world_of(executor=desk.executor)).measured(kept.values(), NOW, timedelta(minutes=5))

    assert seen[id_].vigil is not None
    assert seen[id_].vitals is None
    assert seen[id_].deadline > STARTED
    desk.executor.cancel(id_, Stop("the test is over"), 0.0)


@pytest.mark.parametrize("at", [-(2**40), 2**38, 10**12])
def test_a_files_time_beyond_the_calendar_stops_nobodys_look(desk: Desk, at: int) -> None:
    id_ = desk.sh("traveller", "sleep 60")
    desk.job(id_)
    folder = desk.executor.folder(id_)
    try:
        os.utime(folder / "stdout.jsonl", (at, at))
    except (OSError, OverflowError):
        pytest.skip("this file system keeps no such time")

    job = desk.executor.poll()[id_]

    assert job.last_output is not None
    assert 1970 <= job.last_output.year <= 2200
    desk.executor.cancel(id_, Stop("the test is over"), 0.0)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x", "[]"])
def test_a_request_to_end_at_an_impossible_time_is_one_all_the_same(desk: Desk, at: str) -> None:
    id_ = desk.sh("forger", "sleep 60")
    desk.job(id_)
    desk.executor.write(id_, "stop.json", f'{{"version": 1, "reason": "r", "at": "{at}"}}'.encode())

    assert desk.executor.poll()[id_].stop == Stop("r")
    desk.executor.cancel(id_, Stop("the test is over"), 0.0)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("time limit of 60 minutes", "time-limit"),
        ("watchdog: handoff: it loops", "watchdog-handoff"),
        ("the task was cancelled", "unwanted"),
    ],
)
@pytest.mark.parametrize("said", ["", ', "kind": "no such kind"', ', "kind": ["budget"]'])
def test_a_request_to_end_without_a_kind_means_what_its_sentence_says(
    desk: Desk, reason: str, kind: StopKind, said: str
) -> None:
    id_ = desk.name("upgraded")
    desk.executor.refuse(session_spec(id_), "never run")
    desk.executor.write(id_, "stop.json", f'{{"version": 1, "reason": "{reason}"{said}}}'.encode())

    assert desk.executor.poll()[id_].stop == Stop(reason, kind)
