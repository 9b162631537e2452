"""The command line called in this process: the same code, without a new interpreter each time."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any

from swarmgit.cli import cli
from swarmgit.cli.boundary import run


@dataclass(frozen=True)
class Called:
    returncode: int
    stdout: str
    stderr: str


def call(repo: Any, *args: str, check: bool = True) -> Called:
    """Run `swarmgit ARGS` in the repository's folder."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.chdir(repo.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(cli, list(args))
        out.flush()
    called = Called(code, out.buffer.getvalue().decode(), err.getvalue())
    assert not check or code == 0, called
    return called


def document(repo: Any, *args: str, code: int = 0) -> dict:
    """Return what `swarmgit ARGS --json` prints."""
    done = call(repo, *args, "--json", check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)
