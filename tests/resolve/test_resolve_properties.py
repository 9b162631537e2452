"""What holds for every resolution, whatever the sides are."""

from __future__ import annotations

import ast
import json
import tomllib

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmgit.resolve import Rules, diff3, resolve
from swarmgit.resolve.survival import check

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PYTHON = st.lists(
    st.sampled_from(
        [
            "import os\n", "import re\n", "from m import a\n", "from m import a, b\n", "x = 1\n", "x = 2\n",
            "\n", "# note\n", "def f():\n    return 1\n", "def g(a):\n    b = a\n    return b\n", "v = '1.2.3'\n",
            "v = '1.3.0'\n",
            "class C:\n    def m(self):\n        pass\n", "from __future__ import annotations\n", "(\n",
        ]
    ),
    max_size=8,
).map("".join)  # fmt: skip
YAML = st.lists(
    st.sampled_from(
        ["a: 1\n", "a: 2\n", "b: 1\n", "c:\n  d: 1\n", "  e: 2\n", "# n\n", "- 1\n", "\n", "t: |\n  # x\n"]
    ),
    max_size=6,
).map("".join)
TOML = st.lists(
    st.sampled_from(["a = 1\n", "a = 2\n", "b = [\n", "  1,\n", "]\n", "[t]\n", "[[u]]\n", "c = '''\n", "# n\n", "\n"]),
    max_size=6,
).map("".join)
JSON = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([1, 2, {"x": 1}, {"y": [1, 2]}]), max_size=4).map(
    lambda data: json.dumps(data, indent=2) + "\n"
)
SIDES = st.one_of(
    st.tuples(st.just("x.py"), PYTHON, PYTHON, PYTHON),
    st.tuples(st.just("x.yaml"), YAML, YAML, YAML),
    st.tuples(st.just("x.toml"), TOML, TOML, TOML),
    st.tuples(st.just("x.json"), JSON, JSON, JSON),
)
READERS = {
    "x.py": ast.parse,
    "x.json": json.loads,
    "x.toml": lambda content: tomllib.loads(content.decode()),
    "x.yaml": lambda content: list(yaml.compose_all(content)),
}


@FEW
@given(st.text(max_size=5), st.none() | st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_get_an_answer(path: str, base: bytes | None, ours: bytes, theirs: bytes) -> None:
    for name in (path, "a.py", "a.json", "a.toml", "a.yaml"):
        answer = resolve(name, base, ours, theirs, Rules(union=("*.yaml",)))
        assert answer.content is None or answer.check.holds


@settings(FEW, max_examples=250)
@given(SIDES)
def test_what_is_accepted_is_well_formed_and_loses_nothing(sides: tuple[str, str, str, str]) -> None:
    path, base, ours, theirs = sides
    answer = resolve(path, base.encode(), ours.encode(), theirs.encode())
    if answer.content is None or ours == theirs:
        return
    READERS[path](answer.content)
    assert answer.check.holds
    assert b"<<<<<<<" not in answer.content
    assert answer.agreed == (len(answer.resolvers) > 1)


@settings(FEW, max_examples=150)
@given(SIDES)
def test_changing_the_sides_over_changes_no_decision_but_the_order_of_additions(
    sides: tuple[str, str, str, str],
) -> None:
    path, base, ours, theirs = sides
    one = resolve(path, base.encode(), ours.encode(), theirs.encode())
    other = resolve(path, base.encode(), theirs.encode(), ours.encode())
    if one.content is not None and other.content is not None:
        assert sorted(one.content.split()) == sorted(other.content.split())


def kept(chunk: diff3.Chunk[str]) -> tuple[str, ...]:
    assert chunk.merged is not None
    return chunk.merged


LETTERS = st.lists(st.sampled_from("abcde"), max_size=12)


@FEW
@given(LETTERS, LETTERS)
def test_differences_turn_one_side_into_the_other(old: list[str], new: list[str]) -> None:
    built: list[str] = []
    at = 0
    for change in diff3.changes(old, new):
        built += [*old[at : change.start], *new[change.side_start : change.side_end]]
        at = change.end
    assert [*built, *old[at:]] == new


@FEW
@given(LETTERS, LETTERS, LETTERS)
def test_chunks_are_the_whole_of_every_side(base: list[str], ours: list[str], theirs: list[str]) -> None:
    chunks = list(diff3.chunks(base, ours, theirs))
    assert [x for chunk in chunks for x in chunk.ours] == ours
    assert [x for chunk in chunks for x in chunk.theirs] == theirs


@FEW
@given(LETTERS, LETTERS)
def test_a_side_that_changed_nothing_gives_way(base: list[str], side: list[str]) -> None:
    assert [x for chunk in diff3.chunks(base, base, side) for x in kept(chunk)] == side
    assert diff3.both(base, base, side) == side


def test_thousands_of_lines_take_no_quadratic_time() -> None:
    base = [str(number) for number in range(30_000)]
    ours, theirs = [f"o{x}" if int(x) % 7 == 0 else x for x in base], base[::-1]
    assert [x for chunk in diff3.chunks(base, ours, base) for x in kept(chunk)] == ours
    assert list(diff3.chunks(base, ours, theirs))
    assert list(diff3.chunks(["x"] * 5000, ["y"] * 5000, ["x", "y"] * 5000))


def test_the_check_sees_what_is_lost_and_what_came_back() -> None:
    assert check("a b", "a b c", "a", "a c").holds
    assert check("a b", "a b c", "a", "a").lost == ("c",)
    assert check("a b", "a b c", "a", "a b c").revived == ("b",)
