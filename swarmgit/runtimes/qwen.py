"""Qwen Code (`qwen -o stream-json`), whose lines are those of Claude Code with other usage.

Facts about 0.24.4 that this stands on: its input tokens include what was cached; conversations belong to a folder, so
none is gone on with; limits of its own end it without a result; rate limits it sits out by itself, for hours if need
be; what it tells its makers is switched off by a settings file only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from swarmgit.model.desired import Runtime
from swarmgit.model.events import Context, Conversation, Event, FileAction, Limited, Result, Spent, ToolUse
from swarmgit.model.runtimes import Command
from swarmgit.model.usage import Usage
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, claude_code, fields
from swarmgit.runtimes.faults import fault
from swarmgit.runtimes.reader import Dialect, DialectReader

SETTINGS = {"privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}
REMEDY = (
    "set OPENAI_API_KEY (and OPENAI_BASE_URL) where swarmgit runs and name it in .swarm/policy.yaml, "
    "credentials: {qwen: [OPENAI_API_KEY]}"
)
_EDITS: Mapping[str, str] = {"write_file": "write", "edit": "edit"}


class Qwen:
    name = "qwen"
    capabilities = base.Capabilities(reports_usage=True, reports_commands=True, context_window=131_072)
    obeys = ("QWEN.md", "AGENTS.md", ".qwen/", ".qwenignore", "qwen-extension.json")
    needs = base.Needs(
        programs=("qwen", "node", "bash"),
        credentials=("OPENAI_API_KEY", "DASHSCOPE_API_KEY"),
        home=(".qwen",),
        hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one headless run."""
        spec = placement.spec
        settings = base.kept(placement, "qwen.json")
        more = {"QWEN_CODE_SYSTEM_SETTINGS_PATH": settings, "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"}
        if spec.model:
            more["OPENAI_MODEL"] = spec.model
        env = base.session_env(runtime, placement, more)
        argv = [
            *(*base.program(runtime, "qwen"), "-o", "stream-json", "--approval-mode", "yolo"),
            *(("--auth-type", "openai") if "OPENAI_API_KEY" in env else ()),
        ]
        around = base.Around({settings: json.dumps({**SETTINGS, **_hooks(base.judge(placement))})})
        return Command(base.shell(placement, argv, around), env)

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(Dialect(translate, has_last_word=True, remedy=REMEDY, speaks_for="account"))


def _hooks(judge: str | None) -> dict[str, Any]:
    if judge is None:
        return {}
    hook = {"type": "command", "command": judge, "timeout": base.JUDGE_S_MAX}
    return {"hooks": {"PreToolUse": [{"matcher": "^run_shell_command$", "hooks": [hook]}]}}


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:
    """Return the events of one line."""
    match said.get("type"):
        case "system":
            return tuple(_system(said))
        case "assistant":
            return tuple(_assistant(fields.table(said.get("message"))))
        case "user" | "stream_event" | "control_response":
            return ()
        case "result":
            return tuple(_result(said))
        case _:
            return None


def _system(said: Mapping[str, Any]) -> Iterator[Event]:
    if said.get("subtype") == "init":
        yield Conversation(None, fields.name(said.get("model")))
    elif said.get("subtype") == "retry" and any("rate" in word.lower() for word in fields.leaves(said.get("data"))):
        yield Limited()


def _assistant(message: Mapping[str, Any]) -> Iterator[Event]:
    for event in claude_code.content(fields.tables(message.get("content"))):
        if not isinstance(event, FileAction):
            yield event
        if isinstance(event, ToolUse) and event.tool in _EDITS and event.detail:
            yield FileAction(_EDITS[event.tool], event.detail)
    usage = _usage(fields.table(message.get("usage")))
    yield Spent(usage, fields.text(message.get("id")) or "step")
    yield Context(usage.input_tokens + usage.cache_read_tokens)


def _usage(said: Mapping[str, Any]) -> Usage:
    return fields.with_cache_inside(said, "input_tokens", "cache_read_input_tokens", "output_tokens")


def _result(said: Mapping[str, Any]) -> Iterator[Event]:
    yield Spent(_usage(fields.table(said.get("usage"))))
    if not said.get("is_error"):
        yield Result()
        return
    message = fields.text(fields.table(said.get("error")).get("message")) or fields.text(said.get("subtype"))
    yield Result(message, fault(message))
