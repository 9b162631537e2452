"""Ending what this process works with: its git children, never a session."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import subprocess, time
from swarmgit.adapters.processes.children import end_own

git = subprocess.Popen(["sh", "-c", "sleep 60"], process_group=0)
stubborn = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 60; sleep 60"])
session = subprocess.Popen(["sleep", "60"], start_new_session=True)
time.sleep(0.3)
end_own()
git.wait(10)
stubborn.wait(10)
print("alive" if session.poll() is None else "dead")
session.kill()
session.wait()
"""


def test_children_are_ended_and_sessions_are_not() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "alive"
