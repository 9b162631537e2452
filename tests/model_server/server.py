"""A model provider on loopback that says what a script says, in whichever wire format it is asked, and keeps every request.

    with ModelServer() as server:
        server.script("a", Write("x.txt", "hi\n"), Say("done"))
        …  a program whose base URL is server.url("a")  …
        server.seen("a")

The first part of a path names the script, so that several programs can be served at once. A request that offers no
tools is answered with "ok" and uses up no turn, unless the script was given with `is_plain`: programs make such
requests for titles and the like. After the last turn the script says "done".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.model_server import wire
from tests.model_server.script import Drop, Overflow, Refuse, Reply, Say, Turn, Wait, Write, tool_call

BODY_BYTES_MAX = 16 << 20


@dataclass(frozen=True)
class Seen:
    """One request. `turn` is what it was answered with; None for one that used up no turn."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    turn: Turn | None

    @property
    def text(self) -> str:
        return json.dumps(self.body, ensure_ascii=False)


@dataclass
class _Script:
    turns: list[Turn]
    is_plain: bool = False
    seen: list[Seen] = field(default_factory=list)


class ModelServer:
    def __init__(self) -> None:
        self._scripts: dict[str, _Script] = {}
        self._lock = threading.Lock()
        self.is_closing = threading.Event()
        self.strays: list[str] = []
        """Requests that are no model call, such as a phone call home through a proxy."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.is_closing.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def url(self, name: str) -> str:
        """Return the base URL at which a script is served."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def script(self, name: str, *turns: Turn, is_plain: bool = False) -> str:
        """Set what is said to whoever asks at the script's base URL, and return that."""
        with self._lock:
            self._scripts[name] = _Script(list(turns), is_plain)
        return self.url(name)

    def seen(self, name: str) -> list[Seen]:
        """Return the requests that used up turns, in order."""
        with self._lock:
            return [each for each in self._scripts[name].seen if each.turn is not None]

    def all_seen(self, name: str) -> list[Seen]:
        with self._lock:
            return list(self._scripts[name].seen)

    def next_turn(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any], *, has_tools: bool) -> Turn:
        """Return the script's next turn for a request, and note the request."""
        name = path.lstrip("/").partition("/")[0]
        with self._lock:
            script = self._scripts.setdefault(name, _Script([]))
            counts = has_tools or script.is_plain
            turn: Turn = (script.turns.pop(0) if script.turns else Say("done")) if counts else Say("ok")
            script.seen.append(Seen(path, headers, body, turn if counts else None))
            return turn


def said(turn: Reply) -> str:
    """Return a turn as text: for programs without tools, a file to write is a block that they apply themselves."""
    match turn:
        case Say(text):
            return text
        case Write(path, content):
            return f"{path}\n```\n<<<<<<< SEARCH\n=======\n{content}>>>>>>> REPLACE\n```\n"
        case _:
            return "there is no tool for it"


class _Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Keep quiet."""

    def handle(self) -> None:
        """Serve one connection; a program that was stopped takes its leave without a word."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        self.owner.strays.append(f"GET {self.path}")
        self._json(200, {"object": "list", "data": [], "models": []})

    def do_CONNECT(self) -> None:
        self.owner.strays.append(f"CONNECT {self.path}")
        self._json(403, {"error": "nothing leaves this machine"})

    def do_POST(self) -> None:
        size = min(int(self.headers.get("content-length") or 0), BODY_BYTES_MAX)
        body = json.loads(self.rfile.read(size) or b"{}")
        form = wire.format_of(self.path)
        if form is None:
            self.owner.strays.append(f"POST {self.path}")
            self._json(200, {"input_tokens": 10, "totalTokens": 10})
            return
        tools = wire.tools_of(form, body)
        turn = self.owner.next_turn(self.path, dict(self.headers.items()), body, has_tools=bool(tools))
        if isinstance(turn, Wait):
            self.owner.is_closing.wait(turn.seconds)
            turn = turn.then
        match turn:
            case Refuse(status, message, retry_after_s):
                extra = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
                self._json(status, wire.error(form, status, message), extra)
            case Overflow():
                self._json(*wire.overflow(form))
            case Drop():
                self._drop()
            case _:
                self._answer(form, body, turn, tools)

    def _answer(self, form: wire.Format, body: Mapping[str, Any], turn: Reply, tools: Mapping[str, Any]) -> None:
        model = str(body.get("model") or self.path.rpartition("/models/")[2].partition(":")[0] or "model")
        called = None if isinstance(turn, Say) else tool_call(turn, tools, json.dumps(body))
        answer: wire.Answer = said(turn) if called is None else called
        if not (body.get("stream") or "streamGenerateContent" in self.path):
            self._json(200, wire.whole(form, model, answer))
            return
        self._begin_stream()
        for chunk in wire.stream(form, model, answer):
            self._chunk(chunk)
        self._chunk(b"")

    def _drop(self) -> None:
        self._begin_stream()
        self._chunk(b'event: ping\ndata: {"type": "ping"}\n\n')
        self.close_connection = True
        self.connection.close()

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("request-id", "req_scripted")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        try:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        except OSError:  # the program was stopped
            self.close_connection = True

    def _json(self, status: int, value: Mapping[str, Any], extra: Mapping[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            for name, text in (extra or {}).items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True
