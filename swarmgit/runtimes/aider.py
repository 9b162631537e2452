"""aider: no tools and no shell; it writes edit blocks, which it applies itself.

Facts about 0.86.2 that this stands on: it ends with 0 whatever happens, so errors are read from its text; what was
used is exact only in its own log, which it keeps here in a file and sends nobody; without redirection it leaves files
of its own in the project; a model that its table does not know makes it fetch another table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from swarmgit.model.desired import Runtime
from swarmgit.model.events import Conversation, Event, Fault, FileAction, Limited, Result, Spent
from swarmgit.model.runtimes import Command
from swarmgit.model.usage import Usage
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, fields
from swarmgit.runtimes.faults import fault
from swarmgit.runtimes.reader import Dialect, DialectReader

REMEDY = (
    "set the provider's key (such as ANTHROPIC_API_KEY or OPENAI_API_KEY) where swarmgit runs and name it in "
    ".swarm/policy.yaml, credentials: {aider: [OPENAI_API_KEY]}"
)
MODEL_FACTS = {"max_input_tokens": 128_000, "max_tokens": 8192, "mode": "chat"}
_ERROR = re.compile(r"^litellm\.(\w+)(?:Error)?: (.*)")
_EDIT = re.compile(r"^Applied edit to (.+)$")
_WAIT = re.compile(r"^Retrying in ([\d.]+) seconds")
_SENT = re.compile(r"^Tokens: .* sent, .* received")
_KINDS: Mapping[str, int] = {"Authentication": 401, "RateLimit": 429, "InternalServer": 500, "ServiceUnavailable": 503}
_TRANSIENT: frozenset[str] = frozenset({"APIConnection", "Timeout", "InternalServer", "ServiceUnavailable"})


class Aider:
    name = "aider"
    capabilities = base.Capabilities(reports_usage=True)
    obeys = (".aider*",)
    needs = base.Needs(
        programs=("aider", "git"),
        credentials=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"),
        home=(".aider",),
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one run over the prompt's file. It never commits: swarmgit does."""
        spec = placement.spec
        log, facts = base.kept(placement, "aider.jsonl"), base.kept(placement, "models.json")
        argv = [
            *(*base.program(runtime, "aider"), "--message-file", str(placement.folder / "prompt.md"), "--yes-always"),
            *("--no-stream", "--no-pretty", "--no-check-update", "--no-show-model-warnings", "--no-show-release-notes"),
            *("--no-gitignore", "--no-auto-commits", "--no-dirty-commits", "--map-tokens", "0"),
            *("--no-analytics", "--analytics-log", log, "--edit-format", "diff"),
            *("--chat-history-file", base.kept(placement, "aider.chat.md")),
            *("--input-history-file", base.kept(placement, "aider.input")),
        ]
        files = {}
        if spec.model:
            argv += ["--model", spec.model, "--weak-model", spec.model, "--model-metadata-file", facts]
            files[facts] = json.dumps({spec.model: MODEL_FACTS})
        env = base.session_env(runtime, placement, {"LITELLM_LOCAL_MODEL_COST_MAP": "True"})
        around = base.Around(files, shows=log, reads_prompt=False)
        return Command(base.shell(placement, argv, around), env)

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(Dialect(translate, words, has_last_word=True, remedy=REMEDY))


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:
    """Return the events of one line of its log."""
    if "event" not in said or "properties" not in said:
        return None
    facts = fields.table(said["properties"])
    if said["event"] != "message_send":
        return ()
    usage = Usage(fields.tokens(facts.get("prompt_tokens")), fields.tokens(facts.get("completion_tokens")))
    return (Conversation(None, fields.name(facts.get("main_model"))), Spent(usage))


def words(line: str) -> Iterator[Event]:
    """Yield what a line of its text says."""
    if _SENT.match(line):
        yield Result()
    elif edit := _EDIT.match(line):
        yield FileAction("edit", edit[1])
    elif wait := _WAIT.match(line):
        yield Limited(fields.seconds(fields.parsed(wait[1])))
    elif error := _ERROR.match(line):
        yield _fault(error[1].removesuffix("Error"), error[2])
    elif "context window" in line:
        yield Fault("context", line)


def _fault(name: str, message: str) -> Fault:
    if name == "ContextWindowExceeded":
        return Fault("context", message)
    if name in _TRANSIENT:
        return Fault("transient", message)
    return fault(message, _KINDS.get(name))
