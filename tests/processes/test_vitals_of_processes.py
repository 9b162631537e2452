"""What a session's processes use: what they share counts once."""

from __future__ import annotations

import sys
import time

import pytest
from msgspec.structs import replace
from session_desk import Desk, wait

from swarmgit.adapters.processes import vitals

MB = 1 << 20
SHARED = """
import os, time
held = bytearray(b"1") * (80 << 20)
children = [os.fork() for _ in range(4)]
print("held", flush=True)
time.sleep(30)
"""
ROLLUP = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells shares")


@ROLLUP
def test_memory_that_processes_share_counts_once(desk: Desk) -> None:
    session = desk.python("shares", SHARED)
    wait(lambda: "held" in desk.text(session, "stdout.jsonl"))
    wait(lambda: len(desk.processes(session)) >= 16, timeout_s=5.0)
    memory, _ = desk.executor.measure(session)
    desk.stop(session, grace_s=0.2)
    assert 70 * MB < memory < 250 * MB, "sixteen processes with eighty megabytes each in sight"


@ROLLUP
def test_memory_of_its_own_counts_for_each_process(desk: Desk) -> None:
    own = "import os, time\nos.fork()\nheld = bytearray(b'1') * (60 << 20)\nprint('held', flush=True)\ntime.sleep(30)"
    session = desk.python("own", own)
    wait(lambda: desk.text(session, "stdout.jsonl").count("held") == 2)
    memory, _ = desk.executor.measure(session)
    desk.stop(session, grace_s=0.2)
    assert 115 * MB < memory < 200 * MB


def test_a_look_at_many_processes_is_cheap(desk: Desk) -> None:
    session = desk.python("many", SHARED)
    wait(lambda: len(desk.processes(session)) >= 16)
    processes = desk.processes(session)
    begun = time.perf_counter()
    vitals.memory_and_cpu(processes)
    seconds = time.perf_counter() - begun
    desk.stop(session, grace_s=0.2)
    assert seconds < 1.0


def test_a_process_that_is_gone_uses_nothing(desk: Desk) -> None:
    session = desk.sh("short", "sleep 30")
    wait(lambda: len(desk.processes(session)) > 0)
    gone = [replace(process, pid=2**22 + 1) for process in desk.processes(session)]
    desk.stop(session, grace_s=0.2)
    assert vitals.memory_and_cpu(gone) == (0, 0.0)
