"""What a program prints is read line by line; nothing it prints is an error or takes endless memory."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmgit.model.events import FileAction, Stream
from swarmgit.model.usage import Usage
from swarmgit.runtimes.jsonlines import ACTIONS_MAX, TAIL_CHARS_MAX, JsonLinesReader
from swarmgit.runtimes.lines import Lines


def read(*chunks: bytes) -> Stream:
    reader = JsonLinesReader()
    for chunk in chunks:
        reader.feed(chunk)
    return reader.stream()


def line(**said: object) -> bytes:
    return json.dumps(said).encode() + b"\n"


def test_nothing_printed_is_an_empty_stream() -> None:
    assert read() == Stream()


def test_usage_adds_up_and_an_unknown_price_is_not_free() -> None:
    one = line(type="usage", input_tokens=10, output_tokens=2, cache_read_tokens=3, cache_write_tokens=4)

    assert read(one).usage == Usage(10, 2, 3, 4, None)
    assert read(one, line(type="usage", input_tokens=1, usd=0.5), line(type="usage", usd=0.25)).usage == Usage(
        11, 2, 3, 4, 0.75
    )


def test_actions_texts_and_no_change() -> None:
    stream = read(
        line(type="action", action="edit", file="src/a.py", at="2026-03-04T09:12:00+01:00"),
        line(type="action", action="read", file="b\x1b.py"),
        line(type="text", text="thinking\nhard"),
        b"plain words\n",
        line(type="no_change", reason=" it is right already "),
        line(type="later", of="another version"),
    )

    assert stream == Stream(
        actions=(
            FileAction("edit", "src/a.py", datetime(2026, 3, 4, 8, 12, tzinfo=UTC)),
            FileAction("read", "b\ufffd.py"),
        ),
        no_change="it is right already",
        text_tail='thinking\nhard\nplain words\n{"type": "later", "of": "another version"}',
        lines=6,
    )


def test_a_last_line_without_its_end_counts_and_may_go_on() -> None:
    reader = JsonLinesReader()
    whole = line(type="no_change", reason="fine").rstrip()
    reader.feed(whole[:12])
    assert reader.stream() == Stream(text_tail=whole[:12].decode())
    reader.feed(whole[12:])
    assert reader.stream() == Stream(no_change="fine")
    assert reader.stream() == Stream(no_change="fine")

    reader.feed(b"\n")

    assert reader.stream() == Stream(no_change="fine", lines=1)


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type": "usage", "input_tokens": NaN}',
        b'{"type": "usage", "input_tokens": -5, "output_tokens": true, "usd": -1}',
        b'{"type": "usage", "input_tokens": 1e400, "usd": 1e400}',
        b'{"type": "usage", "input_tokens": ' + b"9" * 5000 + b"}",
        b'{"type": "usage", "input_tokens": "10", "usd": "1", "output_tokens": [1]}',
        b'{"type": "usage", "usd": Infinity}',
        b'{"type": "usage"',
        b'{"type": ["usage"]}',
        b'{"type": {"usage": 1}}',
        b"[" * 100_000,
        b'{"type": "text", "text": ' + b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"type": "action", "action": "edit"}',
        b'{"type": "action", "action": 1, "file": "x"}',
        b'{"type": "action", "action": "edit", "file": ""}',
        b'{"type": "text", "text": 7}',
        b"\xff\xfe{\x00",
        b'{"type": "text", "text": "\xff"}',
        b"\x00\x01",
        b"",
        b"null",
    ],
)
def test_what_is_not_understood_is_text_and_never_counted(bad: bytes) -> None:
    stream = read(bad + b"\n", line(type="usage", input_tokens=1))

    assert (stream.usage, stream.actions, stream.no_change, stream.lines) == (Usage(1), (), None, 2)


def test_lone_surrogates_do_not_get_further() -> None:
    stream = read(b'{"type": "text", "text": "a\\ud800b"}\n{"type": "no_change", "reason": "\\udfff"}\n')

    json.dumps([stream.text_tail, stream.no_change]).encode()
    stream.text_tail.encode()
    (stream.no_change or "").encode()


LONG = b"y" * (1 << 20)
LONG_LINES = {
    "a long string": b'{"type": "usage", "x": "' + LONG + b'", "input_tokens": 5}',
    "full of escapes": b'{"type": "usage", "x": "' + b'\\"\\u00e9\\\\' * 100_000 + b'", "input_tokens": 5}',
    "many long strings": b'{"type": "usage", "x": ["' + b'", "'.join([b"z" * 20_000] * 70) + b'"], "input_tokens": 5}',
    "letters of four bytes": b'{"type": "usage", "x": "' + "\U0001f600".encode() * (1 << 18) + b'", "input_tokens": 5}',
    "half a pair": b'{"type": "usage", "x": "' + b"\\ud83d\\ude00" * 90_000 + b'", "input_tokens": 5}',
}


@pytest.mark.parametrize("long", LONG_LINES.values(), ids=LONG_LINES)
def test_a_line_of_more_than_a_mebibyte_is_read_with_its_long_strings_cut(long: bytes) -> None:
    whole = read(long + b"\n", line(type="usage", output_tokens=1))

    assert (whole.usage, whole.lines, whole.text_tail) == (Usage(5, 1), 2, "")
    for size in (1, 1000, 65_535):
        cut = tuple(long[at : at + size] for at in range(len(long) - 3 * size, len(long), size))
        assert read(long[: -3 * size], *cut, b"\n", line(type="usage", output_tokens=1)) == whole
    assert read(long).usage == Usage(5)


def test_of_a_long_line_that_is_no_object_the_end_is_shown_and_of_one_too_long_for_anybody_the_beginning() -> None:
    text = read(LONG * 2 + b"the end\n", line(type="usage", output_tokens=1))
    assert text.text_tail.endswith("the end")
    assert (text.usage, text.lines) == (Usage(output_tokens=1), 2)

    endless = read(b'{"type": "usage", "x": [' + b"1," * (1 << 20) + b"1]}\n", line(type="usage", output_tokens=1))
    assert (endless.usage, endless.lines) == (Usage(output_tokens=1), 2)
    assert "usage" in endless.text_tail[:5000]


def test_at_most_a_thousand_actions_are_kept_the_first_ones() -> None:
    stream = read(*(line(type="action", action="edit", file=f"f{number}") for number in range(ACTIONS_MAX + 50)))

    assert len(stream.actions) == ACTIONS_MAX
    assert stream.actions[-1].file == f"f{ACTIONS_MAX - 1}"


@pytest.mark.slow
def test_memory_stays_the_same_however_much_is_printed() -> None:
    reader = JsonLinesReader()
    chunk = b"some words of an agent\n" * 3000 + line(type="usage", input_tokens=1) + b"x" * 50_000
    reader.feed(chunk)
    tracemalloc.start()
    for _ in range(100):
        reader.feed(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3 << 20
    assert len(reader.stream().text_tail) <= TAIL_CHARS_MAX


LINES = st.one_of(
    st.binary(max_size=80),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["usage", "action", "no_change", "text", "other"])},
        optional={
            name: st.one_of(st.integers(), st.floats(), st.text(max_size=9), st.none(), st.lists(st.integers()))
            for name in ("input_tokens", "output_tokens", "usd", "action", "file", "reason", "text", "at")
        },
    ).map(lambda said: json.dumps(said).encode()),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=20).map(b"\n".join), st.lists(st.integers(0, 400), max_size=6))
def test_it_does_not_matter_where_the_bytes_are_cut(output: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(output), *(cut for cut in cuts if cut < len(output))})
    pieces = [output[start:end] for start, end in itertools.pairwise(edges)]

    stream = read(*pieces)

    assert stream == read(output)
    assert stream.lines == output.count(b"\n")
    assert min(stream.usage.input_tokens, stream.usage.output_tokens, stream.usage.tokens) >= 0


def test_lines_that_only_begin_like_objects_are_text_taken_in_bulk() -> None:
    class Counting:
        taken, texts = 0, 0

        def take(self, line: bytes) -> None:
            self.taken += 1

        def take_texts(self, lines: bytes) -> None:
            self.texts += 1

    heard = Counting()
    Lines().feed(b'{\n{"type": "usage"\n' * 10_000 + b'{"type": "usage"} \r\n{\nlast\n', heard)
    assert (heard.taken, heard.texts) == (1, 2)
