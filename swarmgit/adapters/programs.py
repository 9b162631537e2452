"""Asking an installed program for its version."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping

ASK_S_MAX = 20.0
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*\w|\d+\.\d+")


def version_of(program: str, environ: Mapping[str, str]) -> str | None:
    """Return what `program --version` answers; None where it answers nothing that looks like a version."""
    try:
        done = subprocess.run(
            [program, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASK_S_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(f"{done.stdout.decode('utf-8', 'replace')} {done.stderr.decode('utf-8', 'replace')}")
    return found[0] if found else None
