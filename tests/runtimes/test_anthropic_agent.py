"""Our own agent in this process: its conversation with a scripted model, and what it does with its tools."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmgit.model.events import Fault
from swarmgit.runtimes import anthropic_agent
from swarmgit.runtimes.base import message_file
from tests.model_server.script import Drop, Overflow, Refuse, Run, Say, Turn, Write
from tests.model_server.server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


class Desk:
    """A session's folder and a worktree; `work` lets the agent do one prompt."""

    def __init__(self, root: Path, server: ModelServer, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.tree, self.server, self._patch = root / "s1", root / "tree", server, patch
        self.tree.mkdir()
        (self.folder / "inbox").mkdir(parents=True)

    def work(self, *turns: Turn, prompt: str = "do it", before: Path | None = None) -> Fault | None:
        self._patch.chdir(self.tree)
        self._patch.setenv("ANTHROPIC_BASE_URL", self.server.script("a", *turns))
        self._patch.setenv("ANTHROPIC_API_KEY", "dummy")
        self._patch.setenv("SWARM_SESSION", "s1")
        self._patch.setenv("SWARM_PROMPT_FILE", str(self.folder / "prompt.md"))
        return asyncio.run(anthropic_agent.run("claude-sonnet-5-5", before, prompt))


@pytest.fixture
def desk(tmp_path: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, server, monkeypatch)


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_it_writes_runs_and_tells(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.work(Write("a.txt", "a\n"), Run("cat a.txt > b.txt; env > env.txt"), Say("done")) is None

    assert ((desk.tree / "a.txt").read_text(), (desk.tree / "b.txt").read_text()) == ("a\n", "a\n")
    assert "ANTHROPIC" not in (desk.tree / "env.txt").read_text()
    lines = said(capsys)
    assert [line["type"] for line in lines].count("usage") == 3
    assert {"type": "action", "action": "write", "file": str(desk.tree / "a.txt")} in lines
    marks = [request.text.count('"cache_control"') for request in desk.server.seen("a")]
    assert marks == [2, 2, 2], "one mark on the system text, one on the last block"


def test_a_tool_that_fails_is_told_to_the_model_and_no_end(desk: Desk) -> None:
    assert desk.work(Run("exit 3"), Write("../outside.txt", "x"), Say("done")) is None

    assert not (desk.tree.parent / "outside.txt").exists()
    assert desk.server.seen("a")[-1].text.count('"is_error": true') == 2


def test_a_note_is_read_with_the_next_turn_and_keeps_it_from_ending(desk: Desk) -> None:
    name, content = message_file("n1", "please say hello too")
    (desk.folder / name).write_bytes(content)

    assert desk.work(Say("done"), Say("hello")) is None

    assert [request.text.count("please say hello too") for request in desk.server.seen("a")] == [0, 1]


def test_it_goes_on_with_a_conversation_that_was_cut_off_in_a_tool_call(desk: Desk, tmp_path: Path) -> None:
    assert desk.work(Write("a.txt", "a\n"), Refuse(401)) is not None
    kept = tmp_path / "before"
    (kept / "outbox").mkdir(parents=True)
    whole = json.loads((desk.folder / anthropic_agent.CONVERSATION).read_bytes())
    (kept / anthropic_agent.CONVERSATION).write_text(json.dumps(whole))

    assert desk.work(Say("done"), prompt="go on", before=kept) is None

    asked = desk.server.seen("a")[0].body["messages"]
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    assert "interrupted" in json.dumps(asked[-1])
    assert "go on" in json.dumps(asked[-1])
    missing = desk.work(Say("done"), before=tmp_path / "nowhere")
    assert missing is not None
    assert missing.kind == "conversation"


@pytest.mark.parametrize(
    ("turn", "kind"),
    [(Refuse(401), "auth"), (Refuse(404, "no such model"), "config"), (Refuse(400), "other"), (Overflow(), "context")],
)
def test_an_error_says_who_must_act(desk: Desk, turn: Turn, kind: str) -> None:
    found = desk.work(turn)
    assert found is not None
    assert found.kind == kind


@pytest.mark.slow
def test_a_stated_wait_is_passed_on_and_a_short_one_sat_out(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    found = desk.work(Refuse(429, "slow down", 3600))
    assert found == Fault("rate-limit", found.message if found else "", 429, 3600.0)

    assert desk.work(Refuse(429, "slow down", 0.01), Drop(), Refuse(529), Say("done")) is None
    assert {"type": "rate_limit", "wait_s": 0.01} in said(capsys)


def test_long_output_keeps_its_beginning_and_its_end() -> None:
    short = anthropic_agent.shortened("a" * 50_000 + "b" * 50_000)
    assert short.startswith("a")
    assert short.endswith("b")
    assert "40000 characters left out" in short
    assert anthropic_agent.stop_of("refusal") is not None
    assert anthropic_agent.stop_of("model_context_window_exceeded") is not None
    assert anthropic_agent.stop_of("end_turn") is None
