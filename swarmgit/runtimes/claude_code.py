"""Claude Code (`claude -p`), read as `stream-json`.

Facts about 2.1.330 that this stands on: `--output-format stream-json` wants `--verbose`; the prompt may come on
standard input; settings of the project run hooks and start servers without asking, unless `--setting-sources` leaves
them out; `assistant` lines carry the usage of the message's start (one output token), so only `result` counts for good,
and there only `model_usage_since_last_result`: everything else in it is counted over the conversation or without
sub-agents; one run may print several results; a failed run says `subtype: success` with `is_error`; root needs
IS_SANDBOX=1.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from swarmgit.model.adapters import PROVIDER_HOSTS
from swarmgit.model.desired import Runtime
from swarmgit.model.events import Context, Conversation, Event, Fault, FileAction, Limited, Result, Spent, Text, ToolUse
from swarmgit.model.runtimes import Command
from swarmgit.model.usage import Usage
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, fields
from swarmgit.runtimes.faults import fault
from swarmgit.runtimes.reader import Dialect, DialectReader, added

TOOLS = "Bash,Edit,Glob,Grep,NotebookEdit,Read,WebFetch,WebSearch,Write"
"""No sub-agents, no timers, no talk with other sessions: what one agent does stays in its session."""

CONTEXT_WINDOW = 200_000
RETRIES = "3"
TOO_MANY = 429
CHARS_PER_TOKEN = 4
"""A guess, for what a session has written until its result says it exactly."""
REMEDY = (
    "set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN, or CLAUDE_CODE_OAUTH_TOKEN from `claude setup-token`) where "
    "swarmgit runs and name it in .swarm/policy.yaml, credentials: {claude-code: [ANTHROPIC_API_KEY]}"
)
_EDITS: Mapping[str, str] = {"Write": "write", "Edit": "edit", "MultiEdit": "edit", "NotebookEdit": "edit"}


class ClaudeCode:
    name = "claude-code"
    capabilities = base.Capabilities(
        takes_messages=True,
        can_resume=True,
        reports_usage=True,
        reports_price=True,
        reports_commands=True,
        context_window=CONTEXT_WINDOW,
    )
    obeys = (
        "CLAUDE.md",
        "CLAUDE.local.md",
        "AGENTS.md",
        ".claude/",
        ".claude.json",
        ".claude-plugin/",
        ".mcp.json",
        ".claudeignore",
    )
    needs = base.Needs(
        programs=("claude", "bash"),
        credentials=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        home=(".claude", ".claude.json"),
        hosts=PROVIDER_HOSTS["anthropic"],
        reads=(str(base.HOOK),),
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one run in print mode. What it may touch is the sandbox's matter, so it asks nobody."""
        spec = placement.spec
        known = spec.resume
        argv = [
            *base.program(runtime, "claude"),
            *("-p", "--output-format", "stream-json", "--verbose"),
            *("--permission-mode", "bypassPermissions", "--tools", TOOLS),
            *(
                "--setting-sources",
                "user",
                "--strict-mcp-config",
                "--settings",
                json.dumps(_settings(base.judge(placement))),
            ),
            *(("--resume", known) if known else ("--session-id", conversation_of(spec.id))),
            *(("--model", spec.model) if spec.model else ()),
        ]
        env = {
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": RETRIES,
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
        }
        return Command(base.shell(placement, argv), base.session_env(runtime, placement, env))

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(Dialect(translate, has_last_word=True, remedy=REMEDY, speaks_for="account"))


def conversation_of(session: str) -> str:
    """Return the conversation's name, a UUID; the same for the same session, because a start may be repeated."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"swarmgit:{session}"))


def _settings(judge: str | None) -> dict[str, Any]:
    """Return the settings; `judge` is run before each shell command. A hook that ends with 2 refuses."""
    hooks = {event: [_hook("", f"/bin/sh '{base.HOOK}' {event}", 10)] for event in ("PostToolUse", "Stop")}
    if judge is not None:
        hooks["PreToolUse"] = [_hook("Bash", judge, base.JUDGE_S_MAX)]
    return {"hooks": hooks, "includeCoAuthoredBy": False}


def _hook(matcher: str, command: str, limit_s: int) -> dict[str, Any]:
    return {"matcher": matcher, "hooks": [{"type": "command", "command": command, "timeout": limit_s}]}


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:
    """Return the events of one line of `stream-json`."""
    match said.get("type"):
        case "system":
            return tuple(_system(said))
        case "assistant":
            return tuple(_assistant(said))
        case "user" | "stream_event" | "control_response" | "keep_alive":
            return ()
        case "rate_limit_event":
            return tuple(_rate_limit(fields.table(said.get("rate_limit_info"))))
        case "result":
            return tuple(_result(said))
        case _:
            return None


def _system(said: Mapping[str, Any]) -> Iterator[Event]:
    match said.get("subtype"):
        case "init":
            yield Conversation(fields.conversation(said.get("session_id")), fields.name(said.get("model")))
        case "api_retry" if fields.status(said.get("error_status")) == TOO_MANY:
            delay_ms = fields.number(said.get("retry_delay_ms"))
            yield Limited(fields.seconds(delay_ms / 1000) if delay_ms is not None else None)
        case "permission_denied":
            yield Text(f"denied: {fields.text(said.get('tool_name'))}: {fields.text(said.get('decision_reason'))}")
        case _:
            pass


def _assistant(said: Mapping[str, Any]) -> Iterator[Event]:
    message = fields.table(said.get("message"))
    is_error = bool(said.get("is_api_error_message"))
    blocks = list(fields.tables(message.get("content")))
    yield from content(blocks)
    usage = anthropic_usage(fields.table(message.get("usage")))
    usage = replace(usage, output_tokens=max(usage.output_tokens, _written(blocks) // CHARS_PER_TOKEN))
    step = fields.text(message.get("id"))
    if is_error or not step:
        return
    yield Spent(usage, step)
    if said.get("parent_tool_use_id") is None:
        yield Context(usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens)


def _written(blocks: list[Mapping[str, Any]]) -> int:
    """Return about how many characters the model has written: its words and what it gave its tools."""
    return sum(map(len, fields.leaves(blocks)))


def content(blocks: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
    """Yield what the blocks of an assistant's message say."""
    for block in blocks:
        match block.get("type"):
            case "text":
                yield Text(fields.text(block.get("text")))
            case "tool_use":
                tool, arguments = fields.text(block.get("name")), fields.table(block.get("input"))
                yield ToolUse(tool, fields.detail_of(arguments))
                file = fields.text(arguments.get("file_path") or arguments.get("notebook_path"))
                if tool in _EDITS and file:
                    yield FileAction(_EDITS[tool], file)
            case _:
                pass


def anthropic_usage(said: Mapping[str, Any]) -> Usage:
    """Return the usage of one message in Anthropic's words: input does not include the cache."""
    return Usage(
        fields.tokens(said.get("input_tokens")),
        fields.tokens(said.get("output_tokens")),
        fields.tokens(said.get("cache_read_input_tokens")),
        fields.tokens(said.get("cache_creation_input_tokens")),
    )


def _rate_limit(info: Mapping[str, Any]) -> Iterator[Event]:
    if info.get("status") == "rejected":
        yield Limited(until=fields.instant(info.get("resetsAt")))


def _result(said: Mapping[str, Any]) -> Iterator[Event]:
    per_model = fields.table(said.get("model_usage_since_last_result"))
    whole = Usage()
    for usage in map(fields.table, per_model.values()):
        window = fields.tokens(usage.get("contextWindow"))
        yield Context(window=window or None)
        whole = added(whole, _model_usage(usage))
    has_unknown_price = any(fields.table(u).get("costBasis") != "list" for u in per_model.values())
    yield Spent(replace(whole, usd=None) if has_unknown_price else whole)
    yield Result("", _fault(said) if said.get("is_error") else None)


def _model_usage(said: Mapping[str, Any]) -> Usage:
    return Usage(
        fields.tokens(said.get("inputTokens")),
        fields.tokens(said.get("outputTokens")),
        fields.tokens(said.get("cacheReadInputTokens")),
        fields.tokens(said.get("cacheCreationInputTokens")),
        fields.usd(said.get("costUSD")),
    )


def _fault(said: Mapping[str, Any]) -> Fault:
    errors = fields.texts(said.get("errors"))
    message = fields.text(said.get("result")) or "; ".join(errors) or fields.text(said.get("subtype"))
    if fields.choice(said.get("subtype"), {"error_max_turns", "error_max_budget_usd"}):
        return Fault("turns", message)
    if said.get("terminal_reason") == "prompt_too_long":
        return Fault("context", message)
    return fault(message, fields.status(said.get("api_error_status")))
