"""What is left of a conflict is marked for somebody; what somebody made of it is recognised when it comes up again."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmgit.resolve import Rules, diff3, resolve
from swarmgit.resolve.marked import marked
from swarmgit.resolve.memory import key_of, learn

LABELS = ("ours", "base", "theirs")
LINES = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=7).map(
    lambda found: "".join(f"{x}\n" for x in found)
)
BASE, OURS, THEIRS = b"top\nmid\nend\n", b"top\nmine\nend\n", b"top\nyours\nend\n"


def by_git(folder: Path, base: bytes, ours: bytes, theirs: bytes) -> bytes:
    for name, content in zip(LABELS, (ours, base, theirs), strict=True):
        (folder / name).write_bytes(content)
    done = subprocess.run(
        ["git", "merge-file", "-p", "--diff3", "-L", "ours", "-L", "base", "-L", "theirs", "ours", "base", "theirs"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    return done.stdout


def test_a_conflict_is_marked_as_git_marks_it(tmp_path: Path) -> None:
    assert marked(BASE, OURS, THEIRS, LABELS) == by_git(tmp_path, BASE, OURS, THEIRS)


def test_both_added_a_file(tmp_path: Path) -> None:
    text = marked(None, b"x\n", b"y\n", LABELS)
    assert text == b"<<<<<<< ours\nx\n||||||| base\n=======\ny\n>>>>>>> theirs\n"


def test_a_last_line_without_a_break_does_not_swallow_a_marker() -> None:
    text = marked(b"x", b"y", b"z", LABELS)
    assert text is not None
    assert text.splitlines() == [b"<<<<<<< ours", b"y", b"||||||| base", b"x", b"=======", b"z", b">>>>>>> theirs"]


def test_what_is_not_text_is_not_marked() -> None:
    assert marked(b"\0", b"a", b"b", LABELS) is None


@given(LINES, LINES)
def test_where_one_side_alone_changed_there_is_nothing_to_mark(base: str, changed: str) -> None:
    assert marked(base.encode(), changed.encode(), base.encode(), LABELS) == changed.encode()
    assert marked(base.encode(), base.encode(), changed.encode(), LABELS) == changed.encode()


def test_what_was_resolved_once_is_resolved_again_elsewhere_and_with_the_sides_changed() -> None:
    known = learn(BASE, OURS, THEIRS, b"top\nmine and yours\nend\n")
    before = b"other\n"
    for ours, theirs in ((OURS, THEIRS), (THEIRS, OURS)):
        answer = resolve("x.txt", before + BASE, before + ours, before + theirs, Rules(remembered=known.get))
        assert answer.content == b"other\ntop\nmine and yours\nend\n"
        assert answer.hunks[0].rule == "remembered"


def test_a_remembered_resolution_may_drop_a_side() -> None:
    known = learn(BASE, OURS, THEIRS, b"top\nneither\nend\n")
    assert resolve("x.txt", BASE, OURS, THEIRS, Rules(remembered=known.get)).content == b"top\nneither\nend\n"


def test_nothing_is_learned_where_more_than_the_conflict_was_changed() -> None:
    assert learn(BASE, OURS, THEIRS, b"TOP\nboth\nend\n") == {}
    assert learn(BASE, OURS, THEIRS, b"top\nboth\nEND\n") == {}


def test_a_remembered_result_that_does_not_parse_here_is_not_taken() -> None:
    base, ours, theirs = b"x = 1\n", b"x = 2\n", b"x = 3\n"
    known = learn(base, ours, theirs, b"x = (\n")
    assert resolve("x.py", base, ours, theirs, Rules(remembered=known.get)).content is None


@settings(max_examples=200)
@given(LINES, LINES, LINES, LINES)
def test_learning_never_fails_and_what_it_learned_gives_the_result_again(
    base: str, ours: str, theirs: str, result: str
) -> None:
    sides = [side.encode() for side in (base, ours, theirs)]
    known = learn(*sides, result.encode())
    lines = [side.splitlines(keepends=True) for side in (base, ours, theirs)]
    conflicts = [chunk for chunk in diff3.chunks(*lines) if chunk.merged is None]
    if not known or len({key_of(chunk) for chunk in conflicts}) < len(conflicts):
        return
    answer = resolve("x.txt", *sides, Rules(remembered=known.get))
    if conflicts and ours != theirs:
        assert answer.content == result.encode()


def test_lines_that_stand_in_several_places_teach_nothing() -> None:
    base, ours, theirs = b"a\n\nb\n", b"a1\n\nb1\n", b"a2\n\nb2\n"
    assert learn(base, ours, theirs, b"a1\n\na2\n\nb1\n") == {}
    assert len(learn(base, ours, theirs, b"both\n\nb2\n")) == 2
