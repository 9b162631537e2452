"""The content of conflicts is looked at in a process of its own: what is too much for it is not resolved, and no more."""

from __future__ import annotations

import time

import pytest

from swarmgit.adapters.git.apart import Learn, Limits, Mark, Resolve, ask

SOON = Limits(cpu_s=1, wall_s=30)
EASY = Resolve(b"a.txt", b"v1.0\n", b"v1.1\n", b"v1.2\n")
NEAR = "".join(f"x = {number}\n" for number in range(150_000)).encode()
ENDLESS = Resolve(b"a.py", NEAR, NEAR.replace(b"x", b"y"), NEAR.replace(b"x", b"z"))


def test_what_was_answered_before_the_limit_holds_and_the_rest_is_not_resolved() -> None:
    said = ask((EASY, ENDLESS, EASY), None, SOON)

    assert [each.answer is not None and each.answer.content for each in said] == [b"v1.2\n", False, False]


def test_the_end_of_the_time_ends_it_too() -> None:
    begun = time.monotonic()

    (said,) = ask((ENDLESS,), None, Limits(cpu_s=60, wall_s=0.3))

    assert said.answer is None
    assert time.monotonic() - begun < 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "file",
    [
        Resolve(b"a.py", b"1\n", b"(" * 150_000 + b"1" + b")" * 150_000 + b"\n", b"-" * 900_000 + b"2\n"),
        Resolve(b"a.json", b"[" * 500_000, b'{"a":' * 200_000, b"[[]" * 300_000),
        Resolve(b"a.yaml", b"- " * 300_000, b"a: &a [*a]\n" * 10_000, b"- - " * 200_000),
        Resolve(b"a.txt", b"a " * 400_000 + b"\n", b"a b " * 400_000 + b"\n", b"a c " * 400_000 + b"\n"),
        Mark(NEAR, NEAR[::-1], NEAR.replace(b"1", b"3"), ("ours", "base", "theirs")),
        Learn(NEAR, NEAR[::-1], NEAR.replace(b"1", b"3"), NEAR[::2]),
    ],
    ids=["deep", "json", "yaml", "long", "mark", "learn"],
)
def test_hostile_content_ends_as_not_resolved_and_takes_nobody_along(file: Resolve | Mark | Learn) -> None:
    said, easy = ask((file, EASY), None, Limits(cpu_s=10, wall_s=60))

    assert said.answer is None or said.answer.content is None
    assert easy.answer is None or easy.answer.content == b"v1.2\n"


def test_what_is_too_large_is_not_even_sent() -> None:
    large = Resolve(b"a.txt", b"", b"x" * 3_000_000, b"y")

    assert [each.answer for each in ask((large,))] == [None]
