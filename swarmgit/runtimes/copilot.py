"""GitHub Copilot CLI (`copilot --output-format json`), with a GitHub log-in or with a provider of one's own.

Facts about 1.0.102 that this stands on: what was used is only in a file that it writes at the end, input with the
cache in it; asked to end it ends with 0 and without a result; a provider of one's own needs no log-in, and with
COPILOT_OFFLINE it calls nobody else; a fresh home unpacks 235 MB.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from swarmgit.model.desired import Runtime
from swarmgit.model.events import Conversation, Event, FileAction, Limited, Result, Spent, Text, ToolUse
from swarmgit.model.runtimes import Command
from swarmgit.model.usage import Usage
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, fields
from swarmgit.runtimes.claude_code import conversation_of
from swarmgit.runtimes.faults import fault
from swarmgit.runtimes.reader import Dialect, DialectReader, added

REMEDY = (
    "set COPILOT_GITHUB_TOKEN (or COPILOT_PROVIDER_API_KEY with COPILOT_PROVIDER_BASE_URL) where swarmgit runs and "
    "name it in .swarm/policy.yaml, credentials: {copilot: [COPILOT_GITHUB_TOKEN]}"
)


class Copilot:
    name = "copilot"
    capabilities = base.Capabilities(can_resume=True, reports_usage=True, reports_commands=True, context_window=128_000)
    obeys = (
        "AGENTS.md",
        "copilot-instructions.md",
        ".github/instructions/",
        ".github/prompts/",
        ".github/agents/",
        ".github/chatmodes/",
        ".github/skills/",
        ".github/hooks/",
        ".github/copilot/",
        ".copilot/",
        ".vscode/mcp.json",
        ".mcp.json",
        ".copilotignore",
    )
    needs = base.Needs(
        programs=("copilot", "bash"),
        credentials=("COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "COPILOT_PROVIDER_API_KEY"),
        home=(".copilot", ".cache/copilot"),
        hosts=("api.github.com", "api.githubcopilot.com", "api.individual.githubcopilot.com"),
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one headless run that is allowed everything; the sandbox is the wall."""
        spec = placement.spec
        usage = base.kept(placement, "usage.json")
        env = base.session_env(runtime, placement)
        if "COPILOT_PROVIDER_BASE_URL" in env:
            env.setdefault("COPILOT_OFFLINE", "true")
            if spec.model:
                env["COPILOT_MODEL"] = spec.model
        argv = [
            *(*base.program(runtime, "copilot"), "--output-format", "json", "--no-ask-user", "--no-auto-update"),
            *("--allow-all-tools", "--allow-all-paths", "--usage-output-file", usage),
            *((f"--resume={spec.resume}",) if spec.resume else ("--session-id", conversation_of(spec.id))),
            *(("--model", spec.model) if spec.model and "COPILOT_PROVIDER_BASE_URL" not in env else ()),
        ]
        around = base.Around(_settings(base.judge(placement)), shows=usage, in_one_line=True)
        return Command(base.shell(placement, argv, around), env)

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(
            Dialect(translate, has_last_word=True, usage_covers="conversation", remedy=REMEDY, speaks_for="account")
        )


def _settings(judge: str | None) -> dict[str, str]:
    """Return the settings file of a session's own home that has `judge` run before each tool, which it tells apart."""
    if judge is None:
        return {}
    hook = {"type": "command", "bash": judge, "timeoutSec": base.JUDGE_S_MAX}
    return {"~/.copilot/settings.json": json.dumps({"hooks": {"preToolUse": [hook]}})}


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:
    """Return the events of one line."""
    data = fields.table(said.get("data"))
    match said.get("type"):
        case "assistant.message":
            return (Text(fields.text(data.get("content"))), Conversation(None, fields.name(data.get("model"))))
        case "tool.execution_start":
            return (ToolUse(fields.text(data.get("toolName")), fields.detail_of(data.get("arguments"))),)
        case "tool.execution_complete":
            edits = fields.tables(data.get("fileEdits"))
            return tuple(FileAction(fields.name(e.get("kind")) or "edit", fields.text(e.get("path"))) for e in edits)
        case "assistant.turn_retry" if data.get("reason") == "rate_limit":
            return (Limited(),)
        case "session.error":
            return (fault(fields.text(data.get("message")), fields.status(data.get("statusCode"))),)
        case "result":
            return tuple(_result(said))
        case str():
            return ()
        case _:
            return tuple(_used(said)) if "modelMetrics" in said else None


def _result(said: Mapping[str, Any]) -> Iterator[Event]:
    yield Conversation(fields.conversation(said.get("sessionId")))
    if said.get("exitCode") == 0:
        yield Result()


def _used(said: Mapping[str, Any]) -> Iterator[Event]:
    """Yield what its usage file says; its input includes the cache."""
    whole = Usage()
    for metrics in map(fields.table, fields.table(said.get("modelMetrics")).values()):
        usage = fields.table(metrics.get("usage"))
        names = ("inputTokens", "cacheReadTokens", "outputTokens", "cacheWriteTokens")
        whole = added(whole, fields.with_cache_inside(usage, *names))
    yield Spent(whole)
