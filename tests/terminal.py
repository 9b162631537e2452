"""A person at a terminal: runs a command on a pseudo-terminal, and types back the code that it prints."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROMPT = re.compile(rb"type (\S+) to confirm: ")


def typed(
    cwd: Path, *args: str, answer: Callable[[str], str] = lambda code: code, timeout_s: float = 60
) -> tuple[int, str]:
    """Run swarmgit on a terminal and return its exit code and what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execv(sys.executable, [sys.executable, "-m", "swarmgit", *args])
    shown, is_answered, deadline = b"", False, time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        found = PROMPT.search(shown)
        if found and not is_answered:
            os.write(terminal, answer(found[1].decode()).encode() + b"\n")
            is_answered = True
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return code, shown.decode()
