"""Aligned text that a terminal cannot be tricked with."""

from __future__ import annotations

from swarmgit.cli.table import columns, cut, table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(("A", "BB"), [("longer", "x"), ("s", "")]) == "A       BB\nlonger  x\ns"


def test_the_last_column_is_cut_to_the_terminals_width() -> None:
    assert table(("A", "WHY"), [("x", "a long reason")], 12) == "A  WHY\nx  a long r…"


def test_wide_and_combining_characters_take_their_own_columns() -> None:
    assert (columns("日本"), columns("e\u0301"), cut("日本語", 5)) == (4, 1, "日本…")
