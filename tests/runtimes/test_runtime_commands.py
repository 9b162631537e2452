"""`runtime list` and `runtime check`, as a person runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from real_programs import REAL, Real, use

from tests.conftest import Repo
from tests.model_server.script import Refuse, Run, Say, Write
from tests.model_server.server import ModelServer

CHECK = (
    Write("swarmgit-check.txt", "swarmgit\n"),
    Run("git status"),
    Write("note.txt", "noted\n"),
    Say("done"),
    Run("sleep 300"),
)
OURS = next(real for real in REAL if real.adapter == "anthropic")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def checked(repo: Repo, real: Real) -> tuple[int, dict[str, object]]:
    done = repo.swarmgit("runtime", "check", real.adapter, "--json", "--timeout", "60", check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}


def answers(document: dict[str, object]) -> dict[str, str]:
    findings = document["findings"]
    assert isinstance(findings, list)
    return {finding["what"]: finding["answer"] for finding in findings}


def test_the_list_names_every_adapter_and_what_is_missing(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    repo.start()
    rows = {row["name"]: row for row in json.loads(repo.swarmgit("runtime", "list", "--json").stdout)["runtimes"]}

    assert set(rows) >= {
        "command",
        "claude-code",
        "codex",
        "gemini",
        "opencode",
        "aider",
        "qwen",
        "copilot",
        "anthropic",
    }
    assert rows["command"]["missing"] == []
    assert "the program claude is not on PATH" in rows["claude-code"]["missing"]
    assert any("ANTHROPIC_API_KEY" in each for each in rows["anthropic"]["missing"])
    assert "MISSING" in repo.swarmgit("runtime", "list").stdout


@pytest.mark.slow
def test_a_check_does_a_real_task_and_says_what_works(
    repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(OURS, repo, server, monkeypatch, *CHECK)
    repo.start()
    before = repo.git("rev-parse", "HEAD")

    code, document = checked(repo, OURS)

    assert (code, document["works"], document["model"]) == (0, True, "sonnet")
    found = answers(document)
    assert [found[what] for what in ("edit", "usage", "price", "message", "resume", "stop")] == ["yes"] * 6
    assert repo.git("rev-parse", "HEAD") == before
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_a_check_that_fails_says_what_a_person_has_to_do(
    repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(OURS, repo, server, monkeypatch, Refuse(401))
    repo.start()

    code, document = checked(repo, OURS)

    assert (code, document["works"]) == (1, False)
    assert "ANTHROPIC_API_KEY" in str(document["reason"])


def test_a_program_that_is_not_here_is_not_checked_at_all(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    repo.start()
    done = repo.swarmgit("runtime", "check", "claude-code", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "claude-code is not here: no program claude on PATH" in done.stderr


def test_an_unknown_runtime_is_named_with_the_nearest(repo: Repo) -> None:
    repo.start()
    done = repo.swarmgit("runtime", "check", "claud-code", check=False)
    assert done.returncode == 1
    assert "did you mean 'claude-code'" in done.stderr


@pytest.mark.real_cli
@pytest.mark.timeout(240)
@pytest.mark.parametrize("real", REAL, ids=lambda real: real.adapter)
def test_a_check_works_with_every_real_program(
    real: Real, repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = (Write("swarmgit-check.txt", "swarmgit\n"),) if "no tools" in real.can else CHECK
    use(real, repo, server, monkeypatch, *turns)
    repo.start()

    code, document = checked(repo, real)

    assert code == 0, document
    assert answers(document)["edit"] == "yes"
