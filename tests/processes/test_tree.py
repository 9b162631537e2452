"""However a program tries to stay, it ends when its session does; and nothing else is ever signalled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from session_desk import Desk, wait

from swarmgit.adapters.processes import identity, tree
from swarmgit.adapters.processes.identity import Identity, parse_claim
from swarmgit.errors import TryLater
from swarmgit.model.endings import Stop

HERE = Path(__file__).parent
IGNORES_TERM = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
DOUBLE_FORK = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        time.sleep(60)
    os._exit(0)
os.wait()
print('up', flush=True)
"""
FORKER = """
import os, time
print('up', flush=True)
end = time.monotonic() + 20  # whatever becomes of the test that started it
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(0.001)
"""
MANY_FORKS = """
import os, signal, time
signal.signal(15, signal.SIG_IGN)
print('up', flush=True)
for _ in range(40):
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    time.sleep(0.002)
time.sleep(60)
"""


def test_a_polite_program_ends_by_term_and_is_cancelled(desk: Desk) -> None:
    session = desk.python(
        "polite",
        "import signal, sys, time\n"
        "signal.signal(15, lambda *_: (print('bye', flush=True), sys.exit(9)))\n"
        "print('up', flush=True)\ntime.sleep(60)",
    )
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")

    job = desk.stop(session)

    assert (job.state, job.exit_code, job.stop) == ("cancelled", 9, Stop("a person asked"))
    assert desk.text(session, "stdout.jsonl") == "up\nbye\n"


def test_a_program_that_ends_well_although_asked_to_stop_has_succeeded(desk: Desk) -> None:
    session = desk.python(
        "wellended",
        "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(0))\nprint('up', flush=True)\ntime.sleep(60)",
    )
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")

    job = desk.stop(session)

    assert (job.state, job.stop) == ("succeeded", Stop("a person asked"))


def test_who_asks_on_and_on_does_not_end_the_recording_of_the_end(desk: Desk) -> None:
    """What records the end is a process of the session too, and was once asked to end like all the rest."""
    for count in range(12):
        session = desk.sh(f"asked{count}", "trap 'exit 0' TERM; echo up; sleep 60 & wait")
        wait(lambda session=session: desk.text(session, "stdout.jsonl") == "up\n")
        deadline = time.monotonic() + 10
        while desk.job(session).state in {"queued", "running"} and time.monotonic() < deadline:
            desk.executor.cancel(session, Stop("a person asked"), grace_s=10)

        assert desk.job(session).exit_code == 0


def test_a_program_that_ignores_term_is_killed_after_the_grace(desk: Desk) -> None:
    session = desk.python("deaf", IGNORES_TERM)
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")
    start = time.monotonic()

    job = desk.stop(session, grace_s=0.3)

    assert (job.state, job.exit_code) == ("cancelled", 137)
    assert time.monotonic() - start >= 0.3


def test_a_stopped_program_ends(desk: Desk) -> None:
    session = desk.python("frozen", "import os, signal; print('up', flush=True); os.kill(os.getpid(), signal.SIGSTOP)")
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")

    assert desk.stop(session).exit_code == 143


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("setsid", "setsid sleep 60 & sleep 60"),
        ("tools", "setsid sh -c 'trap \"\" TERM; sleep 60; sleep 60' & wait; exit 3"),
    ],
)
def test_tools_in_sessions_of_their_own_end_too(desk: Desk, name: str, script: str) -> None:
    session = desk.sh(name, script)
    wait(lambda: len(desk.processes(session)) >= 3)

    assert desk.stop(session, grace_s=0.2).state == "cancelled"


def test_a_daemon_that_outlives_its_program_is_reaped(desk: Desk) -> None:
    session = desk.python("daemon", DOUBLE_FORK)
    assert desk.until(session, "succeeded").exit_code == 0
    wait(lambda: len(desk.processes(session)) == 1)

    desk.executor.reap(session)

    assert desk.processes(session) == []


def test_a_child_left_in_the_group_dies_with_its_program_even_without_the_marker(desk: Desk) -> None:
    session = desk.sh("left", "env -i /bin/sleep 60 > /dev/null 2>&1 & echo $!")
    desk.until(session, "succeeded")

    child = int(desk.text(session, "stdout.jsonl"))

    wait(lambda: identity.start_of(child) is None)


def test_a_daemon_that_drops_its_environment_is_found_by_its_output(desk: Desk) -> None:
    session = desk.sh("bare", "setsid env -i /bin/sleep 60 & sleep 0.2")
    desk.until(session, "succeeded")
    wait(lambda: len(desk.processes(session)) == 1)

    desk.executor.reap(session)

    assert desk.processes(session) == []


@pytest.mark.parametrize("script", [FORKER, MANY_FORKS], ids=["hops", "many"])
def test_programs_that_fork_quickly_end(desk: Desk, script: str) -> None:
    session = desk.python("forks", script)
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")
    time.sleep(0.05)

    if desk.job(session).state == "running":
        desk.stop(session, grace_s=0)
    desk.executor.reap(session)

    assert desk.processes(session) == []


def test_a_session_is_cancelled_during_setup_before_its_program(desk: Desk) -> None:
    session = desk.sh("slowsetup", "echo ran", setup=("echo up; sleep 60",))
    wait(lambda: desk.text(session, "setup.log") == "up\n")

    job = desk.stop(session)

    assert (job.state, job.setup_failed) == ("cancelled", False)
    assert desk.text(session, "stdout.jsonl") == ""


def test_a_stop_that_a_setup_command_survives_still_keeps_the_program_from_running(desk: Desk) -> None:
    session = desk.sh("between", "echo ran", setup=("trap '' TERM; echo up; sleep 0.5",))
    wait(lambda: desk.text(session, "setup.log") == "up\n")

    assert desk.stop(session).state == "cancelled"
    assert desk.text(session, "stdout.jsonl") == ""


def test_a_session_that_was_never_spawned_can_be_cancelled_and_then_never_runs(desk: Desk) -> None:
    spec = desk.spec("early", "/bin/echo", "ran")
    desk.executor._make(spec.spec, {})

    job = desk.stop(desk.name("early"))
    desk.executor.start(spec)

    assert (job.state, job.exit_code) == ("cancelled", None)
    assert desk.text(desk.name("early"), "stdout.jsonl") == ""


def test_a_stop_goes_on_after_the_reconciler_has_changed(desk: Desk) -> None:
    session = desk.python("handed", IGNORES_TERM)
    wait(lambda: desk.text(session, "stdout.jsonl") == "up\n")
    desk.executor.cancel(session, Stop("the first reconciler's reason"), 0.2)
    assert desk.job(session).state == "running"

    job = desk.adopted().stop(session, grace_s=0.2)

    assert (job.state, job.stop) == ("cancelled", Stop("the first reconciler's reason"))
    stop = json.loads(desk.text(session, "stop.json"))
    assert (stop["version"], stop["reason"]) == (1, "the first reconciler's reason")


def test_cancelling_what_is_over_changes_nothing(desk: Desk) -> None:
    session = desk.sh("over", "exit 4")
    before = desk.until(session, "failed")

    desk.executor.cancel(session, Stop("late"), 0)

    assert desk.adopted().job(session) == before


def test_reaping_what_runs_is_refused(desk: Desk) -> None:
    session = desk.sh("running", "sleep 60")

    with pytest.raises(TryLater, match="still runs"):
        desk.executor.reap(session)

    assert desk.stop(session).state == "cancelled"


def test_a_session_whose_wrapper_was_killed_is_lost_and_its_program_is_reaped(desk: Desk) -> None:
    session = desk.sh("beheaded", "sleep 60")
    wait(lambda: len(desk.processes(session)) >= 2)
    wrapper = desk.job(session).pid
    assert wrapper is not None

    os.kill(wrapper, signal.SIGKILL)
    job = desk.until(session, "lost")
    desk.executor.reap(session)

    assert (job.exit_code, job.pid, desk.processes(session)) == (None, wrapper, [])


def test_everything_killed_at_once_is_lost(desk: Desk) -> None:
    session = desk.sh("wiped", "sleep 60")
    wait(lambda: desk.job(session).pid is not None)

    tree.kill(desk.executor._jobs.tree(session))

    assert desk.until(session, "lost").exit_code is None
    assert desk.adopted().job(session).state == "lost"


def test_an_empty_claim_is_lost_once_it_is_old_and_nothing_lives(desk: Desk) -> None:
    spec = desk.spec("empty", "/bin/true")
    desk.executor._make(spec.spec, {})
    pid = desk.executor.folder(desk.name("empty")) / "pid"
    pid.touch()
    assert desk.job(desk.name("empty")).state == "running"

    os.utime(pid, (1, 1))

    assert desk.job(desk.name("empty")).state == "lost"


@pytest.mark.parametrize("changed", ["start", "boot"])
def test_a_pid_that_is_another_process_now_is_lost_and_never_signalled(desk: Desk, changed: str) -> None:
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        start, boot = identity.start_of(bystander.pid), identity.boot_id()
        assert start is not None
        start, boot = ("1", boot) if changed == "start" else (start, "another-boot")
        spec = desk.spec("reused", "/bin/true")
        desk.executor._make(spec.spec, {})
        stat = f"{bystander.pid} (sh) S " + "0 " * 18 + start
        desk.executor.write(desk.name("reused"), "pid", f"{bystander.pid}\n{stat}\n{boot}\n".encode())

        assert desk.job(desk.name("reused")).state == "lost"
        desk.executor.cancel(desk.name("reused"), Stop("no"), 0)
        desk.executor.reap(desk.name("reused"))
        tree.kill_group(Identity(bystander.pid, start, boot))
        tree.kill(tree.Tree(desk.name("reused"), "/nowhere", Identity(bystander.pid, start, boot)))

        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_signal_reaches_only_the_process_that_was_seen() -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        seen = tree.table_by_proc()[bystander.pid]
        other = tree.Process(seen.pid, seen.parent, seen.group, seen.leader, "1", is_dead=False)

        assert tree.send(other, signal.SIGKILL) is False
        assert bystander.poll() is None
        assert tree.send(seen, signal.SIGKILL) is True
    finally:
        bystander.kill()
        bystander.wait()
    assert tree.send(seen, signal.SIGKILL) is False


def test_the_marker_of_another_session_is_not_ours(desk: Desk) -> None:
    one, two = desk.sh("a", "sleep 60"), desk.sh("a1", "sleep 60")
    wait(
        lambda: (
            all(len(desk.processes(session)) == 3 for session in (one, two))
            or all(len(desk.processes(s)) >= 2 for s in (one, two))
        )
    )

    desk.stop(one, grace_s=0)

    assert desk.job(two).state == "running"
    desk.stop(two, grace_s=0)


def test_a_claim_is_whole_or_nothing() -> None:
    boot = identity.boot_id()
    stat = "41 (s) h) S " + "7 " * 18 + "99 0 0"

    assert parse_claim(f"41\n{stat}\n{boot}\n") == Identity(41, "99", boot)
    assert parse_claim(f"41\nSun Nov  2 08:47:06 2026\n{boot}\n") == Identity(41, "Sun Nov 2 08:47:06 2026", boot)
    for broken in (
        "",
        "41\n",
        f"41\n{stat}\n{boot}",
        f"1\n{stat}\n{boot}\n",
        f"x\n{stat}\n{boot}\n",
        f"41\n(sh) S 1\n{boot}\n",
        "0\n-\n-\n",
    ):
        assert parse_claim(broken) is None, broken


def test_ps_tells_the_same_as_proc() -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        by_ps, by_proc = tree.table_by_ps()[child.pid], tree.table_by_proc()[child.pid]

        assert (by_ps.parent, by_ps.group, by_ps.is_dead) == (by_proc.parent, by_proc.group, by_proc.is_dead)
        assert identity.start_by_ps(child.pid) == by_ps.start
    finally:
        child.kill()
        child.wait()
    assert identity.start_by_ps(child.pid) is None


ORPHANER = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{here!r}, {tests!r}]
from session_desk import start_spec
from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes import LocalExecutor
executor = LocalExecutor(Path({live!r}), SystemClock())
executor.start(start_spec({session!r}, "/bin/sh", "-c", "echo up; sleep 0.5; echo done; exit 5", cwd=Path({cwd!r})))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_session_survives_the_reconcilers_death_and_is_adopted(desk: Desk) -> None:
    session = desk.name("orphan")
    script = ORPHANER.format(
        here=str(HERE), tests=str(HERE.parent), live=str(desk.live), session=session, cwd=str(desk.cwd)
    )
    dead = subprocess.run([sys.executable, "-c", script], check=False, timeout=30)
    assert dead.returncode == -signal.SIGKILL
    wait(lambda: desk.text(session, "stdout.jsonl") != "")
    assert desk.job(session).state == "running"

    job = desk.until(session, "failed", "lost")

    assert (job.state, job.exit_code) == ("failed", 5)
    assert desk.text(session, "stdout.jsonl") == "up\ndone\n"
