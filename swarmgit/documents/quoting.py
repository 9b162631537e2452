"""Text that an agent wrote, made safe to put into something else: one core, and one function for each medium.

An agent chooses error messages, names of files, branches and tests, titles, and what programs print. None of it may
become structure where it is shown: a heading in another agent's prompt, a command to a terminal, a link in a document,
a trailer of a commit. Characters that show as nothing or turn text around are spelled out, everywhere.
"""

from __future__ import annotations

import re
import unicodedata

# Default_Ignorable_Code_Point of the Unicode Character Database where the category is not Cf already.
IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
EMOJI_STYLE = "\ufe0f"
LINE_BREAKS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
COLOURS = re.compile(r"\x1b\[(?:0|1|2|31|32|33|36)m")
"""What our own tables say to a terminal, and nothing more: no colour that a background may have, which would hide."""

MARKED = re.compile(r"([\\\[\]<])")


def is_ignorable(letter: str) -> bool:
    """Return whether a character is shown as nothing, so that two names may look the same with and without it."""
    return unicodedata.category(letter) == "Cf" or IGNORABLE.match(letter) is not None


def is_unseen(letter: str) -> bool:
    """Return whether a character does something else than show itself."""
    if letter.isascii() or letter == EMOJI_STYLE:
        return not letter.isprintable() and letter != EMOJI_STYLE
    return not letter.isprintable() or IGNORABLE.match(letter) is not None


def spelled(text: str, kept: str = "") -> str:
    """Return text in which what does not show itself is written out as `\\x1b` or `\\u202e`, but for `kept`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(ascii(each)[1:-1] if is_unseen(each) and each not in kept else each for each in text)


def lines(text: str) -> list[str]:
    """Return the lines of a text as any reader would split them, each harmless."""
    return [spelled(line, "\t") for line in LINE_BREAKS.split(text)]


def line(text: str, chars_max: int | None = None) -> str:
    """Return text in one line: for prose, subjects, lists and cells of tables."""
    shown = " ".join("".join(" " if is_unseen(each) else each for each in text).split())
    return shown if chars_max is None or len(shown) <= chars_max else f"{shown[: chars_max - 1]}…"


def block(text: str) -> str:
    """Return text of several lines for a terminal or a plain file."""
    return "\n".join(lines(text))


def quotation(text: str) -> str:
    """Return text as a quotation in a prompt: no line of it stands at the margin."""
    return "\n".join(f"> {each}".rstrip() for each in lines(text.strip()))


def code(text: str) -> str:
    """Return text as an indented block in a prompt, such as what a program printed."""
    return "\n".join(f"    {each}".rstrip() for each in lines(text))


def markdown(text: str) -> str:
    """Return text in one line of a document: no heading, list, fence, link, image or HTML comes of it."""
    return MARKED.sub(r"\\\1", line(text)).lstrip("#->`+=*|~ ")


def terminal(text: str) -> str:
    """Return our own output, with what no part of it made harmless; only our colours are left to the terminal."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    parts = COLOURS.split(text)
    own = COLOURS.findall(text)
    shown = [spelled(part, "\n\t") for part in parts]
    return "".join(each for pair in zip(shown, [*own, ""], strict=True) for each in pair)


def in_json(text: str) -> str:
    """Return a JSON document that means the same, with what does not show itself written as `\\u…`."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_unit(each) if is_unseen(each) and each != "\n" else each for each in text)


def _unit(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
