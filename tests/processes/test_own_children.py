"""Ending what this process works with: its git children, never a session."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import subprocess
from swarmgit.adapters.processes.children import end_own

none = subprocess.DEVNULL  # what outlives its parent must not hold our output open
git = subprocess.Popen(["sleep", "60"], process_group=0, stdout=none, stderr=none)
stubborn = subprocess.Popen(
    ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.2; done"], stdout=subprocess.PIPE, stderr=none
)
session = subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=none, stderr=none)
stubborn.stdout.readline()
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
