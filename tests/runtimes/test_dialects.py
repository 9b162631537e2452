"""What real programs printed, line by line, and what swarmgit makes of it. The lines are cut, not made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from swarmgit import runtimes
from swarmgit.model.events import Fault, FileAction, Limited, Stream
from swarmgit.model.usage import Usage
from swarmgit.ports.runtimes import ErrorReader
from swarmgit.runtimes.faults import fault, status_in, wait_in


def read(adapter: str, *lines: object) -> Stream:
    """Return what an adapter's reader makes of lines, of which those that are no text become JSON."""
    reader = runtimes.stream_reader(adapter)
    for line in lines:
        reader.feed((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")
    return reader.stream()


def claude_message(id_: str, *blocks: dict[str, object], **more: object) -> dict[str, object]:
    usage = {
        "input_tokens": 1200,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 300,
        "output_tokens": 1,
    }
    message = {"id": id_, "role": "assistant", "content": list(blocks), "usage": usage}
    return {"type": "assistant", "message": message, "parent_tool_use_id": None, **more}


def claude_result(usd: float = 0.0124, basis: str = "list", **more: object) -> dict[str, object]:
    used = {
        "inputTokens": 2400,
        "outputTokens": 84,
        "cacheReadInputTokens": 600,
        "cacheCreationInputTokens": 200,
        "costUSD": usd,
        "contextWindow": 1000000,
        "costBasis": basis,
    }
    return {"type": "result", "subtype": "success", "model_usage_since_last_result": {"m": used}, **more}


INIT = {"type": "system", "subtype": "init", "session_id": "ce1fc255", "model": "claude-opus-5-5"}
WRITE = {"type": "tool_use", "id": "t", "name": "Write", "input": {"file_path": "/w/hello.txt", "content": "hi\n"}}


def test_claude_code_counts_only_its_results_and_names_its_conversation() -> None:
    stream = read(
        "claude-code",
        INIT,
        claude_message("msg_1", WRITE),
        {"type": "user", "message": {"content": []}},
        claude_message("msg_2", {"type": "text", "text": "done"}),
        claude_result(),
    )

    assert stream.usage == Usage(2400, 84, 600, 200, 0.0124)
    assert (stream.conversation, stream.model, stream.tools) == ("ce1fc255", "claude-opus-5-5", 1)
    assert stream.actions == (FileAction("write", "/w/hello.txt"),)
    assert (stream.is_complete, stream.fault, stream.context_used, stream.context_window) == (True, None, 1600, 1000000)


def test_claude_code_is_estimated_while_it_works_each_message_once() -> None:
    stream = read("claude-code", INIT, *[claude_message("msg_1", WRITE)] * 3)

    assert (stream.usage.input_tokens, stream.usage.cache_read_tokens, stream.usage.usd) == (1200, 300, None)
    assert stream.usage.output_tokens > 1
    assert stream.is_complete is False


def test_a_last_word_without_its_usage_does_not_wipe_what_was_counted_live() -> None:
    begun = (INIT, claude_message("msg_1", WRITE), claude_message("msg_2", WRITE))
    counted = read("claude-code", *begun).usage
    for last in ({}, {"model_usage_since_last_result": {}}, {"model_usage_since_last_result": [5]}):
        ended = read("claude-code", *begun, {"type": "result", "subtype": "success", **last})
        assert (ended.usage, ended.is_complete) == (counted, True)
        assert counted.at_least
    only_written = {"model_usage_since_last_result": {"m": {"outputTokens": 7}}}
    assert read("claude-code", *begun, {"type": "result", **only_written}).usage == counted


@pytest.mark.parametrize(
    ("adapter", "line"),
    [
        ("codex", {"type": "item.completed", "item": {"type": "command_execution", "command": "ls"}}),
        ("gemini", {"type": "message", "role": "assistant", "content": "hi"}),
        ("copilot", {"type": "tool.execution_start", "data": {"toolName": "create"}}),
        ("opencode", {"type": "text", "part": {"text": "hi"}}),
    ],
)
def test_a_session_that_was_stopped_has_used_an_unknown_amount_and_not_nothing(
    adapter: str, line: dict[str, object]
) -> None:
    assert read(adapter, line).usage == Usage(at_least=True)
    assert read(adapter).usage == Usage()


def test_an_agent_that_says_first_what_a_step_has_used_owes_nothing_behind_it() -> None:
    usage, tool = {"type": "usage", "input_tokens": 5}, {"type": "tool", "tool": "bash"}
    assert read("anthropic", usage, tool).usage == Usage(5)


def test_a_program_that_never_says_what_it_used_and_one_that_was_refused_have_used_nothing() -> None:
    assert read("command", {"type": "text", "text": "formatted"}, {"type": "tool", "tool": "x"}).usage == Usage()
    refused = {"type": "result", "is_error": True, "api_error_status": 401, "result": "Failed to authenticate"}
    assert read("claude-code", INIT, claude_message("", {"type": "text", "text": "no"}), refused).usage == Usage()


def test_claude_code_may_have_several_results_and_prices_of_its_own_making_do_not_count() -> None:
    two = read("claude-code", claude_result(), claude_result(usd=0.5))
    assert two.usage == Usage(4800, 168, 1200, 400, 0.5124)
    assert read("claude-code", claude_result(basis="unknown")).usage.usd is None


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ({"is_error": True, "api_error_status": 401, "result": "Failed to authenticate. API Error: 401"}, "auth"),
        ({"is_error": True, "api_error_status": None, "result": "Not logged in · Please run /login"}, "auth"),
        ({"is_error": True, "api_error_status": 429, "result": "API Error: Request rejected (429)"}, "rate-limit"),
        ({"is_error": True, "api_error_status": 529, "result": "API Error: 529 overloaded"}, "transient"),
        ({"is_error": True, "api_error_status": 404, "result": "There's an issue with the selected model"}, "config"),
        ({"is_error": True, "terminal_reason": "prompt_too_long", "result": "Prompt is too long"}, "context"),
        ({"is_error": True, "subtype": "error_max_turns", "errors": ["Reached maximum number of turns (3)"]}, "turns"),
        (
            {
                "is_error": True,
                "subtype": "error_during_execution",
                "errors": ["No conversation found with session ID: x"],
            },
            "conversation",
        ),
        ({"is_error": True, "result": "API Error: Connection to the API was lost (ECONNRESET)"}, "transient"),
    ],
)
def test_claude_code_says_how_it_failed(result: dict[str, object], kind: str) -> None:
    found = read("claude-code", INIT, {"type": "result", "subtype": "success", **result}).fault

    assert found is not None
    assert found.kind == kind
    assert ("ANTHROPIC_API_KEY" in found.remedy) == (kind == "auth")


def test_claude_code_that_sits_out_a_limit_says_how_long_and_takes_it_back() -> None:
    retry = {"type": "system", "subtype": "api_retry", "retry_delay_ms": 1500, "error_status": 429}
    assert read("claude-code", INIT, retry).limited == Limited(1.5)
    reset = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1763850000}}
    assert read("claude-code", reset).limited == Limited(until=datetime.fromtimestamp(1763850000, UTC))
    assert read("claude-code", retry, claude_message("m", WRITE)).limited is None
    denied = {"type": "system", "subtype": "permission_denied", "tool_name": "Bash", "decision_reason": "approval"}
    assert "denied: Bash" in read("claude-code", denied).text_tail


THREAD = {"type": "thread.started", "thread_id": "01a2"}


def test_codex_counts_its_cache_inside_and_the_whole_thread() -> None:
    change = {"type": "file_change", "changes": [{"path": "/w/h.txt", "kind": "add"}], "status": "completed"}
    stream = read(
        "codex",
        THREAD,
        {"type": "turn.started"},
        {"type": "item.completed", "item": change},
        {"type": "item.completed", "item": {"type": "command_execution", "command": "ls", "exit_code": 0}},
        {"type": "item.completed", "item": {"type": "mcp_tool_call", "tool": "note"}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "done"}},
        {"type": "turn.completed", "usage": {"input_tokens": 4500, "cached_input_tokens": 900, "output_tokens": 126}},
    )

    assert (stream.usage, stream.usage_covers) == (Usage(3600, 126, 900, 0), "conversation")
    assert (stream.conversation, stream.tools, stream.actions) == ("01a2", 3, (FileAction("create", "/w/h.txt"),))
    assert stream.is_complete


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("unexpected status 401 Unauthorized: no, url: http://127.0.0.1/v1/responses", "auth"),
        ("exceeded retry limit, last status: 429 Too Many Requests", "rate-limit"),
        ("unexpected status 529 <unknown status code>: overloaded, url: http://x", "transient"),
        ("We're currently experiencing high demand, which may cause temporary errors.", "transient"),
        ("stream disconnected before completion: Transport error", "transient"),
        ("Codex ran out of room in the model's context window.", "context"),
    ],
)
def test_codex_says_how_it_failed(message: str, kind: str) -> None:
    notice = {"type": "error", "message": f"Reconnecting... 1/5 ({message})"}
    stream = read("codex", THREAD, notice, {"type": "turn.failed", "error": {"message": message}})

    assert stream.fault is not None
    assert stream.fault.kind == kind


def test_a_mere_notice_of_codex_is_no_fault() -> None:
    notice = {"type": "error", "message": "Reconnecting... 1/5 (last status: 429 Too Many Requests)"}
    stream = read("codex", THREAD, notice)
    assert (stream.fault, stream.limited) == (None, Limited())


def test_gemini() -> None:
    stats = {"input_tokens": 3000, "output_tokens": 84, "cached": 600, "input": 2400}
    write = {"type": "tool_use", "tool_name": "write_file", "parameters": {"file_path": "/w/h.txt"}}
    begun = (
        {"type": "init", "model": "gemini-2.5-pro"},
        {"type": "message", "role": "assistant", "content": "hi"},
        write,
    )
    stream = read("gemini", *begun, {"type": "tool_result"}, {"type": "result", "status": "success", "stats": stats})
    assert (stream.usage, stream.model, stream.conversation) == (Usage(2400, 84, 600, 0), "gemini-2.5-pro", None)
    assert stream.actions == (FileAction("write", "/w/h.txt"),)

    message = '[API Error: {"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}]'
    failed = read("gemini", {"type": "result", "status": "error", "error": {"message": message}, "stats": {}})
    assert failed.fault is not None
    assert (failed.fault.kind, failed.fault.status) == ("auth", 401)
    assert read("gemini", {"type": "result", "status": "error", "error": {"message": "odd"}}).fault is not None
    assert read("gemini", {"type": "error", "message": "loop detected"}).text_tail == "loop detected"


def test_opencode() -> None:
    tokens = {"input": 1200, "output": 42, "reasoning": 3, "cache": {"write": 7, "read": 300}}
    part = {"tool": "write", "state": {"input": {"filePath": "/w/h.txt"}}}
    step = {"type": "step_finish", "part": {"reason": "tool-calls", "tokens": tokens, "cost": 0}}
    stopped = {"type": "step_finish", "part": {"reason": "stop", "tokens": tokens, "cost": 0.002}}
    begun = ({"type": "step_start", "part": {}}, {"type": "tool_use", "part": part}, step)
    assert read("opencode", *begun).is_complete is False
    stream = read("opencode", *begun, {"type": "text", "part": {"text": "done"}}, stopped)
    assert stream.usage == Usage(2400, 90, 600, 14, 0.002)
    assert (stream.is_complete, stream.context_used, stream.actions) == (True, 1507, (FileAction("write", "/w/h.txt"),))

    error = {"type": "error", "error": {"name": "APIError", "data": {"message": "no", "statusCode": 401}}}
    failed = read("opencode", error)
    assert failed.fault is not None
    assert failed.fault.kind == "auth"
    assert read("opencode", error, stopped).fault is None


def test_qwen() -> None:
    usage = {"input_tokens": 1500, "output_tokens": 42, "cache_read_input_tokens": 300}
    block = {"type": "tool_use", "name": "write_file", "input": {"file_path": "/w/h.txt"}}
    begun = (
        {"type": "system", "subtype": "init", "session_id": "x", "model": "qwen3-coder-plus"},
        {"type": "stream_event", "event": {}},
        {"type": "assistant", "message": {"id": "a", "content": [block], "usage": usage}},
    )
    assert read("qwen", *begun).usage == Usage(1200, 42, 300, 0, at_least=True)
    whole = {"input_tokens": 3000, "output_tokens": 84, "cache_read_input_tokens": 600}
    stream = read("qwen", *begun, {"type": "result", "subtype": "success", "is_error": False, "usage": whole})
    assert (stream.usage, stream.conversation) == (Usage(2400, 84, 600, 0), None)
    assert stream.actions == (FileAction("write", "/w/h.txt"),)

    error = {"message": "[API Error: 401 no]"}
    failed = read("qwen", {"type": "result", "subtype": "error_during_execution", "is_error": True, "error": error})
    assert failed.fault is not None
    assert failed.fault.kind == "auth"
    retry = {"type": "system", "subtype": "retry", "data": {"reason": "rate_limit"}}
    assert read("qwen", retry).limited == Limited()


def test_copilot() -> None:
    metrics = {"usage": {"inputTokens": 1600, "outputTokens": 42, "cacheReadTokens": 300, "cacheWriteTokens": 100}}
    begun = (
        {"type": "assistant.message", "data": {"content": "Calling a tool.", "model": "claude-opus-5-5"}},
        {"type": "tool.execution_start", "data": {"toolName": "create", "arguments": {"path": "/w/h.txt"}}},
        {"type": "tool.execution_complete", "data": {"fileEdits": [{"path": "/w/h.txt", "kind": "create"}]}},
        {"type": "session.info", "data": {}},
    )
    ended = ({"type": "result", "sessionId": "c2713baa", "exitCode": 0}, {"modelMetrics": {"claude-opus-5-5": metrics}})
    stream = read("copilot", *begun, *ended)
    assert (stream.usage, stream.usage_covers) == (Usage(1200, 42, 300, 100), "conversation")
    assert (stream.conversation, stream.model, stream.is_complete) == ("c2713baa", "claude-opus-5-5", True)
    assert stream.actions == (FileAction("create", "/w/h.txt"),)

    error = {"type": "session.error", "data": {"errorType": "rate_limit", "message": "429 slow", "statusCode": 429}}
    failed = read("copilot", error, {"type": "result", "sessionId": "c2", "exitCode": 1})
    assert failed.fault is not None
    assert (failed.fault.kind, failed.conversation) == ("rate-limit", "c2")
    assert read("copilot", {"type": "assistant.turn_retry", "data": {"reason": "rate_limit"}}).limited == Limited()


def test_aider() -> None:
    sent = "Tokens: 1.5k sent, 42 received."
    facts = {"main_model": "openai/m1", "prompt_tokens": 1500, "completion_tokens": 42}
    log = ({"event": "launched", "properties": {}}, {"event": "message_send", "properties": facts})
    stream = read("aider", sent, "Applied edit to new.txt", *log)
    assert (stream.usage, stream.model, stream.is_complete) == (Usage(1500, 42), "openai/m1", True)
    assert stream.actions == (FileAction("edit", "new.txt"),)

    kinds = {
        "litellm.AuthenticationError: AuthenticationError: OpenAIException - no": "auth",
        "litellm.RateLimitError: RateLimitError: OpenAIException - slow": "rate-limit",
        "litellm.InternalServerError: overloaded": "transient",
        "litellm.APIConnectionError: gone": "transient",
        "litellm.ContextWindowExceededError: too long": "context",
        "your input exceeds the context window of the model": "context",
    }
    found = {line: read("aider", line).fault for line in kinds}
    assert {line: each.kind for line, each in found.items() if each} == kinds
    assert read("aider", *kinds, "Retrying in 0.5 seconds...").limited == Limited(0.5)
    assert read("aider", *kinds, sent).fault is None


def test_our_own_agents_lines() -> None:
    stream = read(
        "anthropic",
        {"type": "conversation", "id": "s1", "model": "claude-sonnet-5-5", "window": 200000},
        {"type": "tool", "tool": "bash", "detail": "ls"},
        {"type": "context", "used": 1600},
        {"type": "rate_limit", "wait_s": 3},
        {"type": "result", "is_error": True, "kind": "rate-limit", "message": "slow", "status": 429, "wait_s": 60},
    )
    assert stream.fault == Fault("rate-limit", "slow", 429, 60.0)
    assert (stream.context_used, stream.context_window, stream.tools) == (1600, 200000, 1)
    assert read("anthropic", {"type": "error", "kind": "nonsense", "message": "x"}).fault == Fault("other", "x")


@pytest.mark.parametrize(
    "adapter", ["claude-code", "codex", "gemini", "opencode", "qwen", "copilot", "aider", "anthropic"]
)
def test_lines_of_the_wrong_shape_are_text_or_nothing(adapter: str) -> None:
    odd: list[object] = [None, 7, [], {}, "x", {"type": 3}]
    types = ("system", "assistant", "result", "message", "item.completed", "turn.completed", "step_finish", "tool_use")
    shapes = [
        {"type": t, **dict.fromkeys(("message", "item", "usage", "part", "data", "stats", "error"), o)}
        for t in types
        for o in odd
    ]

    stream = read(adapter, *shapes, "no JSON", '{"type": ', "[]")

    assert stream.usage.tokens == 0
    assert stream.lines == len(shapes) + 3


def test_an_agent_that_can_only_talk_may_say_that_nothing_was_needed() -> None:
    said = claude_message("m", {"type": "text", "text": "I looked.\nNO CHANGE NEEDED: it is there already\n"})
    assert read("claude-code", said).no_change == "it is there already"


def test_what_errors_mean_is_read_from_status_and_words() -> None:
    assert status_in("API Error: 529 overloaded") == 529
    assert status_in("took 401 files") is None
    assert [wait_in(text) for text in ("try again in 1m 30s", "retry after 250ms", "resets in 2 hours", "wait")] == [
        90.0,
        0.25,
        7200.0,
        None,
    ]
    reached = fault("usage limit reached|1763850000")
    assert (reached.kind, reached.until) == ("rate-limit", datetime.fromtimestamp(1763850000, UTC))
    assert replace(fault("bad request", 400), message="") == Fault("other", "", 400)


GEMINI_429 = b'Attempt 1 failed with status 429. Retrying with backoff... _ApiError: {"error":{"code":429}}\n'
OPENCODE_429 = (
    b'timestamp=2026-11-22T15:37:09.794Z level=ERROR run=ed message="stream error" providerID=p modelID=m '
    b'error.error="AI_APICallError: Rate limit reached, try again in 20s"\n'
)


@pytest.mark.parametrize(
    ("adapter", "said", "wait_s"), [("gemini", GEMINI_429, None), ("opencode", OPENCODE_429, 20.0)]
)
def test_a_limit_that_only_standard_error_tells_is_heard_and_ends_with_the_next_word(
    adapter: str, said: bytes, wait_s: float | None
) -> None:
    reader = runtimes.stream_reader(adapter)
    assert isinstance(reader, ErrorReader)
    assert reader.hears_errors
    reader.feed_errors(b"some warning\n" + said[:30])
    assert reader.stream().limited is None
    reader.feed_errors(said[30:])
    assert reader.stream().limited == Limited(wait_s)
    assert reader.stream().text_tail == ""
    text = b'{"type":"message","role":"assistant","content":"on"}\n{"type":"text","part":{"text":"on"}}\n'
    reader.feed(text)
    assert reader.stream().limited is None


def test_most_programs_say_all_in_their_output() -> None:
    heard = [
        name
        for name in ("claude-code", "codex", "qwen", "aider", "command")
        if runtimes.stream_reader(name).hears_errors
    ]
    assert heard == []
