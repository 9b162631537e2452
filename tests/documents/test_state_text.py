"""State files: the text is always the same, and comes back as the same value."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType
from msgspec.structs import fields
from specs import agent_spec

from swarmgit.documents import as_json, places, schemas
from swarmgit.errors import PersonMustAct
from swarmgit.model.control import Freeze, TaskControl, Verdict
from swarmgit.model.desired import Desired, Swarm, Task
from swarmgit.model.failures import Failures
from swarmgit.model.histories import Followed, GateHistory
from swarmgit.model.ids import AgentName, BlobId, CommitId, EvidenceKey, GateName, SessionId, TaskId, TreeId
from swarmgit.model.queue import Entry
from swarmgit.model.sessions import SessionSpec
from swarmgit.model.status import Attempt, GateResult, Identity, Rejection, TaskStatus
from swarmgit.model.usage import Usage
from swarmgit.model.work import Capture, Change, Evidence
from swarmgit.state import blocks, kinds

AT = datetime(2026, 11, 22, 8, 0, 0, 123_000, UTC)
KINDS = {
    "status": (TaskStatus, kinds.TASKS.dump, kinds.TASKS.read),
    "entry": (Entry, kinds.ENTRIES.dump, kinds.ENTRIES.read),
    "identity": (Identity, kinds.AGENTS.dump, kinds.AGENTS.read),
    "gate-history": (GateHistory, kinds.GATES.dump, kinds.GATES.read),
    "control": (TaskControl, kinds.TASK_CONTROL.dump, kinds.TASK_CONTROL.read),
    "followed": (Followed, kinds.FOLLOWED.dump, kinds.FOLLOWED.read),
    "verdict": (Verdict, kinds.VERDICTS.dump, kinds.VERDICTS.read),
    "freeze": (Freeze, kinds.FREEZE.dump, kinds.FREEZE.read),
    "failures": (Failures, kinds.FAILURES.dump, kinds.FAILURES.read),
}

texts = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="ab \n\t:#-|>'\"[]{}&*!%@`.,0123456789eE~=<", max_size=20),
    st.sampled_from(
        ["yes", "on", "null", "~", "1e5", "0x1f", "2026-01-01", "a: b", "# x", "- a", " x", "x ", "\n", ""]
    ),
    st.from_regex(r"[0-9][0-9a-f]{6,10}", fullmatch=True),
)
plain_data = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), texts
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=6,
)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
ATOMS = {
    str: texts,
    int: st.integers(0, 2**53),
    float: st.floats(0, 1e12, allow_nan=False),
    bool: st.booleans(),
    datetime: instants,
    type(None): st.none(),
    UnsetType: st.just(UNSET),
    typing.Any: plain_data,
}


@cache
def values(kind: object) -> st.SearchStrategy[typing.Any]:
    """A strategy for a type hint of the model."""
    kind = getattr(kind, "__supertype__", kind)
    if kind in ATOMS:
        return ATOMS[kind]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin is tuple and args[-1] is not ...:
        return st.tuples(*map(values, args))
    if origin is tuple:
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(texts, values(args[1]), max_size=3)
    if args:
        return st.one_of(*map(values, args))
    hints = typing.get_type_hints(kind)
    return st.deferred(lambda: st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)}))


@pytest.mark.parametrize("name", KINDS)
def test_what_is_written_comes_back_the_same_and_keeps_its_schema(name: str) -> None:
    kind, dump, load = KINDS[name]

    @settings(max_examples=25, deadline=None)
    @given(values(kind))
    def roundtrip(value: object) -> None:
        text = dump(value)
        assert load("f.yaml", text) == value
        assert blocks.read(text.decode()) == places.read("f", text, values_max=1 << 20)[0].data
        assert dump(load("f.yaml", text)) == text

    roundtrip()


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.dictionaries(texts, plain_data, min_size=1, max_size=5))
def test_the_quick_reader_the_real_parser_and_yaml_1_1_agree_on_what_the_writer_writes(document: dict) -> None:
    text = blocks.write(document)
    assert places.read("f", text.encode(), values_max=1 << 20)[0].data == document
    quick = blocks.read(text)
    assert quick is None or quick == document
    assert all(_same_in_yaml_1_1(document[key], value) for key, value in yaml.safe_load(text).items())


def _same_in_yaml_1_1(mine: object, theirs: object) -> bool:
    if isinstance(mine, float):
        return isinstance(theirs, str) or mine == theirs  # 1.1 takes 1e-07 for text
    if isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(_same_in_yaml_1_1(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, list):
        return len(mine) == len(theirs) and all(map(_same_in_yaml_1_1, mine, theirs))
    return type(mine) is type(theirs) and mine == theirs


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab: -|+\n\"'[]{}#&*!1.", max_size=60))
def test_the_quick_reader_never_reads_something_else_than_the_real_parser(text: str) -> None:
    quick = blocks.read(text)
    if quick is not None:
        node, problems = places.read("f", text.encode())
        assert (node.data, problems) == (quick, ())


STATUS = TaskStatus(
    task=TaskId("api"),
    title="Rotate: refresh tokens",
    phase="rework",
    attempts=(
        Attempt(
            number=1,
            session=SessionId("01jd3k"),
            agent=AgentName("builder-01"),
            runtime="codemod",
            base=CommitId("1234567"),
            generation=BlobId("1e10"),
            started=AT,
            usage=Usage(input_tokens=5),
            rejection=Rejection(kind="gate", summary="red", next_step="repair", output="line 1\n  line 2\n"),
        ),
    ),
)


def test_the_text_of_a_status_is_exactly_this() -> None:
    assert kinds.TASKS.dump(STATUS).decode() == (
        "version: 1\n"
        "task: api\n"
        'title: "Rotate: refresh tokens"\n'
        "phase: rework\n"
        "attempts:\n"
        "  - number: 1\n"
        "    session: 01jd3k\n"
        "    agent: builder-01\n"
        "    runtime: codemod\n"
        '    base: "1234567"\n'
        '    generation: "1e10"\n'
        '    started: "2026-11-22T08:00:00.123Z"\n'
        "    usage:\n"
        "      input_tokens: 5\n"
        "    rejection:\n"
        "      kind: gate\n"
        "      summary: red\n"
        "      next_step: repair\n"
        "      output: |\n"
        "        line 1\n"
        "          line 2\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\ntask: a\ntitle: b\nphase: runing\n", "tasks/a.yaml:4:1: Invalid enum value 'runing'"),
        ("version: 1\ntask: a\ntitle: b\nphaze: x\n", "tasks/a.yaml:4:1: unknown key 'phaze'"),
        ("version: 2\ntask: a\ntitle: b\n", "tasks/a.yaml: the version is not 1 but 2: a newer swarmgit wrote it"),
        ("version: two\ntask: a\ntitle: b\n", "tasks/a.yaml:1:1: the version is not 1"),
        ("task: a\n", "tasks/a.yaml:1:1: the version is not 1"),
        ("version: 1\n<<<<<<< HEAD\n", "tasks/a.yaml:2:1: conflict marker '<<<<<<<'"),
        ("version: 1\nattempts:\n  - numbr: 1\n", "tasks/a.yaml:3:5: unknown key 'numbr'"),
        ("", "tasks/a.yaml:1:1: the file is empty"),
    ],
)
def test_a_broken_state_file_says_where(text: str, message: str) -> None:
    with pytest.raises(PersonMustAct) as caught:
        kinds.TASKS.read("tasks/a.yaml", text.encode())
    assert caught.value.message.startswith(message)


def test_a_hand_edited_state_file_is_still_read() -> None:
    text = b"# note\nversion: 1\ntask: 'a'\ntitle: b   # why\nwaiting_for: [x, 'y']\n"
    assert kinds.TASKS.read("f", text) == TaskStatus(TaskId("a"), "b", waiting_for=("x", "y"))


@pytest.mark.parametrize(
    "value",
    [
        STATUS,
        agent_spec(started=AT),
        Capture(
            CommitId("c"), TreeId("t"), CommitId("b"), changes=(Change("p", "M", "1", "2", BlobId("a"), BlobId("b")),)
        ),
        Evidence(EvidenceKey("k"), GateName("g"), "pass", TreeId("t"), SessionId("s"), AT, places=({"line": 3},)),
        Desired(
            CommitId("c"),
            Swarm("main"),
            tasks={TaskId("t"): Task(TaskId("t"), "p", BlobId("b"), "x", "y")},
            held=frozenset({TaskId("z")}),
        ),
        GateResult(GateName("g"), "fail", EvidenceKey("k"), TreeId("t"), AT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_json_comes_back_the_same(value: object) -> None:
    assert as_json.from_json(as_json.to_json(value), type(value)) == value


def test_json_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError):
        as_json.from_json(b'{"id": 3}', SessionSpec)


@pytest.mark.parametrize("name", KINDS)
def test_a_state_schema_has_exactly_the_fields_of_its_value(name: str) -> None:
    import json

    schema = json.loads(schemas.text(name))
    assert set(schema["properties"]) - {"version"} == {field.name for field in fields(KINDS[name][0])}
