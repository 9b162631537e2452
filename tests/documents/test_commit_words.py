"""What lands under an agent's name says what it did; no forge, tracker or release tool acts on it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmgit.documents import quoting
from swarmgit.documents.commit_words import landed_words

VOUCHES = [
    "Signed-off-by: Ada <ada@example.test>",
    "signed-off-by:Ada <ada@example.test>",
    "  Signed-off-by: Ada",
    "Co-authored-by: Ada <ada@example.test>",
    "Co-Authored-By: Claude <noreply@example.test>",
    "Reviewed-by: Ada",
    "Acked-by: Ada",
    "Tested-by: Ada",
    "Approved-by: Ada",
    "Swarm-Task: other",
    "swarm-agent: other",
    "S\u200bwarm-Session: other",
    "Change-Id: I0123",
    "Release-As: 9.0.0",
    "BREAKING CHANGE: all of it",
    "skip-checks: true",
    "skip-checks:true",
    "Fixes: #12",
    "Closes: https://example.test/a/b/issues/1",
    "Cc: stable@example.test",
    "Depends-on: 12",
    "Differential Revision: D12".replace("Differential Revision", "Differential-Revision"),
]


@pytest.mark.parametrize("line", VOUCHES)
def test_a_line_in_the_form_of_a_trailer_is_left_out_and_that_is_said(line: str) -> None:
    subject, body = landed_words(f"Add a thing\n\nBecause.\n\n{line}\n more of it\n")
    assert subject == "Add a thing"
    assert body == "Because.\n\n(Left out: 2 lines in the form of a trailer.)"
    assert landed_words(f"{line}\n") == ("", "")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Add x [skip ci]", "Add x (skip ci)"),
        ("Add x [ci skip]", "Add x (ci skip)"),
        ("[no ci] Add x", "(no ci) Add x"),
        ("Add x [skip actions]", "Add x (skip actions)"),
        ("Add x [[CI Skip]]", "Add x (CI Skip)"),
        ("Add x [CF-Pages-Skip]", "Add x (CF-Pages-Skip)"),
        ("Add x ***NO_CI***", "Add x no ci"),
        ("Add x, closes #1", "Add x, concerning no. 1"),
        ("Fixes #12", "concerning no. 12"),
        ("Resolved owner/repo#7", "concerning owner/repo no. 7"),
        ("fix: GH-3", "concerning: GH 3"),
        ("Fixes ENG-12", "concerning ENG-12"),
        ("Closes https://example.test/a/b/issues/1", "concerning example.test/a/b/issues/1"),
        ("KEY-1 #resolve #comment done", "KEY-1 resolve comment done"),
        ("thanks @ada and @org/team", "thanks (at)ada and (at)org/team"),
        ("see !42", "see no. 42"),
        ("fixup! Add x", "fixup: Add x"),
    ],
)
def test_what_is_only_a_word_stays_readable(said: str, shown: str) -> None:
    assert landed_words(said) == (shown, "")
    assert landed_words(f"Say it\n\nso {said.replace('fixup!', 'fixup:')}") == ("Say it", f"so {shown}")


@pytest.mark.parametrize(
    "text",
    [
        "Add a[0] and b[i] to the index",
        "snake_case: is a name here",
        "Caused by: a race",
        "* re-export: the old name stays",
        "Fix the parser: it read one line too many",
        "src/app.py: take the first of two",
        "Note: this is slow",
        "fix: read one line less",
        "feat(parser): read all of it",
        "refactor!: give it a name",
        "Close the file before it is renamed",
        "Mail of ada@example.test is read",
        "Use #include once",
        "Résumé: naïve 日本語",
    ],
)
def test_ordinary_words_are_left_as_they_are(text: str) -> None:
    assert landed_words(text) == (text, "")
    assert landed_words(f"Do it\n\n{text}\nand more") == ("Do it", f"{text}\nand more")


@pytest.mark.parametrize(
    "line",
    [
        "Signed\u2011off\u2011by: Ada <a@b>",
        "Signed_off_by: Ada <a@b>",
        "*Signed-off-by: Ada <a@b>*",
        "> Co-authored-by: Ada <a@b>",
        "\uff23\uff4f-authored-by: Ada <a@b>",
        "**Reviewed by: Ada**",
        "Swarm Task: other",
    ],
)
def test_what_people_take_for_somebodys_word_is_left_out_however_it_is_written(line: str) -> None:
    assert landed_words(f"Do it\n\n{line}") == ("Do it", "(Left out: 1 line in the form of a trailer.)")


@pytest.mark.parametrize("line", ["---", "diff --git a/x b/x", "From: x <x@y>", "From 0 Mon", "Index: x", "-- >8 --"])
def test_no_line_begins_a_patch_or_names_an_author_where_the_message_is_mailed(line: str) -> None:
    assert landed_words(f"Do it\n\n{line}\n{line}") == ("Do it", f" {line}\n {line}")


@given(st.text(st.characters(), max_size=80))
def test_no_text_brings_a_trailer_or_a_character_that_does_not_show_itself(text: str) -> None:
    subject, body = landed_words(text)
    assert "\n" not in subject
    assert all(each in "\n\t" or not quoting.is_unseen(each) for each in f"{subject}\n{body}")
    assert not re.search(r"(?im)^\s*(signed-off-by|swarm-\w+)\s*:\s*\S", body)
