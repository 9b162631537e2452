"""Whatever stands in a line of any program, it is read as what it is: nothing raises, nothing is of a wrong type."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmgit import runtimes
from swarmgit.model.events import Limited, Stream
from tests.runtimes.records import ERROR_LINES, INSTEAD, RECORDS, mutated

COUNT_MAX = 64 * 10**12
CONVERSATION_CHARS_MAX = 200


def stream_of(adapter: str, output: bytes) -> Stream:
    reader = runtimes.stream_reader(adapter)
    reader.feed(output)
    return reader.stream()


def is_right(stream: Stream) -> bool:
    """Check the type and the bounds of all that a stream says."""
    assert stream.misread == 0, stream.misread_as
    assert msgspec.convert(msgspec.to_builtins(stream), Stream) == stream
    msgspec.json.encode(stream).decode("utf-8")
    json.dumps([stream.text_tail, stream.model, stream.conversation, stream.no_change]).encode("utf-8")
    usage = stream.usage
    for count in (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens):
        assert 0 <= count <= COUNT_MAX
    assert usage.usd is None or (usage.usd >= 0 and math.isfinite(usage.usd))
    assert stream.conversation is None or not stream.conversation.startswith(("-", "."))
    assert "/" not in (stream.conversation or "")
    assert len(stream.conversation or "") <= CONVERSATION_CHARS_MAX
    assert (stream.model or "").isprintable()
    for waits in filter(None, (stream.limited, stream.fault)):
        assert waits.wait_s is None or timedelta(seconds=waits.wait_s) >= timedelta(0)
        assert waits.until is None or waits.until + timedelta(days=365) > waits.until
    return True


def test_no_adapter_is_left_out() -> None:
    assert set(RECORDS) == runtimes.names()


@pytest.mark.parametrize("adapter", RECORDS)
def test_the_records_are_understood_before_anything_happens_to_them(adapter: str) -> None:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in RECORDS[adapter]]
    stream = stream_of(adapter, "\n".join([*lines, ""]).encode())

    assert is_right(stream)
    assert stream.usage.tokens > 0
    assert (stream.model or stream.conversation) is not None or adapter == "opencode"


@pytest.mark.parametrize("adapter", RECORDS)
def test_any_value_in_any_place_of_any_record_is_read_by_its_type(adapter: str) -> None:
    for number, record in enumerate(RECORDS[adapter]):
        for what, line in mutated(record):
            try:
                assert is_right(stream_of(adapter, line + b"\n"))
                assert is_right(stream_of(adapter, line))
            except Exception as error:
                raise AssertionError(f"{adapter}, record {number}, {what}: {line[:200]!r}") from error


@pytest.mark.parametrize("adapter", ERROR_LINES)
def test_any_line_of_standard_error_is_borne(adapter: str) -> None:
    for whole in ERROR_LINES[adapter]:
        for at in range(0, len(whole), 5):
            reader = runtimes.stream_reader(adapter)
            reader.feed_errors(whole[:at] + b"\xff" * 9 + b"9" * 5000 + whole[at:] + b"\n")  # type: ignore[attr-defined]
            said = reader.stream()
            assert is_right(said)
            assert said.limited is None or isinstance(said.limited, Limited)


def _lines(adapter: str) -> Iterator[bytes]:
    for record in RECORDS[adapter]:
        yield (record if isinstance(record, str) else json.dumps(record)).encode()


@st.composite
def _outputs(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw an adapter and what a session of it printed: its records, cut, spoilt in several places, and floods."""
    adapter = draw(st.sampled_from(sorted(RECORDS)))
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        line = draw(st.sampled_from(list(_lines(adapter))))
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(line)))
            piece = draw(st.sampled_from([value.encode() for value in INSTEAD.values()]) | st.binary(max_size=5))
            line = line[:at] + piece + line[at + draw(st.integers(0, 9)) :]
        parts.append(line * draw(st.sampled_from([1, 1, 1, 50])))
    return adapter, draw(st.sampled_from([b"\n", b"\r\n", b"\n\n"])).join(parts)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(_outputs())
def test_spoilt_output_of_any_program_is_read(made: tuple[str, bytes]) -> None:
    assert is_right(stream_of(*made))


@pytest.mark.parametrize("adapter", RECORDS)
def test_a_reader_goes_on_from_where_another_one_stood(adapter: str) -> None:
    output = b"\n".join([*_lines(adapter), b"words", b'{"half']) + b"\n" + b'{"type": "text", "text": "x'
    whole = runtimes.stream_reader(adapter)
    whole.feed(output)
    for at in range(0, len(output), 97):
        first, second = (runtimes.stream_reader(adapter) for _ in range(2))
        first.feed(output[:at])
        assert second.restore(first.state())  # type: ignore[attr-defined]
        second.feed(output[at:])
        assert second.stream() == whole.stream()
    for damaged in (b"", b"{}", b"[]", b"null", whole.state()[:-5], b"[" * 100_000):  # type: ignore[attr-defined]
        assert not runtimes.stream_reader(adapter).restore(damaged)  # type: ignore[attr-defined]
