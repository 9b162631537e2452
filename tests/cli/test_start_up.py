"""What a command costs before it does anything: only what it needs is imported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from swarmgit.cli import COMMANDS, cli
from swarmgit.cli.version import VERSION

SHOW = """
import sys
from swarmgit.cli import main
code = main()
print(" ".join(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""
HEAVY = {"yaml", "jsonschema", "rich", "git", "watchdog", "asyncio", "importlib.metadata", "msgspec", "pathspec"}


def modules_after(*args: str, cwd: Path | None = None) -> set[str]:
    done = subprocess.run([sys.executable, "-c", SHOW, *args], cwd=cwd, capture_output=True, text=True, check=False)
    return set(done.stderr.splitlines()[-1].split())


def test_the_version_imports_nothing_but_click() -> None:
    found = modules_after("--version")
    assert not HEAVY & found
    own = {name for name in found if name.startswith("swarmgit.") and not name.startswith("swarmgit.cli")}
    words = {"swarmgit.documents", "swarmgit.documents.quoting", "swarmgit.model", "swarmgit.model.faults"}
    # the error boundary's own words are loaded first: where no descriptor is left, nothing can be imported any more
    assert own <= {"swarmgit.errors", *words}


def test_help_imports_no_command() -> None:
    own = {name for name in modules_after("--help") if name.startswith("swarmgit.")}
    assert not own & {f"swarmgit.cli.{where.split(':')[0]}" for where, _ in COMMANDS.values()}


def test_the_version_is_the_packages() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1] == VERSION


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_help(name: str) -> None:
    command = cli.get_command(None, name)
    assert command is not None
    assert command.help
