"""Whatever bytes come in, nothing crashes and nothing hangs; what is wrong is said with its place.

Two kinds of bytes: any at all, and documents that were right until something happened to them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from swarmgit import runtimes
from swarmgit.documents import answers, intent, letters
from swarmgit.documents.commands import hook
from swarmgit.documents.triage import answer_in
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.ids import BlobId

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BLOB = BlobId("0" * 40)
SECONDS_MAX = 10.0

TASK = b"""version: 1
title: "A: title"
description: |
  some words
scope: {owns: ["src/**"], reads: [docs/**]}
depends_on: [other]
budget: {usd: 2.5, tokens: 400000}
"""
SWARM = b"version: 1\ntarget: main\nagents_max: 8\ntiers:\n  fast: {runtime: x}\nruntimes:\n  x: {adapter: command, run: [a]}\n"
GATES = b'version: 1\ngates:\n  - {name: lint, run: "ruff check .", when: [submit, merge]}\n'
POLICY = b"""version: 1
network: [api.example.org]
commands: {default: [git], gate: [make]}
credentials: {x: [A]}
secrets: {allow: ["^tests/"]}
comms: [{from: a, to: b}]
"""
DOCUMENTS: dict[str, tuple[bytes, Callable[[str, BlobId, bytes], Any]]] = {
    ".swarm/tasks/a.yaml": (TASK, intent.task),
    ".swarm/swarm.yaml": (SWARM, intent.swarm),
    ".swarm/gates.yaml": (GATES, intent.gates),
    ".swarm/policy.yaml": (POLICY, intent.policy),
}
LETTER = b'{"to": "builder-01", "type": "question", "subject": "hello", "body": "words", "task": "a"}'
LINE = b'{"type": "usage", "input_tokens": 12, "output_tokens": 3, "usd": 0.01}\n'
PIECES = [
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\n", b"\r", b"\t", b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!python/object:os.system ",
    b"!!binary ", b"<<: ", b"|", b">", b"'", b'"', b"%YAML 9.9\n", b"---\n", b"...\n", b"<<<<<<< x\n", b"1e999", b".inf", b"0x7fffffffffffffffffff",
    b"yes", b"2026-01-01", b"~", b"? ", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"version: 1\n", b"\\ud800", b"[" * 300, b"{a: " * 200,
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Draw a document with a few things put in, taken out or repeated."""
    data = whole
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 12))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)))
        data = data[:at] + piece + data[min(len(data), at + cut) :]
    return data


def judged(path: str, data: bytes) -> None:
    start = time.perf_counter()
    parsed = DOCUMENTS[path][1](path, BLOB, data)
    assert time.perf_counter() - start < SECONDS_MAX
    assert (parsed.value is None) == bool(parsed.problems)
    for problem in parsed.problems:
        assert problem.file == path
        assert problem.message
        assert problem.line >= 0


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_documents_are_right_before_anything_happens_to_them(path: str) -> None:
    assert DOCUMENTS[path][1](path, BLOB, DOCUMENTS[path][0]).problems == ()


@pytest.mark.parametrize("path", DOCUMENTS)
@FEW
@given(data=st.data())
def test_a_damaged_document_is_a_value_or_problems_with_places(path: str, data: st.DataObject) -> None:
    judged(path, data.draw(st.one_of(damaged(DOCUMENTS[path][0]), st.binary(max_size=300))))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", DOCUMENTS)
@MANY
@given(data=st.data())
def test_many_damaged_documents_are_values_or_problems_with_places(path: str, data: st.DataObject) -> None:
    judged(path, data.draw(st.one_of(damaged(DOCUMENTS[path][0]), st.binary(max_size=2000))))


def read_letter(name: str, data: bytes) -> None:
    start = time.perf_counter()
    with suppress(letters.Unreadable):
        letters.read(name, data)
    assert time.perf_counter() - start < SECONDS_MAX


@FEW
@given(st.one_of(damaged(LETTER), st.binary(max_size=300)))
@example(b"[" * 100_000)
@example(b'{"to": ' * 20_000)
@example(b'{"to": "\\ud800", "subject": "\\udfff", "body": "x"}')
def test_a_damaged_letter_is_a_letter_or_unreadable(data: bytes) -> None:
    for name in ("a.json", "a.yaml"):
        read_letter(name, data)


@pytest.mark.slow
@pytest.mark.timeout(300)
@MANY
@given(st.one_of(damaged(LETTER), st.binary(max_size=2000)))
def test_many_damaged_letters_are_letters_or_unreadable(data: bytes) -> None:
    for name in ("a.json", "a.yaml"):
        read_letter(name, data)


def fed(adapter: str, data: bytes, size: int) -> object:
    reader = runtimes.stream_reader(adapter)
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
    return reader.stream()


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
@FEW
@given(data=st.one_of(damaged(LINE * 3), st.binary(max_size=400)), size=st.integers(1, 50))
@example(data=b"[" * 200_000 + b"\n", size=60_000)
@example(data=b'{"type":' * 50_000, size=60_000)
@example(data=b'{"type": "usage", "input_tokens": 1e999, "usd": NaN}\n', size=7)
@example(data=b'{"type": "text", "text": "\\ud800"}\n', size=7)
def test_any_stream_is_read_the_same_however_it_is_cut(adapter: str, data: bytes, size: int) -> None:
    start = time.perf_counter()
    assert fed(adapter, data, size) == fed(adapter, data, max(1, len(data)))
    assert time.perf_counter() - start < SECONDS_MAX


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
@MANY
@given(data=st.one_of(damaged(LINE * 3), st.binary(max_size=2000)), size=st.integers(1, 300))
def test_many_streams_are_read_the_same_however_they_are_cut(adapter: str, data: bytes, size: int) -> None:
    assert fed(adapter, data, size) == fed(adapter, data, max(1, len(data)))


@FEW
@given(st.text(max_size=300))
@example("[" * 100_000)
@example('{"command": "\\ud800"}')
def test_any_report_of_a_command_is_judged(text: str) -> None:
    hook.judge(text, ["ls"])


@FEW
@given(st.text(alphabet='{}[]":,\\ant1', max_size=400) | st.text(max_size=300))
@example("{" * 20_000)
@example('{"state":' * 5000)
@example('{"verdict":' + "[" * 20_000)
@example('{"version": 1e999, "state": "\ud800"}')
def test_any_answer_of_a_session_is_a_value_or_none(text: str) -> None:
    start = time.perf_counter()
    for found in (answers.summary_in(text), answers.acceptance_in(text), answer_in(text)):
        json.dumps(str(found)).encode()
    assert time.perf_counter() - start < SECONDS_MAX
