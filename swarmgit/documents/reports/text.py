"""Program output as plain lines: no colours, no overwritten progress bars, nothing endless."""

from __future__ import annotations

import re

_CHARS_MAX = 1 << 20
_HEAD_LINES = 2_000
_TAIL_LINES = 18_000
_LINE_CHARS_MAX = 1000
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?]{0,32}[ -/]?[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[@-Z\\^_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SECTIONS = re.compile(r"^=+ (?:FAILURES|ERRORS) =+$|^failures:$|^Failures:$|^[^\n]{0,200}--- FAIL: ", re.MULTILINE)


def clean(output: str) -> str:
    """Return output without escape sequences and control characters, at most 1 Mi characters (its end)."""
    text = output[-_CHARS_MAX:].encode("utf-8", "replace").decode("utf-8")
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", text)


def lines_of(output: str) -> list[str]:
    """Return the lines of cleaned output, each cut at 1,000 characters; of very many the first and the last."""
    lines = clean(output).split("\n")
    if len(lines) > _HEAD_LINES + _TAIL_LINES:
        lines = lines[:_HEAD_LINES] + lines[-_TAIL_LINES:]
    return [line[:_LINE_CHARS_MAX].rstrip() for line in lines]


def relevant(text: str) -> str:
    """Return the part from where a known test runner begins to tell of failures, else the whole."""
    section = _SECTIONS.search(text)
    return text[section.start() :] if section else text
