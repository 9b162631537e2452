"""Ending what this process works with: its git children, never a session."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import subprocess, time
from pathlib import Path
from swarmgit.adapters.processes.children import end_own

def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False

none = subprocess.DEVNULL  # what outlives its parent must not hold our output open
git = subprocess.Popen(["sleep", "60"], process_group=0, stdout=none, stderr=none)
stubborn = subprocess.Popen(
    ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.2; done"], stdout=subprocess.PIPE, stderr=none
)
filtered = subprocess.Popen(
    ["sh", "-c", "(trap '' TERM; while :; do sleep 0.2; done) & echo $!; wait"], process_group=0,
    stdout=subprocess.PIPE, stderr=none,
)
filter_pid = int(filtered.stdout.readline())
session = subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=none, stderr=none)
stubborn.stdout.readline()
end_own()
git.wait(10)
stubborn.wait(10)
filtered.wait(10)
until = time.monotonic() + 10
while is_alive(filter_pid) and time.monotonic() < until:
    time.sleep(0.05)
print("alive" if is_alive(filter_pid) else "dead")
print("alive" if session.poll() is None else "dead")
session.kill()
session.wait()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
def test_children_are_ended_with_their_groups_and_sessions_are_not() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["dead", "alive"]
