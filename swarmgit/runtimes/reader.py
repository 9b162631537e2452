"""From what a program prints to a `Stream`: the part that every adapter shares. An adapter brings a translation."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.model.events import (
    Context,
    Conversation,
    Event,
    Fault,
    FileAction,
    Limited,
    NoChange,
    Result,
    Spent,
    Stream,
    Text,
    ToolUse,
)
from swarmgit.model.usage import Usage

LINE_BYTES_MAX = 1 << 20
ACTIONS_MAX = 1000
TAIL_CHARS_MAX = 4000
ESTIMATES_MAX = 64
WORDS_CHARS_MAX = 2000
PATH_CHARS_MAX = 4096

_NO_CHANGE = re.compile(r"^NO CHANGE NEEDED: *(.+)$", re.MULTILINE)
"""How an agent that can only talk says that it gave up on purpose; it counts where the task allows no change."""

Translation = Callable[[Mapping[str, Any]], Iterable[Event] | None]
"""A line's JSON object → its events; None where it is no line of the program's, and counts as text."""


def no_words(line: str) -> Iterable[Event]:  # noqa: ARG001  a translation of text
    """Find nothing in a line of plain text."""
    return ()


class Dialect(Struct, frozen=True):
    """How a program speaks. `words`: what its plain text lines say. `has_last_word`: it ends with a `Result`.

    `errors`: what lines of its standard error say; None: nothing that its output does not say as well.

    `remedy`: what a person does when its credentials are refused.
    """

    translate: Translation
    words: Callable[[str], Iterable[Event]] = no_words
    has_last_word: bool = False
    usage_covers: Literal["session", "conversation"] = "session"
    remedy: str = ""
    errors: Callable[[str], Iterable[Event]] | None = None


class DialectReader:
    """ports.StreamReader in constant memory: one line of at most 1 MiB, 1,000 actions, 4,000 characters of text."""

    def __init__(self, dialect: Dialect) -> None:
        self._facts = _Facts(dialect)
        self._partial = bytearray()
        self._is_skipping = False
        self._error = b""

    @property
    def hears_errors(self) -> bool:
        """Return whether the program's standard error says something that its output does not."""
        return self._facts.dialect.errors is not None

    def feed_errors(self, chunk: bytes) -> None:
        """Take the next bytes of its standard error, cut anywhere."""
        *lines, rest = (self._error + chunk).split(b"\n")
        self._error = rest[:LINE_BYTES_MAX]
        for line in lines:
            self._facts.take_error(line[:TAIL_CHARS_MAX].decode("utf-8", "replace"))

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._line(chunk[start:end])
            start = end + 1
        self._keep(chunk[start:])

    def stream(self) -> Stream:
        """Return what has been said so far; a last line without its end counts if it is whole."""
        facts = self._facts
        if self._partial and not self._is_skipping:
            facts = facts.copy()
            facts.take(bytes(self._partial))
        return facts.stream(self._facts.lines)

    def _line(self, rest: bytes) -> None:
        if self._is_skipping or len(self._partial) + len(rest) > LINE_BYTES_MAX:
            self._keep(rest)
            self._facts.take_unread(bytes(self._partial))
        else:
            self._facts.take(bytes(self._partial) + rest if self._partial else rest)
        self._partial.clear()
        self._is_skipping = False

    def _keep(self, rest: bytes) -> None:
        """Remember the beginning of a line; of one that is too long only so much that something can be shown."""
        if self._is_skipping or not rest:
            return
        self._partial += rest[: LINE_BYTES_MAX + 1]
        if len(self._partial) > LINE_BYTES_MAX:
            del self._partial[TAIL_CHARS_MAX:]
            self._is_skipping = True


class _Facts(Struct):
    dialect: Dialect
    lines: int = 0
    said: Stream = field(default_factory=Stream)
    _settled: Usage = field(default_factory=Usage)
    _estimates: dict[str, Usage] = field(default_factory=dict)
    _actions: list[FileAction] = field(default_factory=list)
    _words: list[str] = field(default_factory=list)
    _size: int = 0

    def copy(self) -> _Facts:
        """Return a copy that can take more without a trace in this one."""
        twin = copy.copy(self)
        twin._actions, twin._words, twin._estimates = [*self._actions], [*self._words], {**self._estimates}
        return twin

    def take(self, line: bytes) -> None:
        """Take one line without its end."""
        self.lines += 1
        said = decoded(line)
        events = self.dialect.translate(said) if said else None
        if events is None:
            self.take_text(line)
            return
        for event in events:
            self._take(event)

    def take_unread(self, beginning: bytes) -> None:
        """Take the beginning of a line that was too long."""
        self.lines += 1
        self.take_text(beginning)

    def take_text(self, line: bytes) -> None:
        """Take a line as words."""
        text = line[-4 * TAIL_CHARS_MAX :].decode("utf-8", "replace")[-TAIL_CHARS_MAX:]
        self._say(text)
        for event in self.dialect.words(text):
            self._take(event)

    def take_error(self, line: str) -> None:
        """Take a line of standard error: no words of its, but what it means."""
        for event in self.dialect.errors(line) if self.dialect.errors else ():
            self._take(event)

    def stream(self, lines: int) -> Stream:
        """Return the value."""
        said = self.said
        return replace(
            said,
            usage=self._usage(),
            actions=tuple(self._actions),
            text_tail="\n".join(self._words)[-TAIL_CHARS_MAX:],
            lines=lines,
            usage_covers=self.dialect.usage_covers,
            is_complete=bool(said.is_complete) if self.dialect.has_last_word else None,
        )

    def _usage(self) -> Usage:
        """Return what was used; with mere estimates in it no price that the program named covers it all."""
        whole = self._settled
        for estimate in self._estimates.values():
            whole = replace(added(whole, estimate), usd=None)
        return whole

    def _take(self, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915  one line per kind of event
        said = self.said
        match event:
            case Text(text):
                self._say(text[-TAIL_CHARS_MAX:])
                self.said = said = replace(said, limited=None)
                if found := _NO_CHANGE.search(text[-TAIL_CHARS_MAX:]):
                    self.said = replace(said, no_change=words(found[1]))
            case ToolUse():
                self.said = replace(said, tools=said.tools + 1, limited=None)
            case FileAction(action, file, at):
                if len(self._actions) < ACTIONS_MAX:  # the first are kept, so that their numbers stay
                    self._actions.append(FileAction(words(action)[:100], plain(file)[:PATH_CHARS_MAX], at))
            case Spent():
                self._spend(event)
            case Conversation(id_, model, listens):
                listens = listens or said.takes_messages
                model = model or said.model
                self.said = replace(said, conversation=id_ or said.conversation, model=model, takes_messages=listens)
            case Context(used, window):
                used = said.context_used if used is None else used
                self.said = replace(said, context_used=used, context_window=window or said.context_window)
            case Limited():
                self.said = replace(said, limited=event)
            case Fault():
                self.said = replace(said, fault=self._with_remedy(event), limited=None)
            case Result(text, fault):
                self._say(text[-TAIL_CHARS_MAX:])
                fault = self._with_remedy(fault) if fault else None
                self.said = replace(said, is_complete=True, fault=fault, limited=None)
            case NoChange(reason):
                self.said = replace(said, no_change=words(reason))

    def _with_remedy(self, fault: Fault) -> Fault:
        is_ours = fault.kind == "auth" and not fault.remedy
        return replace(fault, message=words(fault.message), remedy=self.dialect.remedy if is_ours else fault.remedy)

    def _spend(self, spent: Spent) -> None:
        self.said = replace(self.said, limited=None)
        if spent.estimate_of is None:
            self._settled = added(self._settled, spent.usage)
            self._estimates.clear()
            return
        self._estimates[spent.estimate_of] = spent.usage
        if len(self._estimates) > ESTIMATES_MAX:
            oldest = self._estimates.pop(next(iter(self._estimates)))
            rest = self._estimates.get("", Usage())
            self._estimates[""] = added(rest, oldest)

    def _say(self, text: str) -> None:
        self._words.append(text)
        self._size += len(text) + 1
        if self._size > 4 * TAIL_CHARS_MAX:
            tail = "\n".join(self._words)[-TAIL_CHARS_MAX:]
            self._words, self._size = [tail], len(tail) + 1


def added(one: Usage, other: Usage) -> Usage:
    """Return the sum. A price that only one of them knows is kept: it is at least that."""
    known = [usd for usd in (one.usd, other.usd) if usd is not None]
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cache_read_tokens + other.cache_read_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        sum(known) if known else None,
    )


def decoded(line: bytes) -> Mapping[str, Any]:
    """Return a line's JSON object; an empty one for anything else."""
    line = line.strip()
    if not line.startswith(b"{"):
        return {}
    try:
        said = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return {}
    return said if isinstance(said, dict) else {}


def words(value: object) -> str:
    """Return a text that is safe to show and to keep; '' for what is none."""
    return plain(value)[:WORDS_CHARS_MAX].strip() if isinstance(value, str) else ""


def plain(text: str) -> str:
    """Return at most 4,096 characters, those that cannot be shown replaced."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text[:PATH_CHARS_MAX])
