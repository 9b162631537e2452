"""Gemini CLI (`gemini -o stream-json`).

Facts about 0.61.0 that this stands on: with GOOGLE_GEMINI_BASE_URL in the environment it wants its way of logging in
from a settings file, so such a session gets a home of its own, as does one with hooks: those of a file that
GEMINI_CLI_SYSTEM_SETTINGS_PATH names are not run; without `yolo` it has no shell; conversations belong
to a folder, and worktrees change theirs, so none is gone on with; the input of `stats` includes what was cached;
asked to end it ends with 0 and without a result; it sits out rate limits for up to four minutes, and says so on
standard error alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from swarmgit.model.adapters import PROVIDER_HOSTS
from swarmgit.model.desired import Runtime
from swarmgit.model.events import Conversation, Event, FileAction, Limited, Result, Spent, Text, ToolUse
from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, fields
from swarmgit.runtimes.faults import fault, wait_in
from swarmgit.runtimes.reader import Dialect, DialectReader

SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False},
}
REMEDY = (
    "set GEMINI_API_KEY where swarmgit runs and name it in .swarm/policy.yaml, credentials: {gemini: [GEMINI_API_KEY]}"
)
_LIMITED = re.compile(r"failed with status 429\b")
_EDITS: Mapping[str, str] = {"write_file": "write", "replace": "edit"}


class Gemini:
    name = "gemini"
    capabilities = base.Capabilities(reports_usage=True, reports_commands=True, context_window=1_048_576)
    obeys = ("GEMINI.md", "AGENTS.md", ".gemini/", ".geminiignore", "gemini-extension.json")
    needs = base.Needs(
        programs=("gemini", "node", "bash"),
        credentials=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        home=(".gemini",),
        hosts=(*PROVIDER_HOSTS["google"], "cloudcode-pa.googleapis.com", "oauth2.googleapis.com"),
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one headless run."""
        model = placement.spec.model
        argv = [
            *(*base.program(runtime, "gemini"), "-o", "stream-json", "--approval-mode", "yolo", "--skip-trust"),
            *(("-m", model) if model else ()),
        ]
        env = base.session_env(runtime, placement, {"GEMINI_CLI_NO_RELAUNCH": "true"})
        files = {}
        wanted = (SETTINGS if "GOOGLE_GEMINI_BASE_URL" in env else {}) | _hooks(base.judge(placement))
        if wanted:
            home = base.kept(placement, "home")
            env["HOME"] = home
            files[f"{home}/.gemini/settings.json"] = json.dumps(wanted)
        return Command(base.shell(placement, argv, base.Around(files)), env)

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(
            Dialect(translate, has_last_word=True, remedy=REMEDY, speaks_for="account", errors=complaint)
        )


def complaint(line: str) -> Iterator[Event]:
    """Yield what a line of its standard error says: only there it tells that it sits out a limit."""
    if _LIMITED.search(line):
        yield Limited(wait_in(line))


def _hooks(judge: str | None) -> dict[str, Any]:
    """Return settings that have `judge` run before each shell command."""
    if judge is None:
        return {}
    hook = {"type": "command", "command": judge, "timeout": base.JUDGE_S_MAX * 1000}
    return {"hooks": {"BeforeTool": [{"matcher": "run_shell_command", "hooks": [hook]}]}}


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:
    """Return the events of one line."""
    match said.get("type"):
        case "init":
            return (Conversation(None, fields.name(said.get("model"))),)
        case "message":
            return (Text(fields.text(said.get("content"))),) if said.get("role") == "assistant" else ()
        case "tool_use":
            return tuple(_tool(fields.text(said.get("tool_name")), fields.table(said.get("parameters"))))
        case "tool_result":
            return ()
        case "error":
            return (Text(fields.text(said.get("message"))),)
        case "result":
            return tuple(_result(said))
        case _:
            return None


def _tool(tool: str, arguments: Mapping[str, Any]) -> Iterator[Event]:
    yield ToolUse(tool, fields.detail_of(arguments))
    file = fields.text(arguments.get("file_path"))
    if tool in _EDITS and file:
        yield FileAction(_EDITS[tool], file)


def _result(said: Mapping[str, Any]) -> Iterator[Event]:
    yield Spent(fields.with_cache_inside(fields.table(said.get("stats")), "input_tokens", "cached", "output_tokens"))
    if said.get("status") != "error":
        yield Result()
        return
    message = fields.text(fields.table(said.get("error")).get("message"))
    yield Result(message, fault(message, _code(message)))


def _code(message: str) -> int | None:
    """Return the status inside '[API Error: {"error":{"code":401,…}}]'."""
    try:
        inner = msgspec.json.decode(message[message.index("{") : message.rindex("}") + 1])
    except (ValueError, RecursionError):
        return None
    return fields.status(fields.table(fields.table(inner).get("error")).get("code"))
