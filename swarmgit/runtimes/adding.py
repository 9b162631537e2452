"""What lines say, added up: usage, actions, the last words. Nothing that an adapter makes of a line can stop it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

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
from swarmgit.runtimes import fields
from swarmgit.runtimes.dialect import Dialect, no_words
from swarmgit.runtimes.typed import typed

_JSON = msgspec.json.Decoder()
REFUSALS = frozenset({"auth", "config"})
"""Before any model was asked."""

MISREAD_CHARS_MAX = 300
ACTIONS_MAX = 1000
TAIL_CHARS_MAX = 4000
ESTIMATES_MAX = 64

_NO_CHANGE = re.compile(r"^NO CHANGE NEEDED: *(.+)$", re.MULTILINE)
"""How an agent that can only talk says that it gave up on purpose; it counts where the task allows no change."""


class Heard(Struct):
    """What was heard so far, but for the unfinished line: plain data.

    `is_owed`: the model has worked since the program last said for good what was used.
    """

    lines: int = 0
    said: Stream = field(default_factory=Stream)
    settled: Usage = field(default_factory=Usage)
    estimates: dict[str, Usage] = field(default_factory=dict)
    actions: list[FileAction] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    size: int = 0
    is_owed: bool = False

    def copy(self) -> Heard:
        """Return a copy that can take more without a trace in this one."""
        twin = copy.copy(self)
        twin.actions, twin.words, twin.estimates = [*self.actions], [*self.words], {**self.estimates}
        return twin


class Adder(Struct):
    """Hears lines, and adds up what they say."""

    dialect: Dialect
    heard: Heard

    def copy(self) -> Adder:
        """Return a twin that can take more without a trace in this one."""
        return Adder(self.dialect, self.heard.copy())

    def take(self, line: bytes) -> None:
        """Take one line without its end."""
        self.heard.lines += 1
        said = decoded(line)
        if not said or not self._understand(self.dialect.translate, said):
            self._take_text(line)

    def take_texts(self, lines: bytes) -> None:
        """Take lines of text. Of most programs they mean nothing, and only the last ones are kept."""
        self.heard.lines += lines.count(b"\n") + 1
        if self.dialect.words is no_words:
            self._say(_end_of(lines))
            return
        for line in lines.split(b"\n"):
            self._take_text(line)

    def take_error(self, line: str) -> None:
        """Take a line of standard error: no words of its, but what it means."""
        errors = self.dialect.errors
        if errors is not None:
            self._understand(errors, line)

    def _take_text(self, line: bytes) -> None:
        text = _end_of(line)
        self._say(text)
        if self.dialect.words is not no_words:
            self._understand(self.dialect.words, text)

    def _understand(self, translate: Callable[[Any], Iterable[Event] | None], said_here: object) -> bool:
        """Take what a line means; False where it means nothing. A line that an adapter cannot bear is told, no more."""
        try:
            events = translate(said_here)
            found = None if events is None else tuple(map(typed, events))
        except Exception as error:  # noqa: BLE001  an adapter may be anybody's, and the line is an agent's
            said = self.heard.said
            kind = said.misread_as or f"{type(error).__name__}: {error}"
            self.heard.said = replace(said, misread=said.misread + 1, misread_as=fields.words(kind)[:MISREAD_CHARS_MAX])
            return False
        for event in found or ():
            self._take(event)
        return found is not None

    def stream(self) -> Stream:
        """Return the value."""
        heard = self.heard
        return replace(
            heard.said,
            usage=self._usage(),
            actions=tuple(heard.actions),
            text_tail="\n".join(heard.words)[-TAIL_CHARS_MAX:],
            lines=heard.lines,
            usage_covers=self.dialect.usage_covers,
            speaks_for=self.dialect.speaks_for,
            is_complete=bool(heard.said.is_complete) if self.dialect.has_last_word else None,
        )

    def _usage(self) -> Usage:
        """Return what was used; with mere estimates in it no price that the program named covers it all.

        A program that ends by saying what it used is not done before that: until then it is the least.
        """
        heard = self.heard
        whole = heard.settled
        for estimate in heard.estimates.values():
            whole = replace(added(whole, estimate), usd=None)
        is_refused = heard.said.fault is not None and heard.said.fault.kind in REFUSALS and not whole.tokens
        is_owed = self.dialect.has_last_word and heard.is_owed and not is_refused
        return replace(whole, at_least=True) if is_owed else whole

    def _take(self, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915  one line per kind of event
        said = self.heard.said
        match event:
            case Text(text):
                self.heard.is_owed = not self.dialect.usage_comes_first
                self._say(text[-TAIL_CHARS_MAX:])
                self.heard.said = said = replace(said, limited=None)
                if found := _NO_CHANGE.search(text[-TAIL_CHARS_MAX:]):
                    self.heard.said = replace(said, no_change=fields.words(found[1]))
            case ToolUse():
                self.heard.is_owed = not self.dialect.usage_comes_first
                self.heard.said = replace(said, tools=said.tools + 1, limited=None)
            case FileAction(action, file, at):
                if len(self.heard.actions) < ACTIONS_MAX:  # the first are kept, so that their numbers stay
                    self.heard.actions.append(FileAction(fields.words(action)[:100], fields.plain(file), at))
            case Spent():
                self._spend(event)
            case Conversation(id_, model, listens):
                listens = listens or said.takes_messages
                model = fields.name(model) or said.model
                id_ = fields.conversation(id_) or said.conversation
                self.heard.said = replace(said, conversation=id_, model=model, takes_messages=listens)
            case Context(used, window):
                used = said.context_used if used is None else used
                self.heard.said = replace(said, context_used=used, context_window=window or said.context_window)
            case Limited():
                self.heard.said = replace(said, limited=event)
            case Fault():
                self.heard.said = replace(said, fault=self._with_remedy(event), limited=None)
            case Result(text, fault):
                self._say(text[-TAIL_CHARS_MAX:])
                fault = self._with_remedy(fault) if fault else None
                self.heard.is_owed = self.heard.is_owed and not (fault is None and is_count(self.heard.settled))
                self.heard.said = replace(said, is_complete=True, fault=fault, limited=None)
            case NoChange(reason):
                self.heard.said = replace(said, no_change=fields.words(reason))

    def _with_remedy(self, fault: Fault) -> Fault:
        """Return a fault with what a person does about it: our own words, never those of who prints."""
        remedy = self.dialect.remedy if fault.kind == "auth" else ""
        return replace(fault, message=fields.words(fault.message), remedy=remedy)

    def _spend(self, spent: Spent) -> None:
        """Count usage. A final count without any input is none: what was counted meanwhile stays, as an estimate."""
        heard = self.heard
        if heard.said.limited is not None:
            heard.said = replace(heard.said, limited=None)
        if spent.estimate_of is None and (is_count(spent.usage) or not heard.estimates):
            heard.settled = added(heard.settled, spent.usage)
            heard.estimates.clear()
            heard.is_owed = heard.is_owed and not is_count(spent.usage)
            return
        if spent.estimate_of is None:
            return
        heard.is_owed = True
        heard.estimates[spent.estimate_of] = spent.usage
        if len(heard.estimates) > ESTIMATES_MAX:
            oldest = heard.estimates.pop(next(iter(heard.estimates)))
            rest = heard.estimates.get("", Usage())
            heard.estimates[""] = added(rest, oldest)

    def _say(self, text: str) -> None:
        self.heard.words.append(text)
        self.heard.size += len(text) + 1
        if self.heard.size > 4 * TAIL_CHARS_MAX:
            tail = "\n".join(self.heard.words)[-TAIL_CHARS_MAX:]
            self.heard.words, self.heard.size = [tail], len(tail) + 1


def _end_of(lines: bytes) -> str:
    return lines[-4 * (TAIL_CHARS_MAX + 1) :].decode("utf-8", "replace")[-TAIL_CHARS_MAX:]


def is_count(usage: Usage) -> bool:
    """Return whether this can be what a model was asked: nothing is written without something that was read."""
    return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens > 0


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
        said = _JSON.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return {}
    return said if isinstance(said, dict) else {}
