"""Which real agent programs are here, and how each is pointed at the model server. Nothing of them leaves this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from swarmgit.model.usage import Usage
from tests.conftest import Repo
from tests.model_server.script import CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS
from tests.model_server.server import ModelServer

ELSEWHERE = "SWARMGIT_REAL_CLI"
"""Names folders with agent programs in them, beside PATH."""

FOLDERS = os.environ.get(ELSEWHERE)

NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody runs: what a program wants of the world outside fails at once."""


def no_files(home: Path, url: str) -> None:
    """Prepare nothing in the home folder."""


ALL = frozenset({"resume", "message"})


@dataclass(frozen=True)
class Real:
    """`env`: how the program finds the server and a key that opens nothing. `turn`: the tokens one answer costs."""

    adapter: str
    program: str
    model: str
    env: Callable[[str], Mapping[str, str]]
    turn: Usage
    key: str = ""
    prepare: Callable[[Path, str], None] = no_files
    retries: int = 12
    minutes: float = 0.2
    limit_s: float = 3600
    is_plain: bool = False
    can: frozenset[str] = ALL


ANTHROPIC_TURN = Usage(INPUT_TOKENS, OUTPUT_TOKENS, CACHE_READ_TOKENS, CACHE_WRITE_TOKENS)
OPENAI_TURN = Usage(INPUT_TOKENS, OUTPUT_TOKENS, CACHE_READ_TOKENS, 0)

REAL = (
    Real(
        "claude-code",
        "claude",
        "sonnet",
        lambda url: {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "dummy", "CLAUDE_CODE_MAX_RETRIES": "1"},
        ANTHROPIC_TURN,
        key="ANTHROPIC_API_KEY",
        can=ALL | {"live usage"},
    ),
    Real(
        "codex",
        "codex",
        "gpt-5.5",
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "dummy"},
        OPENAI_TURN,
        key="OPENAI_API_KEY",
        minutes=0.08,  # after ten seconds it would let the command go on by itself
    ),
    Real(
        "gemini",
        "gemini",
        "gemini-2.5-pro",
        lambda url: {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "dummy"},
        OPENAI_TURN,
        key="GEMINI_API_KEY",
        can=frozenset(),
    ),
    Real(
        "opencode",
        "opencode",
        "gpt-5.5",
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "dummy"},
        OPENAI_TURN,
        key="OPENAI_API_KEY",
        can=frozenset({"live usage", "shortens by itself"}),
    ),
    Real(
        "qwen",
        "qwen",
        "qwen3-coder-plus",
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "dummy"},
        OPENAI_TURN,
        key="OPENAI_API_KEY",
        can=frozenset({"live usage"}),
    ),
    Real(
        "copilot",
        "copilot",
        "claude-opus-5-5",
        lambda url: {
            "COPILOT_PROVIDER_TYPE": "anthropic",
            "COPILOT_PROVIDER_BASE_URL": url,
            "COPILOT_PROVIDER_API_KEY": "dummy",
        },
        ANTHROPIC_TURN,
        key="COPILOT_PROVIDER_API_KEY",
        can=frozenset({"resume"}),
    ),
    Real(
        "aider",
        "aider",
        "openai/gpt-5.5",
        lambda url: {"OPENAI_API_BASE": f"{url}/v1", "OPENAI_API_KEY": "dummy"},
        Usage(INPUT_TOKENS + CACHE_READ_TOKENS, OUTPUT_TOKENS, 0, 0),
        key="OPENAI_API_KEY",
        is_plain=True,
        can=frozenset({"no tools"}),
    ),
    Real(
        "anthropic",
        "python3",
        "sonnet",
        lambda url: {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "dummy"},
        ANTHROPIC_TURN,
        key="ANTHROPIC_API_KEY",
        can=ALL | {"live usage"},
        limit_s=11,  # it passes on what the provider states, and the governor keeps to it
    ),
)


def search_path() -> str:
    return os.pathsep.join(filter(None, (FOLDERS, os.environ.get("PATH", os.defpath))))


def use(real: Real, repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch, *turns: Any) -> str:
    """Make a real program the runtime of a repository's tasks, its model the given turns; skip where it is absent."""
    if shutil.which(real.program, path=search_path()) is None:
        pytest.skip(f"{real.program} is not installed (npm or pip, see .ci/run); {ELSEWHERE} names a folder with it")
    monkeypatch.setenv("PATH", search_path())
    url = server.script(real.adapter, *turns, is_plain=real.is_plain)
    real.prepare(Path(os.environ["HOME"]), url)
    env = {**real.env(url), "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost"}
    repo.policy["network"] = sorted({*repo.policy.get("network", ()), urlsplit(url).netloc})
    repo.swarm["runtimes"][real.adapter] = {"adapter": real.adapter, "env": env}
    repo.swarm["prices"] = {"qwen3-coder-plus": {"input": 1.0, "output": 5.0, "cache_read": 0.1}}
    repo.swarm["tiers"] = {
        name: {"runtime": real.adapter, "model": real.model} for name in ("frontier", "standard", "fast")
    }
    return url


def times(usage: Usage, count: int) -> Usage:
    """Return the tokens of so many turns, without a price."""
    return Usage(
        usage.input_tokens * count,
        usage.output_tokens * count,
        usage.cache_read_tokens * count,
        usage.cache_write_tokens * count,
    )
