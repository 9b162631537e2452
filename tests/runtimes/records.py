"""One line of each kind that each program prints, and what may stand in its places instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

USAGE = {"input_tokens": 1200, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 300, "output_tokens": 1}
BLOCKS = [
    {"type": "text", "text": "Calling a tool."},
    {"type": "tool_use", "id": "t", "name": "Write", "input": {"file_path": "/w/hello.txt", "content": "hi\n"}},
]
MODEL_USED = {
    "inputTokens": 2400,
    "outputTokens": 84,
    "cacheReadInputTokens": 600,
    "cacheCreationInputTokens": 200,
    "costUSD": 0.0124,
    "contextWindow": 1000000,
    "costBasis": "list",
}
RESULT = {"type": "result", "subtype": "success", "model_usage_since_last_result": {"m": MODEL_USED}}
FAILED = {"is_error": True, "errors": ["no"], "result": "API Error: 429 try again in 3 s", "api_error_status": 429}
STATS = {"input_tokens": 3000, "output_tokens": 84, "cached": 600, "input": 2400}
API_ERROR = '[API Error: {"error":{"code":401,"message":"no"}}]'
TOKENS = {"input": 1200, "output": 42, "reasoning": 3, "cache": {"write": 7, "read": 300}}
METRICS = {"usage": {"inputTokens": 1600, "outputTokens": 42, "cacheReadTokens": 300, "cacheWriteTokens": 100}}
FACTS = {"main_model": "openai/m1", "prompt_tokens": 1500, "completion_tokens": 42}

RECORDS: dict[str, list[Any]] = {
    "command": [
        {
            "type": "usage",
            "input_tokens": 10,
            "output_tokens": 2,
            "cache_read_tokens": 3,
            "cache_write_tokens": 4,
            "usd": 1,
        },
        {"type": "action", "action": "edit", "file": "a.py", "at": "2026-03-04T09:12:00+01:00"},
        {"type": "tool", "tool": "run", "detail": "pytest"},
        {"type": "no_change", "reason": "fine"},
        {"type": "text", "text": "words"},
        {"type": "conversation", "id": "s1", "model": "m", "window": 200000, "takes_messages": True},
        {"type": "context", "used": 1600},
        {"type": "rate_limit", "wait_s": 3, "until": 1763850000},
        {
            "type": "error",
            "kind": "auth",
            "message": "no",
            "status": 401,
            "wait_s": 30,
            "until": "2026-03-04T09:12:00Z",
        },
        {"type": "result", "text": "done", "is_error": True, "kind": "rate-limit", "message": "slow", "status": 429},
    ],
    "claude-code": [
        {"type": "system", "subtype": "init", "session_id": "ce1fc255", "model": "claude-opus-5-5"},
        {"type": "system", "subtype": "api_retry", "retry_delay_ms": 1500, "error_status": 429},
        {"type": "system", "subtype": "permission_denied", "tool_name": "Bash", "decision_reason": "approval"},
        {"type": "assistant", "message": {"id": "m1", "content": BLOCKS, "usage": USAGE}, "parent_tool_use_id": None},
        {"type": "user", "message": {"content": []}},
        {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1763850000}},
        RESULT,
        {**RESULT, **FAILED},
        {**RESULT, "is_error": True, "subtype": "error_max_turns", "terminal_reason": "prompt_too_long"},
    ],
    "codex": [
        {"type": "thread.started", "thread_id": "01a2"},
        {"type": "turn.started"},
        {"type": "item.completed", "item": {"type": "file_change", "changes": [{"path": "/w/h.txt", "kind": "add"}]}},
        {"type": "item.completed", "item": {"type": "command_execution", "command": "ls", "exit_code": 0}},
        {"type": "item.completed", "item": {"type": "mcp_tool_call", "tool": "note"}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "done"}},
        {"type": "turn.completed", "usage": {"input_tokens": 4500, "cached_input_tokens": 900, "output_tokens": 126}},
        {"type": "turn.failed", "error": {"message": "unexpected status 401 Unauthorized"}},
        {"type": "error", "message": "Reconnecting... 1/5 (last status: 429 Too Many Requests)"},
    ],
    "gemini": [
        {"type": "init", "model": "gemini-2.5-pro"},
        {"type": "message", "role": "assistant", "content": "hi"},
        {"type": "tool_use", "tool_name": "write_file", "parameters": {"file_path": "/w/h.txt"}},
        {"type": "tool_result"},
        {"type": "error", "message": "loop detected"},
        {"type": "result", "status": "success", "stats": STATS},
        {"type": "result", "status": "error", "error": {"message": API_ERROR}, "stats": STATS},
    ],
    "opencode": [
        {"type": "step_start", "part": {}},
        {"type": "tool_use", "part": {"tool": "write", "state": {"input": {"filePath": "/w/h.txt"}}}},
        {"type": "text", "part": {"text": "done"}},
        {"type": "step_finish", "part": {"reason": "stop", "tokens": TOKENS, "cost": 0.002}},
        {"type": "error", "error": {"name": "APIError", "data": {"message": "no", "statusCode": 401}}},
    ],
    "qwen": [
        {"type": "system", "subtype": "init", "session_id": "x", "model": "qwen3-coder-plus"},
        {"type": "system", "subtype": "retry", "data": {"reason": "rate_limit"}},
        {"type": "assistant", "message": {"id": "a", "content": BLOCKS, "usage": USAGE}},
        {"type": "result", "subtype": "success", "is_error": False, "usage": USAGE},
        {"type": "result", "subtype": "error", "is_error": True, "error": {"message": "[API Error: 401 no]"}},
    ],
    "copilot": [
        {"type": "assistant.message", "data": {"content": "Calling a tool.", "model": "claude-opus-5-5"}},
        {"type": "tool.execution_start", "data": {"toolName": "create", "arguments": {"path": "/w/h.txt"}}},
        {"type": "tool.execution_complete", "data": {"fileEdits": [{"path": "/w/h.txt", "kind": "create"}]}},
        {"type": "assistant.turn_retry", "data": {"reason": "rate_limit"}},
        {"type": "session.error", "data": {"errorType": "rate_limit", "message": "429 slow", "statusCode": 429}},
        {"type": "result", "sessionId": "c2713baa", "exitCode": 0},
        {"modelMetrics": {"claude-opus-5-5": METRICS}},
    ],
    "aider": [
        {"event": "message_send", "properties": FACTS},
        "Tokens: 1.5k sent, 42 received.",
        "Applied edit to new.txt",
        "Retrying in 0.5 seconds...",
        "litellm.AuthenticationError: AuthenticationError: OpenAIException - no",
        "your input exceeds the context window of the model",
    ],
}
RECORDS["anthropic"] = RECORDS["command"]

ERROR_LINES = {
    "gemini": [b'Attempt 1 failed with status 429. Retrying with backoff... _ApiError: {"error":{"code":429}}'],
    "opencode": [b'level=ERROR x message="stream error" y error.error="Rate limit reached, try again in 20s"'],
}

DEEP = "[" * 400 + "1" + "]" * 400
"""JSON, as are the others: what takes the place of a value."""

INSTEAD = {
    "null": "null",
    "true": "true",
    "negative": "-5",
    "fraction": "0.5",
    "beyond 64 bits": "1" + "0" * 30,
    "beyond floats": "1" + "0" * 400,
    "largest float": "1e308",
    "not a number": "NaN",
    "infinite": "1e999",
    "text": '"words"',
    "a dash": '"--dangerously"',
    "a path": '"../../../../etc/passwd"',
    "empty": '""',
    "nul": '"a\\u0000b"',
    "lone surrogate": '"\\ud800"',
    "line breaks": '"a\\n# heading\\r\\u2028b"',
    "controls": '"\\u001b[2J\\u009b\\u202e"',
    "digits": '"' + "9" * 5000 + '"',
    "a wait of digits": '"retry after ' + "9" * 400 + ' hours, status 999, |99999999999999"',
    "long": '"' + "long " * 60_000 + '"',
    "list": "[]",
    "list of odd things": '[null, 1, {}, [], "x", {"type": []}]',
    "table": "{}",
    "table of odd things": '{"type": [], "input_tokens": {}, "message": [1], "error": 5}',
    "deep": DEEP,
}


def mutated(record: Any) -> Iterator[tuple[str, bytes]]:
    """Yield a record with each of its places taken by each of these; a text cut off, doubled and with odd numbers."""
    if isinstance(record, str):
        for at in range(0, len(record), 7):
            yield f"cut at {at}", record[:at].encode()
        yield "odd number", record.replace("0.5", "1.2.3" * 50).replace("1.5k", "x").encode()
        yield "long", (record + "y" * 50_000).encode()
        return
    for path in places(record):
        for name, value in INSTEAD.items():
            marked = json.dumps(_with(record, path, MARK))
            yield f"{'.'.join(map(str, path))}: {name}", marked.replace(f'"{MARK}"', value).encode()
    whole = json.dumps(record).encode()
    for at in range(0, len(whole), max(1, len(whole) // 11)):
        yield f"cut at {at}", whole[:at]


MARK = "@mark@"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    twin = dict(value) if isinstance(value, dict) else list(value)
    twin[path[0]] = _with(value[path[0]], path[1:], new)
    return twin
