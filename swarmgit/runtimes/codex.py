"""Codex (`codex exec --json`).

Facts about 0.169.0 that this stands on: OPENAI_BASE_URL is ignored, so another address needs a provider of our own, and
such a provider has to speak the Responses API; standard input is read to its end, `-` makes it the prompt; the usage of
`turn.completed` includes what was cached and counts the whole thread, also what was used before it was resumed; `error`
lines are mostly notices of a new try, the verdict is `turn.completed` or `turn.failed`; with `retry-after` it would sit
out hours in silence, so the tries of a stream are ours; without `-s` a resumed run is read-only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from swarmgit.model.adapters import PROVIDER_HOSTS
from swarmgit.model.desired import Runtime
from swarmgit.model.events import Conversation, Event, FileAction, Limited, Result, Spent, Text, ToolUse
from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, fields
from swarmgit.runtimes.faults import fault
from swarmgit.runtimes.reader import Dialect, DialectReader

BASE_URL = "https://api.openai.com/v1"
CONTEXT_WINDOW = 272_000
REMEDY = (
    "set OPENAI_API_KEY where swarmgit runs and name it in .swarm/policy.yaml, credentials: {codex: [OPENAI_API_KEY]}"
)
_ACTIONS: Mapping[str, str] = {"add": "create", "update": "edit", "delete": "delete"}


class Codex:
    name = "codex"
    capabilities = base.Capabilities(
        takes_messages=True,
        can_resume=True,
        reports_usage=True,
        reports_commands=True,
        context_window=CONTEXT_WINDOW,
    )
    obeys = ("AGENTS.md", "AGENTS.override.md", "codex.md", ".codex/", ".agents/")
    needs = base.Needs(
        programs=("codex", "bash"),
        credentials=("OPENAI_API_KEY", "CODEX_API_KEY"),
        home=(".codex",),
        hosts=(*PROVIDER_HOSTS["openai"], "chatgpt.com", "auth.openai.com"),
        reads=(str(base.HOOK),),
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one run. What it may touch is the sandbox's matter, so its own is off and it asks nobody."""
        spec = placement.spec
        env = base.session_env(runtime, placement)
        argv = [
            *(*base.program(runtime, "codex"), "exec", "--json", "--skip-git-repo-check"),
            *("--dangerously-bypass-approvals-and-sandbox", "--dangerously-bypass-hook-trust"),
            *("-c", "analytics.enabled=false", "--disable", "plugins"),
            *_provider(env, placement.keys),
            *_hooks(base.judge(placement)),
            *(("-m", spec.model) if spec.model else ()),
            *(("resume", spec.resume) if spec.resume else ()),
            "-",
        ]
        return Command(base.shell(placement, argv), env)

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(
            Dialect(translate, has_last_word=True, usage_covers="conversation", remedy=REMEDY, speaks_for="account")
        )


def _provider(env: Mapping[str, str], granted: AbstractSet[str]) -> tuple[str, ...]:
    """Return the provider that the environment describes; none where only a log-in of Codex's own can be meant."""
    key = next((name for name in ("OPENAI_API_KEY", "CODEX_API_KEY") if name in env or name in granted), None)
    url = env.get("OPENAI_BASE_URL")
    if key is None and url is None:
        return ()
    parts = {"name": "swarmgit", "base_url": url or BASE_URL, "wire_api": "responses"}
    written = [f"{name}={_toml(value)}" for name, value in parts.items()]
    written += [f"env_key={_toml(key)}"] if key else []
    written += ["stream_max_retries=0"]
    return ("-c", "model_provider=swarmgit", "-c", f"model_providers.swarmgit={{{','.join(written)}}}")


def _hooks(judge: str | None) -> Iterator[str]:
    for event in ("PostToolUse", "Stop"):
        yield from _hook(event, "", f"/bin/sh '{base.HOOK}' {event}")
    if judge is not None:
        yield from _hook("PreToolUse", "Bash", judge)


def _hook(event: str, matcher: str, command: str) -> tuple[str, str]:
    run = f'{{type="command",command={_toml(command)},timeout={base.JUDGE_S_MAX}}}'
    return ("-c", f"hooks.{event}=[{{matcher={_toml(matcher)},hooks=[{run}]}}]")


def _toml(text: str) -> str:
    """Return a TOML string: JSON's escapes are TOML's."""
    return json.dumps(text)


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:
    """Return the events of one line."""
    match said.get("type"):
        case "thread.started":
            return (Conversation(fields.conversation(said.get("thread_id"))),)
        case "turn.started" | "item.started" | "item.updated":
            return ()
        case "item.completed":
            return tuple(_item(fields.table(said.get("item"))))
        case "turn.completed":
            return tuple(_completed(fields.table(said.get("usage"))))
        case "turn.failed":
            message = fields.text(fields.table(said.get("error")).get("message"))
            return (Result(message, fault(message)),)
        case "error":
            return tuple(_notice(fields.text(said.get("message"))))
        case _:
            return None


def _item(item: Mapping[str, Any]) -> Iterator[Event]:
    match item.get("type"):
        case "agent_message" | "reasoning" | "error":
            yield Text(fields.text(item.get("text")) or fields.text(item.get("message")))
        case "command_execution":
            yield ToolUse("shell", fields.text(item.get("command")))
        case "file_change":
            yield ToolUse("apply_patch")
            for change in fields.tables(item.get("changes")):
                yield FileAction(_ACTIONS.get(fields.text(change.get("kind")), "edit"), fields.text(change.get("path")))
        case "mcp_tool_call" | "web_search":
            yield ToolUse(fields.name(item.get("tool")) or fields.name(item.get("type")))
        case _:
            pass


def _completed(usage: Mapping[str, Any]) -> Iterator[Event]:
    spent = fields.with_cache_inside(
        usage, "input_tokens", "cached_input_tokens", "output_tokens", "cache_write_input_tokens"
    )
    yield Spent(spent)
    yield Result()


def _notice(message: str) -> Iterator[Event]:
    yield Text(message)
    found = fault(message)
    if message.startswith("Reconnecting") and found.kind == "rate-limit":
        yield Limited(found.wait_s, found.until)
