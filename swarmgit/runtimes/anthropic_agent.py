"""The agent of the `anthropic` runtime: asks a model, does what it asks for with the SDK's tools, until it is done.

    python -P -m swarmgit.runtimes.anthropic_agent [--model M] [--programs A,B] [--go-on-from FOLDER]  < prompt.md

Refuses commands that start programs which are not listed. `FOLDER`: an earlier session's. Runs in the worktree, with
the environment of a session; prints JSON lines (see `jsonlines.py`). The conversation is kept in the outbox after every
answer, so that a later session can go on with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anthropic
import httpx2
from anthropic.lib.tools import ToolError
from anthropic.lib.tools._beta_functions import aclose_runnable_tool
from anthropic.lib.tools.agent_toolset import AgentToolContext, beta_agent_toolset_20260401

from swarmgit.documents.commands import refuse
from swarmgit.model.events import Fault
from swarmgit.runtimes.faults import fault

TURNS_MAX = 500
OUTPUT_TOKENS_MAX = 16_000
RESULT_CHARS_MAX = 60_000
RETRIES = 3
WAIT_S_MAX = 10.0
WINDOW = 200_000
CONVERSATION = "outbox/.conversation.json"
MODELS = {"opus": "claude-opus-5-5", "sonnet": "claude-sonnet-5-5", "haiku": "claude-haiku-5-5"}
SYSTEM = (
    "You are a coding agent. Your working directory is {place}; it is a git repository. You work alone and nobody can "
    "answer questions: do the task with your tools, check what you did by running it, and stop when it is done. "
    "Read AGENTS.md or CLAUDE.md first where there is one."
)
EDITS = {"write": "write", "edit": "edit"}


def say(type_: str, **facts: object) -> None:
    """Print one line of swarmgit's own."""
    sys.stdout.write(json.dumps({"type": type_, **facts}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Agent:
    """One conversation. `folder`: the session's. `programs`: the only ones that commands may start; none: any."""

    def __init__(
        self, client: anthropic.AsyncAnthropic, model: str, folder: Path, programs: Sequence[str] = ()
    ) -> None:
        self._client, self._model, self._folder, self._programs = client, model, folder, programs
        self._messages: list[dict[str, Any]] = []
        self._told: set[str] = set()

    def begin(self, prompt: str, before: Path | None) -> None:
        """Take the prompt, after the conversation to go on with if there is one."""
        if before is not None:
            self._messages = repaired(json.loads((before / CONVERSATION).read_bytes()))
        self._ask([{"type": "text", "text": prompt}])

    def _ask(self, blocks: list[dict[str, Any]]) -> None:
        if self._messages and self._messages[-1]["role"] == "user":
            self._messages[-1]["content"] += blocks
        else:
            self._messages.append({"role": "user", "content": blocks})

    async def work(self) -> Fault | None:
        """Go on until the model asks for nothing more; return why it could not."""
        async with AsyncExitStack() as leaving:
            context = AgentToolContext(workdir=Path.cwd(), env=environment_of_tools())
            tools = {tool.name: tool for tool in beta_agent_toolset_20260401(context)}
            for tool in tools.values():
                leaving.push_async_callback(aclose_runnable_tool, tool)
            for _ in range(TURNS_MAX):
                reply = await self._reply([tool.to_dict() for tool in tools.values()])
                stopped = stop_of(reply.stop_reason)
                if stopped is not None:
                    return stopped
                results = [await self._do(tools, block) for block in reply.content if block.type == "tool_use"]
                notes = [{"type": "text", "text": note} for note in self._notes()]
                if not results and not notes and reply.stop_reason not in {"pause_turn", "max_tokens"}:
                    return None
                self._ask([*results, *notes] or [{"type": "text", "text": "Go on."}])
        return Fault("turns", f"it has not finished in {TURNS_MAX} turns")

    async def _reply(self, tools: list[Any]) -> Any:  # noqa: ANN401  the SDK's message
        system = {"type": "text", "text": SYSTEM.format(place=Path.cwd()), "cache_control": {"type": "ephemeral"}}
        messages: Any = with_cache_mark(self._messages)
        request: dict[str, Any] = {"system": [system], "messages": messages, "tools": tools}
        reply = await self._ask_again(request)
        self._messages.append({"role": "assistant", "content": [plain(block) for block in reply.content]})
        self._keep()
        self._tell(reply)
        return reply

    async def _ask_again(self, request: dict[str, Any]) -> Any:  # noqa: ANN401
        """Return the answer to a request; what passes in a moment is sat out here, longer waits are the governor's."""
        for tried in range(RETRIES + 1):
            asked = self._client.messages.stream(model=self._model, max_tokens=OUTPUT_TOKENS_MAX, **request)
            try:
                async with asked as stream:
                    return await stream.get_final_message()
            except (anthropic.AnthropicError, httpx2.HTTPError) as error:
                found = fault_of(error)
                wait_s = found.wait_s if found.wait_s is not None else 0.5 * 2**tried
                if found.kind not in {"transient", "rate-limit"} or wait_s > WAIT_S_MAX or tried == RETRIES:
                    raise
                if found.kind == "rate-limit":
                    say("rate_limit", wait_s=wait_s)
                await asyncio.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def _tell(self, reply: Any) -> None:  # noqa: ANN401
        usage = reply.usage
        read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        counts = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        say("usage", **counts, cache_read_tokens=read, cache_write_tokens=written)
        say("context", used=usage.input_tokens + read + written)
        for block in reply.content:
            if block.type == "text":
                say("text", text=block.text)

    async def _do(self, tools: dict[str, Any], block: Any) -> dict[str, Any]:  # noqa: ANN401
        given = block.input if isinstance(block.input, dict) else {}
        say("tool", tool=block.name, detail=str(given.get("command") or given.get("file_path") or "")[:200])
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": block.id}
        try:
            if block.name not in tools:
                raise ToolError(f"there is no tool {block.name}")
            refused = refuse(str(given["command"]), self._programs) if given.get("command") is not None else None
            if refused is not None:
                raise ToolError(refused)
            said = await tools[block.name].call(block.input)
        except ToolError as error:
            return {**result, "is_error": True, "content": shortened(error.content)}
        except (ValueError, TypeError, OSError) as error:
            return {**result, "is_error": True, "content": str(error)[:RESULT_CHARS_MAX]}
        if block.name in EDITS and given.get("file_path"):
            say("action", action=EDITS[block.name], file=str(given["file_path"]))
        return {**result, "content": shortened(said)}

    def _notes(self) -> Iterator[str]:
        """Yield what came into the inbox since, each note once."""
        for note in sorted((self._folder / "inbox").glob("*.note")):
            if note.name not in self._told:
                self._told.add(note.name)
                yield str(json.loads(note.read_bytes()))

    def _keep(self) -> None:
        path = self._folder / CONVERSATION
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(self._messages), encoding="utf-8")
        fresh.replace(path)


def plain(block: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a block of an answer as it is sent back."""
    kept: dict[str, Any] = block.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in kept.items() if key not in {"parsed_output", "caller"}}


def shortened(content: Any) -> Any:  # noqa: ANN401  text or blocks
    """Return a tool's answer, of a long text its beginning and its end."""
    if not isinstance(content, str) or len(content) <= RESULT_CHARS_MAX:
        return content
    half = RESULT_CHARS_MAX // 2
    return f"{content[:half]}\n[… {len(content) - 2 * half} characters left out …]\n{content[-half:]}"


def repaired(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a conversation that ended anywhere so that it can go on: what was asked for last is asked for again."""
    if messages and messages[-1]["role"] == "assistant":
        calls = [block for block in messages[-1]["content"] if block.get("type") == "tool_use"]
        lost = [
            {"type": "tool_result", "tool_use_id": call["id"], "is_error": True, "content": "interrupted; do it again"}
            for call in calls
        ]
        return [*messages, {"role": "user", "content": lost}] if lost else messages
    return messages


def with_cache_mark(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages with a mark on the last block: the next request reads all up to there from the cache."""
    *others, last = messages
    *blocks, end = last["content"]
    return [*others, {**last, "content": [*blocks, {**end, "cache_control": {"type": "ephemeral"}}]}]


def stop_of(reason: str | None) -> Fault | None:
    """Return what keeps the conversation from going on, by the reason the model stopped."""
    if reason == "model_context_window_exceeded":
        return Fault("context", "the model's context window is full")
    if reason == "refusal":
        return Fault("other", "the model refused to go on")
    return None


def environment_of_tools() -> dict[str, str]:
    """Return what commands see of the environment: no key, and no packages of ours."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_") and name != "PYTHONPATH"
    }


def fault_of(error: Exception) -> Fault:
    """Return what an error of the SDK means; how long to wait is in the provider's answer."""
    if not isinstance(error, anthropic.APIStatusError):
        passes = isinstance(error, anthropic.APIConnectionError | httpx2.HTTPError)
        return Fault("transient" if passes else "other", str(error))
    wait = error.response.headers.get("retry-after", "")
    return fault(
        str(error.message), error.status_code, wait_s=float(wait) if wait.replace(".", "", 1).isdigit() else None
    )


def client_of(environ: dict[str, str]) -> anthropic.AsyncAnthropic:
    """Return the client: by key or token, and both ways of naming a key, as servers differ in which they read."""
    key, url = environ.get("ANTHROPIC_API_KEY"), environ.get("ANTHROPIC_BASE_URL")
    headers = {"x-api-key": key} if key else {}
    token = None if key else environ.get("ANTHROPIC_AUTH_TOKEN")
    return anthropic.AsyncAnthropic(api_key=key, auth_token=token, base_url=url, max_retries=0, default_headers=headers)


async def run(model: str, before: Path | None, prompt: str, programs: Sequence[str] = ()) -> Fault | None:
    """Do the task; return why it could not be done. `programs`: what commands may start, none: anything."""
    session = os.environ["SWARM_SESSION"]
    say("conversation", id=session, model=model, window=WINDOW)
    folder = Path(os.environ["SWARM_PROMPT_FILE"]).parent
    async with client_of(dict(os.environ)) as client:
        agent = Agent(client, model, folder, programs)
        try:
            agent.begin(prompt, before)
        except (OSError, ValueError):
            return Fault("conversation", "no conversation found to go on with")
        try:
            return await agent.work()
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            return fault_of(error)


def main() -> int:
    """Run the agent on the prompt from standard input; 1 when it could not go on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="sonnet")
    parser.add_argument("--programs", type=lambda names: tuple(names.split(",")), default=())
    parser.add_argument("--go-on-from", type=Path)
    given = parser.parse_args()
    model = MODELS.get(given.model, given.model)
    found = asyncio.run(run(model, given.go_on_from, sys.stdin.read(), given.programs))
    if found is None:
        say("result")
        return 0
    facts = {"kind": found.kind, "message": found.message, "status": found.status, "wait_s": found.wait_s}
    say("result", is_error=True, **facts)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
