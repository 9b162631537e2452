"""The four wire formats: Anthropic Messages, OpenAI Chat and Responses, Gemini; whole answers and event streams."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import uuid4

from tests.model_server.script import (
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    ToolCall,
)

Format = Literal["anthropic", "chat", "responses", "gemini"]
Answer = str | ToolCall
PROMPT_TOKENS = INPUT_TOKENS + CACHE_READ_TOKENS

ANTHROPIC_USAGE = {
    "input_tokens": INPUT_TOKENS,
    "cache_creation_input_tokens": CACHE_WRITE_TOKENS,
    "cache_read_input_tokens": CACHE_READ_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
}
CHAT_USAGE = {
    "prompt_tokens": PROMPT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": PROMPT_TOKENS + OUTPUT_TOKENS,
    "prompt_tokens_details": {"cached_tokens": CACHE_READ_TOKENS},
}
RESPONSES_USAGE = {
    "input_tokens": PROMPT_TOKENS,
    "input_tokens_details": {"cached_tokens": CACHE_READ_TOKENS},
    "output_tokens": OUTPUT_TOKENS,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": PROMPT_TOKENS + OUTPUT_TOKENS,
}
GEMINI_USAGE = {
    "promptTokenCount": PROMPT_TOKENS,
    "candidatesTokenCount": OUTPUT_TOKENS,
    "cachedContentTokenCount": CACHE_READ_TOKENS,
    "totalTokenCount": PROMPT_TOKENS + OUTPUT_TOKENS,
}


def format_of(path: str) -> Format | None:
    """Return which provider's endpoint a path is, None for any other."""
    path = path.partition("?")[0]
    if path.endswith("/messages"):
        return "anthropic"
    if path.endswith("/chat/completions"):
        return "chat"
    if path.endswith("/responses"):
        return "responses"
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return "gemini"
    return None


def tools_of(form: Format, body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the tools that a request offers, each with the schema of its arguments."""
    found: dict[str, Mapping[str, Any]] = {}
    for tool in body.get("tools") or ():
        if form == "gemini":
            for each in tool.get("functionDeclarations", ()):
                found[each["name"]] = each.get("parametersJsonSchema") or each.get("parameters") or {}
        elif form == "chat":
            found[tool["function"]["name"]] = tool["function"].get("parameters") or {}
        elif "name" in tool:
            found[tool["name"]] = tool.get("input_schema") or tool.get("parameters") or {}
    return found


def error(form: Format, status: int, message: str) -> dict[str, Any]:
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 529: "overloaded_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "api_error")
    if form == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": message}}
    if form == "gemini":
        words = {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 400: "INVALID_ARGUMENT"}
        return {"error": {"code": status, "message": message, "status": words.get(status, "UNAVAILABLE")}}
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    return {"error": {"message": message, "type": kind, "param": None, "code": codes.get(status)}}


def overflow(form: Format) -> tuple[int, dict[str, Any]]:
    """Return how each provider says that the conversation does not fit."""
    if form == "anthropic":
        return 400, error(form, 400, "prompt is too long: 212345 tokens > 200000 maximum")
    if form == "gemini":
        text = "The input token count (1212345) exceeds the maximum number of tokens allowed (1048576)."
        return 400, error(form, 400, text)
    found = error(
        form, 400, "Your input exceeds the context window of this model. Please adjust your input and try again."
    )
    found["error"]["code"] = "context_length_exceeded"
    return 400, found


def whole(form: Format, model: str, answer: Answer) -> dict[str, Any]:
    """Return an answer that is not streamed."""
    return _WHOLE[form](model, answer)


def stream(form: Format, model: str, answer: Answer) -> Iterator[bytes]:
    """Yield an answer as server-sent events."""
    for name, data in _EVENTS[form](model, answer):
        head = f"event: {name}\n" if name else ""
        text = data if isinstance(data, str) else json.dumps(data)
        yield f"{head}data: {text}\n\n".encode()


# --- Anthropic --------------------------------------------------------------------------------------------------------


def _block(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"type": "text", "text": answer}
    return {"type": "tool_use", "id": f"toolu_{uuid4().hex[:24]}", "name": answer.name, "input": dict(answer.arguments)}


def _anthropic(model: str, answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [_block(answer)],
        "stop_reason": "end_turn" if isinstance(answer, str) else "tool_use",
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }


def _anthropic_events(model: str, answer: Answer) -> Iterator[tuple[str, Any]]:
    message = _anthropic(model, answer)
    (block,) = message["content"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": start}
    is_text = block["type"] == "text"
    empty = {**block, "text": ""} if is_text else {**block, "input": {}}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": empty}
    delta = (
        {"type": "text_delta", "text": block["text"]}
        if is_text
        else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    )
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield "message_delta", {"type": "message_delta", "delta": ended, "usage": ANTHROPIC_USAGE}
    yield "message_stop", {"type": "message_stop"}


# --- OpenAI -----------------------------------------------------------------------------------------------------------


def _call(answer: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(dict(answer.arguments))
    return {
        "id": f"call_{uuid4().hex[:24]}",
        "type": "function",
        "function": {"name": answer.name, "arguments": arguments},
    }


def _chat(model: str, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer if isinstance(answer, str) else None}
    if isinstance(answer, ToolCall):
        message["tool_calls"] = [_call(answer)]
    reason = "stop" if isinstance(answer, str) else "tool_calls"
    return {
        "id": f"chatcmpl-{uuid4().hex[:20]}",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": CHAT_USAGE,
    }


def _chat_events(model: str, answer: Answer) -> Iterator[tuple[str, Any]]:
    head = {"id": f"chatcmpl-{uuid4().hex[:20]}", "object": "chat.completion.chunk", "created": 1, "model": model}
    delta: dict[str, Any] = {"role": "assistant"}
    if isinstance(answer, str):
        delta["content"] = answer
    else:
        delta["tool_calls"] = [{"index": 0, **_call(answer)}]
    reason = "stop" if isinstance(answer, str) else "tool_calls"
    yield "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield "", {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    yield "", {**head, "choices": [], "usage": CHAT_USAGE}
    yield "", "[DONE]"


def _item(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, str):
        part = {"type": "output_text", "text": answer, "annotations": []}
        return {
            "type": "message",
            "id": f"msg_{uuid4().hex[:20]}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    return {
        "type": "function_call",
        "id": f"fc_{uuid4().hex[:20]}",
        "call_id": f"call_{uuid4().hex[:20]}",
        "name": answer.name,
        "arguments": json.dumps(dict(answer.arguments)),
        "status": "completed",
    }


def _responses(model: str, answer: Answer) -> dict[str, Any]:
    return {
        "id": f"resp_{uuid4().hex[:20]}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": model,
        "output": [_item(answer)],
        "usage": RESPONSES_USAGE,
    }


def _responses_events(model: str, answer: Answer) -> Iterator[tuple[str, Any]]:
    response = _responses(model, answer)
    (item,) = response["output"]
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
    ]
    if isinstance(answer, str):
        at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        events.append({"type": "response.output_text.delta", **at, "delta": answer})
    events += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]
    for number, event in enumerate(events):
        yield event["type"], {**event, "sequence_number": number}


# --- Gemini -----------------------------------------------------------------------------------------------------------


def _gemini(model: str, answer: Answer) -> dict[str, Any]:
    part = (
        {"text": answer}
        if isinstance(answer, str)
        else {"functionCall": {"name": answer.name, "args": dict(answer.arguments)}}
    )
    content = {"role": "model", "parts": [part]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": GEMINI_USAGE,
        "modelVersion": model,
    }


def _gemini_events(model: str, answer: Answer) -> Iterator[tuple[str, Any]]:
    yield "", _gemini(model, answer)


_WHOLE = {"anthropic": _anthropic, "chat": _chat, "responses": _responses, "gemini": _gemini}
_EVENTS = {
    "anthropic": _anthropic_events,
    "chat": _chat_events,
    "responses": _responses_events,
    "gemini": _gemini_events,
}
