"""Block-style YAML of one fixed form: how state files are written, and a quick reader for exactly that form.

The writer's text is plain YAML for every other program. Text that a YAML 1.1 or 1.2 reader could take for something
else is quoted. The quick reader takes nothing but the writer's form and gives up on everything else (None), so that a
file somebody edited by hand is read by the real parser instead.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from swarmgit.documents.scalars import Scalar, scalar

# what is never written as itself: control characters, line breaks of every kind, marks that hide or reorder text
_HIDDEN = r"\x00-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff"
_ESCAPE = re.compile(f"[{_HIDDEN}]")
_WORD = rf"[^ #:{_HIDDEN}]+"
_PLAIN = re.compile(rf"(?=[A-Za-z0-9_./(\xa1-\u1fff\u3040-\ud7ff]){_WORD}(?: {_WORD})*")
_WORDS_1_1 = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NUMBER_LIKE = re.compile(r"[0-9]+e[0-9]+|0x[0-9a-f]+|0o[0-7]+|0b[01]+|[0-9]+")
_ID = re.compile(r"[0-9][0-9a-z]*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,200}")
_LINE = re.compile(r"( *)((?:- )*)(?:([A-Za-z_][A-Za-z0-9_./-]*|\"(?:[^\"\\]|\\.)*\"):(?: (.*))?|(.*))", re.DOTALL)
_DEPTH_MAX = 40


def write(document: Mapping[str, Any]) -> str:
    """Return the YAML text of plain data (mappings, sequences, text, finite numbers, booleans, None)."""
    return "\n".join([*_mapping(document, 0), ""]) if document else "{}\n"


def _mapping(mapping: Mapping[str, Any], indent: int) -> list[str]:
    lines: list[str] = []
    for key, value in mapping.items():
        shown = key if _KEY.fullmatch(key) and key.lower() not in _WORDS_1_1 else _quoted(key)
        start = f"{' ' * indent}{shown}:" if len(shown) < 1000 else f"{' ' * indent}? {shown}\n{' ' * indent}:"
        lines += _value(start, value, indent)
    return lines


def _sequence(items: Sequence[Any], indent: int) -> list[str]:
    pad = " " * indent
    lines: list[str] = []
    for item in items:
        if isinstance(item, Mapping) and item:
            first, *rest = _mapping(item, indent + 2)
            lines += [f"{pad}- {first[indent + 2 :]}", *rest]
        else:
            lines += _value(f"{pad}-", item, indent)
    return lines


def _value(start: str, value: object, indent: int) -> list[str]:
    match value:
        case Mapping():
            return [start, *_mapping(value, indent + 2)] if value else [f"{start} {{}}"]
        case str():
            return _text(start, value, " " * (indent + 2))
        case Sequence():
            return [start, *_sequence(value, indent + 2)] if value else [f"{start} []"]
        case None:
            return [f"{start} null"]
        case bool():
            return [f"{start} {'true' if value else 'false'}"]
        case int() | float():
            return [f"{start} {_number(value)}"]
        case _:
            raise TypeError(f"no place in a state file for {type(value).__name__}")


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("only finite numbers have a place in a state file")
    return repr(value)


def _text(start: str, text: str, pad: str) -> list[str]:
    if is_plain(text):
        return [f"{start} {text}"]
    if "\n" in text and _is_literal(text):
        lines = text.split("\n")
        chomp = "-" if lines[-1] else ("+" if len(lines) > 2 and not lines[-2] else "")
        body = lines if lines[-1] else lines[:-1]
        return [f"{start} |{chomp}", *(f"{pad}{line}" if line else "" for line in body)]
    return [f"{start} {_quoted(text)}"]


def is_plain(text: str) -> bool:
    """Return whether a text needs no quotes: no reader takes it for a number, a date, a boolean or a structure."""
    if not _PLAIN.fullmatch(text) or text.lower() in _WORDS_1_1:
        return False
    if text[0] == ".":
        return text[1:2].isalpha() and text.lower() not in {".inf", ".nan"}
    if text[0].isdigit() and " " not in text:
        return _ID.fullmatch(text) is not None and _NUMBER_LIKE.fullmatch(text) is None
    return True


def _is_literal(text: str) -> bool:
    lines = text.split("\n")
    return (
        lines[0] != ""
        and lines[0][0] not in " \t"
        and not any(line and not line.strip(" \t") for line in lines)
        and not _ESCAPE.search(text.replace("\t", "").replace("\n", ""))
    )


def _quoted(text: str) -> str:
    return _ESCAPE.sub(lambda match: _escaped(match[0]), json.dumps(text, ensure_ascii=False))


def _escaped(letter: str) -> str:
    return "\\uFFFD" if "\ud800" <= letter <= "\udfff" else f"\\u{ord(letter):04X}"


class _Unusual(Exception):
    """Not the writer's form."""


def read(text: str) -> dict[str, Any] | None:
    """Return the mapping that the writer's text holds; None for text that the writer would not write."""
    reader = _Reader(text.split("\n"))
    try:
        document = reader.mapping(0, 0)
        return document if reader.at == len(reader.lines) - 1 and reader.lines[-1] == "" else None
    except (_Unusual, ValueError, IndexError):
        return None


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def mapping(self, indent: int, depth: int) -> dict[str, Any]:
        """Read the lines from here on that are `indent` deep as 'key: value'."""
        if depth > _DEPTH_MAX:
            raise _Unusual
        found: dict[str, Any] = {}
        while True:
            line = self.lines[self.at]
            key, rest = self.key(line, indent)
            if key in found:
                raise _Unusual
            self.at += 1
            found[key] = self.value(rest, indent, depth)
            line = self.lines[self.at]
            if not line or len(line) - len(line.lstrip(" ")) < indent:
                return found

    def key(self, line: str, indent: int) -> tuple[str, str]:
        match = _LINE.fullmatch(line, indent)
        if match is None or match[1] or match[2] or match[3] is None or line[:indent].strip(" -"):
            raise _Unusual
        key = json.loads(match[3]) if match[3][0] == '"' else match[3]
        return key, match[4] or ""

    def value(self, rest: str, indent: int, depth: int) -> Any:  # noqa: ANN401 - whatever the document holds
        if rest == "":
            following = self.lines[self.at]
            if following.startswith(" " * (indent + 2) + "-"):
                return self.sequence(indent + 2, depth + 1)
            return self.mapping(indent + 2, depth + 1)
        if rest in {"|", "|-", "|+"}:
            return self.literal(rest, indent + 2)
        return _scalar(rest)

    def sequence(self, indent: int, depth: int) -> list[Any]:
        if depth > _DEPTH_MAX:
            raise _Unusual
        pad = " " * indent
        found: list[Any] = []
        while self.lines[self.at].startswith(pad + "-"):
            line = self.lines[self.at]
            rest = line[indent + 2 :]
            if line != pad + "-" and line[indent + 1] != " ":
                raise _Unusual
            item = _LINE.fullmatch(rest)
            if rest and item is not None and item[3] is not None:
                self.lines[self.at] = pad + "  " + rest
                found.append(self.mapping(indent + 2, depth + 1))
                continue
            self.at += 1
            found.append(self.value(rest, indent, depth))
        return found

    def literal(self, style: str, indent: int) -> str:
        pad = " " * indent
        start = self.at
        while self.at < len(self.lines) and (self.lines[self.at].startswith(pad) or not self.lines[self.at]):
            self.at += 1
        if self.at == len(self.lines):
            self.at -= 1  # the empty piece after the file's last line break is not a line
        lines = [line[indent:] for line in self.lines[start : self.at]]
        body = "\n".join(lines)
        if not lines or not lines[0] or lines[0][0] in " \t":
            raise _Unusual
        if style == "|+":
            return body + "\n"
        return body.rstrip("\n") + ("\n" if style == "|" else "")


def _scalar(text: str) -> Scalar | list[Any] | dict[str, Any]:
    if text[0] == '"':
        value = json.loads(text)
        if not isinstance(value, str):
            raise _Unusual
        return value
    if text in {"null", "true", "false"} or _NUMBER.fullmatch(text):
        return scalar(text)
    if text == "[]":
        return []
    if text == "{}":
        return {}
    if not is_plain(text):
        raise _Unusual
    return text
