"""What a session writes down for its successor, and how that one answers: read whatever else is there, or not at all."""

from __future__ import annotations

import json

import jsonschema
import pytest

from swarmgit.adapters import prices
from swarmgit.documents import answers, schemas
from swarmgit.model.handoffs import Acceptance, Handoff, Summary
from swarmgit.runtimes.jsonlines import JsonLinesReader
from swarmgit.state import kinds
from swarmgit.wiring.programs import AgentPrograms
from tests.conftest import Repo


@pytest.mark.parametrize(("kind", "example"), [("handoff", answers.SUMMARY), ("acceptance", answers.ACCEPTANCE)])
def test_the_form_that_is_shown_keeps_to_its_schema(kind: str, example: str) -> None:
    jsonschema.validate(json.loads(example), json.loads(schemas.text(kind)))


def test_schema_and_value_have_the_same_keys() -> None:
    for kind, value in (("handoff", Summary), ("acceptance", Acceptance)):
        keys = set(json.loads(schemas.text(kind))["properties"])
        assert keys == {"version", *value.__struct_fields__}
    status = json.loads(schemas.text("status"))["$defs"]["attempt"]["properties"]["handoff"]["properties"]
    assert set(status) == set(Handoff.__struct_fields__)


def test_a_summary_is_found_between_other_words() -> None:
    said = 'Here it is:\n```json\n{"state": "half", "done": ["a"], "remaining": ["b\\n c"]}\n```\nGood luck!'
    assert answers.summary_in(said) == Summary("half", ("a",), ("b c",))
    assert answers.acceptance_in('{"version": 1, "state": "I see", "next": "go"}') == Acceptance("I see", "go")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[]",
        '{"state": ""}',
        '{"state": 3}',
        '{"done": []}',
        '{"state": "x", "more": 1}',
        '{"state": "x", "version": 2}',
    ],
)
def test_anything_else_is_no_summary(broken: str) -> None:
    assert answers.summary_in(broken) is None


def test_what_is_too_much_is_cut() -> None:
    found = answers.summary_in(json.dumps({"state": "x" * 5000, "done": ["y"] * 500}))
    assert found is not None
    assert (len(found.state), len(found.done)) == (answers.WORDS_CHARS_MAX, answers.ITEMS_MAX)


def test_a_program_of_ones_own_says_its_window_and_that_it_listens() -> None:
    reader = JsonLinesReader()
    reader.feed(b'{"type": "conversation", "window": 1000, "takes_messages": true}\n{"type": "context", "used": 900}\n')
    said = reader.stream()
    assert (said.context_used, said.context_window, said.takes_messages) == (900, 1000, True)


def test_the_window_is_what_a_person_set_else_the_smaller_of_the_adapters_and_the_models() -> None:
    outlook = AgentPrograms().outlook
    assert outlook("claude-code", ("claude-opus-5-5",), {}).window == 200_000
    assert outlook("claude-code", ("claude-opus-5-5",), {"claude-opus-5-5": 900_000}).window == 900_000
    assert outlook("opencode", ("swarm/deepseek-chat",), {}).window == prices.window(("deepseek-chat",)) == 64_000
    assert outlook("opencode", ("unheard-of",), {}).window is None
    assert outlook("no-such-adapter", (), {}).window is None
    assert outlook("claude-code", (), {}).takes_messages


def test_a_state_file_of_before_has_no_handoffs_and_is_read(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.commit()
    assert repo.reconcile().code == 0
    assert all(a.handoff is None for a in repo.status("a").attempts)
    assert b"handoff" not in kinds.TASKS.dump(repo.status("a"))
