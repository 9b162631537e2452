"""Text of agents in every place where it is shown: none of it becomes structure there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmgit.cli import render, render_health
from swarmgit.documents import quoting
from tests.hostile import BREAKS, is_seen

TEXTS = st.text(st.characters(), max_size=40)


@given(TEXTS)
def test_a_line_is_one_line_that_shows_itself(text: str) -> None:
    for made in (quoting.line(text), quoting.markdown(text), quoting.spelled(text)):
        assert not BREAKS.search(made)
        assert is_seen(made)


@given(TEXTS)
def test_no_line_of_a_quotation_or_of_code_stands_at_the_margin(text: str) -> None:
    assert all(each.startswith(">") for each in quoting.quotation(text).splitlines())
    assert all(not each or each.startswith("    ") for each in quoting.code(text).splitlines())


@given(TEXTS)
def test_a_terminal_gets_nothing_but_text_and_our_colours(text: str) -> None:
    assert is_seen(quoting.block(text), "\n\t")
    assert is_seen(quoting.COLOURS.sub("", quoting.terminal(f"\x1b[31m{text}\x1b[0m")), "\n\t")


def test_a_terminal_gets_all_colours_that_we_use_and_none_that_hides_text() -> None:
    for colour in {"0", "1", *render.COLOUR.values(), *render_health.PAINT.values()}:
        assert quoting.terminal(f"\x1b[{colour}m") == f"\x1b[{colour}m"
    for colour in ("30", "37", "8", "40", "1;30"):
        assert is_seen(quoting.terminal(f"\x1b[{colour}mhidden"))


@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_json_means_the_same_and_shows_itself(document: dict[str, str]) -> None:
    shown = quoting.in_json(json.dumps(document, indent=2, ensure_ascii=False))
    assert json.loads(shown) == document
    assert is_seen(shown, "\n")


@pytest.mark.parametrize("start", ["# ", "## ", "> ", "``` ", "+ ", "* ", "=== ", "--- ", "| "])
def test_a_line_of_a_document_is_no_heading_list_fence_or_table(start: str) -> None:
    assert quoting.markdown(f"{start}x") == "x"


def test_a_document_gets_no_link_no_image_and_no_html() -> None:
    assert quoting.markdown("see ![a](http://x) <script>") == r"see !\[a\](http://x) \<script>"


def test_a_line_is_cut_where_it_is_too_long() -> None:
    assert quoting.line("a" * 9, 5) == "aaaa…"


def test_a_title_cannot_move_the_cursor_or_break_the_line() -> None:
    assert quoting.line("a\x1b[2Jb\nc\u202ed\x9be") == "a [2Jb c d e"


def test_shown_output_keeps_its_lines_and_loses_its_controls() -> None:
    assert quoting.block("a\tb\n\x1b[31mc\x9b\u202e") == "a\tb\n\\x1b[31mc\\x9b\\u202e"


def test_text_of_people_stays_as_it_is() -> None:
    for text in ("naïve café", "日本語 ✓ ❤️", "e\u0301", "a\tb"):
        assert quoting.block(text) == text
