"""Aligned plain text. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from swarmgit.documents import quoting

GAP = "  "
CELL_MIN = 8


def table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return rows in aligned columns below a header; the last column is cut where a line would exceed `width`."""
    cells = [[quoting.line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(columns(row[index]) for row in cells) for index in range(len(header))]
    if width is not None:
        widths[-1] = min(widths[-1], max(CELL_MIN, width - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)))
    return "\n".join(_line(row, widths, is_cut=width is not None) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int], *, is_cut: bool) -> str:
    padded = [cell + " " * (width - columns(cell)) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
    last = cut(row[-1], widths[-1]) if is_cut else row[-1]
    return GAP.join((*padded, last)).rstrip()


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Return the text, or as much of it as fits into `width` columns with an ellipsis."""
    if columns(text) <= width:
        return text
    kept = ""
    for character in text:
        if columns(kept) + _columns_of(character) > width - 1:
            break
        kept += character
    return f"{kept}…"


def minute(stamp: str) -> str:
    """Return an RFC 3339 instant to the minute, in its own zone (UTC in all documents)."""
    return stamp[:16].replace("T", " ")
