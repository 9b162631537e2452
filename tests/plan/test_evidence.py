"""Whose answers count for whom: an answer of a gate with `inputs` says nothing about work that brings other things."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from values import life, task

from swarmgit.model.desired import Gate
from swarmgit.model.ids import CommitId, GateName, SessionId, TreeId
from swarmgit.model.work import Evidence
from swarmgit.plan import evidence
from swarmgit.plan.evidence import Subject
from swarmgit.plan.situation import Situation

GATE = Gate(GateName("check"), "make", inputs=("src/**",))
A, B, C = (CommitId(name) for name in "abc")


def subject(*work: CommitId, part: str = "p", tree: str = "t") -> Subject:
    return Subject(TreeId(tree), {"check": part}, work)


def known(about: Subject, *others: Subject, landed: tuple[CommitId, ...] = ()) -> bool:
    """Return whether answers about the others count for the first."""
    made = life(task("x"))
    found = {}
    for number, other in enumerate(others):
        key, reads = evidence.key_of(GATE, "", other), evidence.reads_of(GATE, "", other)
        at = made.now + timedelta(seconds=number)
        found[key] = Evidence(
            key, GATE.name, "pass", other.code_tree, SessionId(f"s{number}"), at, work=other.work, reads=reads
        )
    observed = replace(made.observed, evidence=found, environment="")
    assert made.desired.swarm is not None
    made_of = Situation.of(made.desired, made.desired.swarm, observed, made.now, frozenset(), apply_now=False)
    return evidence.answer(replace(made_of, landed_work=frozenset(landed)), GATE, about) is not None


def test_an_answer_about_the_same_work_counts_whatever_lies_beside_its_inputs() -> None:
    assert known(subject(A, tree="new"), subject(A, tree="old"))


def test_an_answer_about_the_target_or_a_part_of_a_stack_counts() -> None:
    assert known(subject(A, B, tree="new"), subject(tree="old"))
    assert known(subject(A, B, tree="new"), subject(B, tree="old"))


def test_an_answer_that_saw_other_work_counts_only_once_that_has_landed() -> None:
    assert not known(subject(B, tree="new"), subject(A, B, tree="old"))
    assert not known(subject(tree="new"), subject(A, tree="old"))
    assert known(subject(B, tree="new"), subject(A, B, tree="old"), landed=(A,))
    assert known(subject(C, tree="new"), subject(A, tree="old"), subject(B, tree="old"), landed=(B,))


def test_an_answer_about_exactly_this_tree_counts_whoever_made_it() -> None:
    assert known(subject(B), subject(A))


@pytest.mark.parametrize("other", [subject(A, part="q"), subject(part="q", tree="t")])
def test_an_answer_about_other_inputs_never_counts(other: Subject) -> None:
    assert not known(subject(A), other)


def test_without_inputs_the_work_is_no_part_of_the_key() -> None:
    whole = replace(GATE, inputs=())
    assert evidence.key_of(whole, "", subject(A)) == evidence.key_of(whole, "", subject(B))
    assert evidence.reads_of(whole, "", subject(A)) is None
