"""OpenCode (`opencode run --format json`).

Facts about 1.18.33 that this stands on: a prompt on the command line is quoted anew, so it comes on standard input;
without `--title` a model is asked for one; it speaks with any address only through a provider in its configuration;
the usage is told step by step, input without the cache; there is no last line: it is done when the last step says
"stop"; it says in its log alone that it waits for its provider; to go on with a conversation from another folder
hangs, so none is gone on with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from swarmgit.documents.commands.tables import BANNED, RUNNERS, SHELLS
from swarmgit.model.desired import Runtime
from swarmgit.model.events import Context, Event, FileAction, Limited, Result, Spent, Text, ToolUse
from swarmgit.model.runtimes import Command
from swarmgit.model.usage import Usage
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, fields
from swarmgit.runtimes.faults import fault
from swarmgit.runtimes.reader import Dialect, DialectReader

PROVIDER = "swarm"
MODEL = "default"
PACKAGES: Mapping[str, tuple[str, str]] = {
    "OPENAI_BASE_URL": ("@ai-sdk/openai-compatible", "OPENAI_API_KEY"),
    "ANTHROPIC_BASE_URL": ("@ai-sdk/anthropic", "ANTHROPIC_API_KEY"),
}
"""What speaks with an address that the environment names, and which variable has the key for it."""

QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
}
REMEDY = (
    "set the provider's key (such as ANTHROPIC_API_KEY or OPENAI_API_KEY) where swarmgit runs and name it in "
    ".swarm/policy.yaml, credentials: {opencode: [OPENAI_API_KEY]}"
)
_REFUSED = re.compile(r'level=ERROR .*message="stream error" .*error="(.+)"')
_EDITS: Mapping[str, str] = {"write": "write", "edit": "edit", "patch": "edit"}


class OpenCode:
    name = "opencode"
    capabilities = base.Capabilities(reports_usage=True)
    obeys = ("AGENTS.md", "opencode.json", "opencode.jsonc", ".opencode.json", ".opencode/", "opencode.md", ".claude/")
    needs = base.Needs(
        programs=("opencode", "bash"),
        credentials=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
        home=(".config/opencode", ".local/share/opencode", ".local/state/opencode", ".cache/opencode"),
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one run that approves what is not denied."""
        spec = placement.spec
        env = base.session_env(runtime, placement, QUIET)
        model = spec.model
        found = next((variable for variable in PACKAGES if variable in env), None)
        if found is not None:
            env.update(_own_provider(env, found, (model or MODEL).removeprefix(f"{PROVIDER}/")))
            model = f"{PROVIDER}/{(model or MODEL).removeprefix(f'{PROVIDER}/')}"
        if placement.programs is not None:
            env["OPENCODE_PERMISSION"] = json.dumps({"bash": _patterns(placement.programs)})
        argv = [
            *(*base.program(runtime, "opencode"), "run", "--pure", "--format", "json", "--auto"),
            *("--print-logs", "--log-level", "ERROR"),
            *("--title", f"{spec.task} {spec.attempt}"),
            *(("--model", model) if model else ()),
        ]
        return Command(base.shell(placement, argv), env)

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(
            Dialect(translate, has_last_word=True, remedy=REMEDY, speaks_for="account", errors=complaint)
        )


def complaint(line: str) -> Iterator[Event]:
    """Yield what a line of its log says: only there it tells that it waits for its provider."""
    found = _REFUSED.search(line)
    if found is not None:
        said = fault(found[1])
        if said.kind == "rate-limit":
            yield Limited(said.wait_s, said.until)


def _patterns(programs: Sequence[str]) -> dict[str, str]:
    """Return its own rules for shell commands, of which it judges each by the last that matches.

    They know names and no more, so what starts whatever its words name is left out, and shells get no text to run.
    """
    rules = {"*": "deny"}
    for name in programs:
        rules[name] = "allow"
        if name not in RUNNERS | BANNED:
            rules[f"{name} *"] = "allow"
        if name in SHELLS:
            rules[f"{name} *-*"] = "deny"
    return rules | {f"find *-{verb}*": "deny" for verb in ("exec", "ok")}


def _own_provider(env: Mapping[str, str], variable: str, model: str) -> dict[str, str]:
    package, key = PACKAGES[variable]
    provider = {
        "npm": package,
        "name": PROVIDER,
        "options": {"baseURL": env[variable], "apiKey": f"{{env:{key}}}"},
        "models": {model: {"name": model}},
    }
    name = f"{PROVIDER}/{model}"
    config = {
        "provider": {PROVIDER: provider},
        "model": name,
        "small_model": name,
        "autoupdate": False,
        "share": "disabled",
    }
    return {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "OPENCODE_DISABLE_MODELS_FETCH": "1"}


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:
    """Return the events of one line."""
    part = fields.table(said.get("part"))
    match said.get("type"):
        case "step_start" | "reasoning":
            return ()
        case "text":
            return (Text(fields.text(part.get("text"))),)
        case "tool_use":
            return tuple(_tool(part))
        case "step_finish":
            return tuple(_step(part))
        case "error":
            error = fields.table(said.get("error"))
            data = fields.table(error.get("data"))
            message = fields.text(data.get("message")) or fields.text(error.get("name"))
            return (fault(message, fields.status(data.get("statusCode"))),)
        case _:
            return None


def _tool(part: Mapping[str, Any]) -> Iterator[Event]:
    tool, arguments = fields.text(part.get("tool")), fields.table(fields.table(part.get("state")).get("input"))
    yield ToolUse(tool, fields.detail_of(arguments))
    file = fields.text(arguments.get("filePath"))
    if tool in _EDITS and file:
        yield FileAction(_EDITS[tool], file)


def _step(part: Mapping[str, Any]) -> Iterator[Event]:
    counts = fields.table(part.get("tokens"))
    cache = fields.table(counts.get("cache"))
    written = fields.tokens(counts.get("output")) + fields.tokens(counts.get("reasoning"))
    read, stored = fields.tokens(cache.get("read")), fields.tokens(cache.get("write"))
    usage = Usage(fields.tokens(counts.get("input")), written, read, stored, fields.usd(part.get("cost")) or None)
    yield Spent(usage)
    yield Context(usage.input_tokens + read + stored)
    if part.get("reason") == "stop":
        yield Result()
