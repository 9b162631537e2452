"""A session's output reaches its record by a way that it can only write into, bounded, and its end is known."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from session_desk import Desk, wait

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes import LocalExecutor, identity
from swarmgit.errors import PersonMustAct, TryLater
from swarmgit.model.health import Excess
from swarmgit.model.ids import SessionId

LIMIT = 1 << 20
PRIVATE_KB_MAX = 1024


def bounded(desk: Desk, name: str, script: str, setup: tuple[str, ...] = ()) -> SessionId:
    """Start a session whose streams may each take a MiB."""
    spec = desk.spec(name, "/bin/sh", "-c", script, setup=setup)
    desk.executor.start(replace(spec, spec=replace(spec.spec, output_bytes_max=LIMIT)))
    return desk.name(name)


def writers(desk: Desk, session: SessionId) -> list[int]:
    wait(lambda: len(desk.text(session, "writers").split()) >= 2)
    return [int(pid) for pid in desk.text(session, "writers").split()]


def size(desk: Desk, session: SessionId, name: str) -> int:
    log = desk.executor.folder(session) / name
    return log.stat().st_size if log.exists() else 0


def test_output_cannot_be_read_back_by_its_mode(desk: Desk) -> None:
    session = desk.sh("mode", "echo words; sleep 30")
    wait(lambda: desk.text(session, "stdout.jsonl") == "words\n")

    modes = [(desk.executor.folder(session) / f"{name}.pipe").stat().st_mode for name in ("stdout", "stderr", "setup")]

    assert {(stat.S_ISFIFO(mode), stat.S_IMODE(mode)) for mode in modes} == {(True, 0o200)}
    desk.stop(session, grace_s=0)


@pytest.mark.parametrize("stream", [1, 2])
@pytest.mark.parametrize(
    "how", [">/dev/std{name}", ">>/dev/std{name}", ">/proc/self/fd/{stream}", ">/dev/fd/{stream}", ">&{stream}"]
)
def test_scripts_write_to_their_streams_by_name(desk: Desk, stream: int, how: str) -> None:
    name = {1: "out", 2: "err"}[stream]
    session = desk.sh("names", f"echo one; echo two >&2; echo words {how.format(name=name, stream=stream)}; echo end")

    desk.until(session, "succeeded")

    log = {1: "stdout.jsonl", 2: "stderr.log"}[stream]
    assert "words\n" in desk.text(session, log)
    assert desk.text(session, "stdout.jsonl").endswith("end\n")


def test_what_is_said_last_is_written_before_the_end_is_known(desk: Desk) -> None:
    for number in range(5):
        session = desk.sh(f"last{number}", "head -c 300000 /dev/zero; echo last; echo words >&2")

        desk.until(session, "succeeded")

        assert size(desk, session, "stdout.jsonl") == 300_005
        assert desk.text(session, "stderr.log") == "words\n"


@pytest.mark.parametrize("stream", [1, 2])
def test_a_stream_ends_at_its_limit_and_the_session_says_so(desk: Desk, stream: int) -> None:
    session = bounded(desk, "flood", f"yes >&{stream}")

    job = desk.until(session, "failed")

    assert job.excess == Excess("output", LIMIT, LIMIT)
    assert not job.is_unheard
    assert size(desk, session, {1: "stdout.jsonl", 2: "stderr.log"}[stream]) == LIMIT
    assert desk.adopted().job(session).excess == job.excess


def test_a_stream_ends_at_its_limit_also_where_the_program_does_not_notice(desk: Desk) -> None:
    session = bounded(desk, "deaf", "trap '' PIPE; head -c 3000000 /dev/zero; echo up > up; sleep 30; exit 0")
    wait((desk.cwd / "up").exists)

    wait(lambda: desk.job(session).excess is not None)

    assert desk.job(session).state == "running"
    assert desk.stop(session, grace_s=0).excess == Excess("output", LIMIT, LIMIT)
    assert size(desk, session, "stdout.jsonl") == LIMIT


def test_set_up_has_the_same_limit(desk: Desk) -> None:
    session = bounded(desk, "setup", "echo ran", setup=("yes",))

    job = desk.until(session, "failed")

    assert (job.setup_failed, job.excess) == (True, Excess("output", LIMIT, LIMIT))
    assert size(desk, session, "setup.log") == LIMIT


def test_set_up_that_goes_on_or_waits_for_its_writer_is_known_by_its_excess_at_work(desk: Desk) -> None:
    """A pipe that nobody reads any more holds who opens it by its name: it does not end by itself."""
    again = "trap '' PIPE; head -c 3000000 /dev/zero; echo up > up; : > /proc/self/fd/1; echo passed > passed; sleep 30"
    session = bounded(desk, "waits", "echo ran", setup=(again,))
    wait((desk.cwd / "up").exists)

    wait(lambda: desk.job(session).excess is not None)

    assert desk.job(session).state == "running"
    assert not desk.job(session).is_unheard
    assert desk.stop(session, grace_s=0).excess == Excess("output", LIMIT, LIMIT)
    assert not (desk.cwd / "passed").exists()
    assert desk.text(session, "stdout.jsonl") == ""


def test_set_up_within_its_limit_is_no_excess_while_it_runs_and_afterwards(desk: Desk) -> None:
    session = bounded(desk, "within", "echo ran; sleep 30", setup=(f"head -c {LIMIT - 512} /dev/zero; echo up > up",))
    wait(lambda: desk.text(session, "stdout.jsonl") == "ran\n")

    job = desk.job(session)

    assert (job.state, job.excess, job.is_unheard) == ("running", None, False)
    desk.stop(session, grace_s=0)


def test_less_than_the_limit_is_no_excess(desk: Desk) -> None:
    session = bounded(desk, "below", f"head -c {LIMIT - 512} /dev/zero")

    job = desk.until(session, "succeeded")

    assert (job.excess, size(desk, session, "stdout.jsonl")) == (None, LIMIT - 512)


@pytest.mark.parametrize("which", [0, 1])
def test_a_session_whose_writer_is_killed_is_unheard_and_what_was_written_stays(desk: Desk, which: int) -> None:
    session = desk.sh("killed", "echo before; echo before >&2; sleep 30")
    wait(lambda: (desk.text(session, "stdout.jsonl"), desk.text(session, "stderr.log")) == ("before\n", "before\n"))

    os.kill(writers(desk, session)[which], signal.SIGKILL)

    wait(lambda: desk.job(session).is_unheard)
    assert desk.job(session).state == "running"
    job = desk.stop(session, grace_s=0)
    assert (job.is_unheard, job.excess) == (True, None)
    assert desk.adopted().job(session).is_unheard
    assert desk.text(session, "stdout.jsonl") == desk.text(session, "stderr.log") == "before\n"


def test_a_program_that_ends_well_unheard_is_known_as_unheard(desk: Desk) -> None:
    session = desk.sh("quiet", "trap '' PIPE; echo up; while ! [ -e go ]; do sleep 0.05; done; echo lost; exit 0")
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")
    os.kill(writers(desk, session)[0], signal.SIGKILL)
    (desk.cwd / "go").touch()

    job = desk.until(session, "succeeded")

    assert (job.exit_code, job.is_unheard) == (0, True)


def test_a_session_at_work_is_never_unheard(desk: Desk) -> None:
    session = desk.sh(
        "heard", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo $i; done", ("true",)
    )
    seen = set()

    def is_over() -> bool:
        job = desk.job(session)
        seen.add(job.is_unheard)
        return job.state == "succeeded"

    wait(is_over)

    assert seen == {False}


def test_signals_to_the_whole_group_leave_the_writers(desk: Desk) -> None:
    session = desk.sh("group", "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done")
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")
    pid = desk.job(session).pid
    assert pid is not None

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
        os.killpg(pid, number)

    job = desk.until(session, "failed")
    assert not job.is_unheard
    assert size(desk, session, "stdout.jsonl") >= 3


def test_the_last_words_of_a_session_that_is_killed_are_written(desk: Desk) -> None:
    session = desk.sh("words", "trap '' TERM; head -c 200000 /dev/zero; echo; sleep 60")
    wait(lambda: size(desk, session, "stdout.jsonl") > 0)

    job = desk.stop(session, grace_s=0)

    assert job.state == "cancelled"
    assert not job.is_unheard


@pytest.mark.parametrize("leave", ["sleep 60 &", "setsid sleep 60 &", "setsid sh -c 'trap \"\" TERM; sleep 60' &"])
def test_a_program_left_behind_holds_up_the_end_for_a_bounded_time_and_is_ended(desk: Desk, leave: str) -> None:
    session = desk.sh("left", f"echo words; {leave}")

    job = desk.until(session, "succeeded")
    desk.executor.reap(session)

    assert (job.exit_code, job.is_unheard) == (0, False)
    assert desk.text(session, "stdout.jsonl") == "words\n"
    assert desk.processes(session) == []


def test_no_writer_outlives_its_session(desk: Desk) -> None:
    session = desk.sh("gone", "echo words; sleep 0.2")
    pids = writers(desk, session)

    desk.until(session, "succeeded")

    wait(lambda: not any(identity.start_of(pid) for pid in pids))


def test_a_wrapper_that_is_killed_loses_the_session_and_takes_the_writers_along(desk: Desk) -> None:
    session = desk.sh("wrapper", "echo words; sleep 60")
    wait(lambda: desk.text(session, "stdout.jsonl") == "words\n")
    pids = writers(desk, session)
    wrapper = desk.job(session).pid
    assert wrapper is not None

    os.kill(wrapper, signal.SIGKILL)
    desk.until(session, "lost")
    desk.executor.reap(session)

    assert not any(identity.start_of(pid) for pid in pids)
    assert desk.text(session, "stdout.jsonl") == "words\n"


def test_a_program_that_ends_before_a_writer_has_done_anything_is_heard(desk: Desk) -> None:
    folder = desk.executor.folder(desk.name("short"))

    def hold_a_writer(step: str) -> None:
        if step == "executor.spawn":
            os.mkfifo(folder / "stderr.log")  # it waits here until somebody reads

    held = LocalExecutor(desk.live, SystemClock(), hold_a_writer)
    held.start(desk.spec("short", "/bin/true"))
    wait((folder / "ended").exists)
    time.sleep(0.1)  # the wrapper ends what is left of the program now
    reader = os.open(folder / "stderr.log", os.O_RDONLY | os.O_NONBLOCK)
    job = desk.until(desk.name("short"), "succeeded")
    os.close(reader)

    assert not job.is_unheard


def test_the_next_reconciler_hears_what_the_last_one_started(desk: Desk) -> None:
    session = desk.sh("adopt", "echo one; while ! [ -e go ]; do sleep 0.05; done; echo two")
    wait(lambda: desk.text(session, "stdout.jsonl") == "one\n")
    next_one = desk.adopted()
    assert not next_one.job(session).is_unheard
    (desk.cwd / "go").touch()

    next_one.until(session, "succeeded")

    assert next_one.text(session, "stdout.jsonl") == "one\ntwo\n"


def test_both_writers_of_a_session_take_little_memory(desk: Desk) -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("this system does not say")
    session = desk.sh("small", "head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2; echo up > up; sleep 30")
    wait((desk.cwd / "up").exists, timeout_s=60)

    private_kb = sum(
        int(line.split()[1])
        for pid in writers(desk, session)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Private_")
    )

    assert private_kb < PRIVATE_KB_MAX
    desk.stop(session, grace_s=0)


def test_a_place_that_holds_no_pipe_is_a_persons_matter(desk: Desk) -> None:
    spec = desk.spec("full", "/bin/true")
    desk.executor._make(spec.spec, {})
    folder = desk.executor.folder(desk.name("full"))
    (folder / "stdout.pipe").mkdir()

    with pytest.raises((PersonMustAct, TryLater)):
        desk.executor.start(spec)


def test_descriptors_of_one_session_do_not_reach_another(desk: Desk) -> None:
    sessions = [desk.sh(f"many{number}", "ls /proc/self/fd | wc -l; sleep 0.3") for number in range(8)]

    for session in sessions:
        desk.until(session, "succeeded")
        assert desk.text(session, "stdout.jsonl").split() == ["4"]
