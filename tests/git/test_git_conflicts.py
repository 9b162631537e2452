"""Conflicts laid out for a session, taken back as a merge, and remembered; on real git objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from person_repository import Person

from swarmgit.adapters.git.conflicts import GitConflicts
from swarmgit.adapters.git.memory import Memory
from swarmgit.adapters.git.mergeprograms import merge_program, mergiraf
from swarmgit.adapters.git.voices import Voices
from swarmgit.model.desired import Generated, MergeConfig
from swarmgit.resolve import Rules, resolve

AUTO = MergeConfig()


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "resolutions")


def conflicts(person: Person, memory: Memory) -> GitConflicts:
    return GitConflicts(person.engine(), Voices(str(memory.folder)), memory)


def files(person: Person, commit: str) -> dict[str, str]:
    objects = person.engine().objects
    found = objects.walk(objects.commit(commit).tree)
    return {path: objects.blob(entry.oid).decode() for path, entry in found.items()}


def test_what_rules_settle_is_settled_and_the_rest_is_marked(person: Person, memory: Memory) -> None:
    base = person.commit({"v.cfg": "version = 1.0.0\n", "w.txt": "a\n", "same.txt": "s\n"})
    head = person.make(base, {"v.cfg": "version = 1.1.0\n", "w.txt": "task\n"})
    onto = person.make(base, {"v.cfg": "version = 1.2.0\n", "w.txt": "target\n"})
    laid = conflicts(person, memory).lay_out(onto, head, AUTO)
    found = files(person, laid.commit)
    assert found["v.cfg"] == "version = 1.2.0\n"
    assert found["w.txt"].startswith("<<<<<<< the target\ntarget\n||||||| where both began\na\n=======\ntask\n>>>>>>>")
    assert "-a\n+target" in laid.ours
    assert "-a\n+task" in laid.theirs
    assert conflicts(person, memory).lay_out(onto, head, AUTO).commit == laid.commit


def test_a_generated_file_is_laid_out_without_markers(person: Person, memory: Memory) -> None:
    base = person.commit({"x.lock": "1\n"})
    head, onto = (person.make(base, {"x.lock": f"{n}\n"}) for n in (2, 3))
    config = MergeConfig(generated=(Generated(("*.lock",), "make lock"),))
    assert files(person, conflicts(person, memory).lay_out(onto, head, config).commit)["x.lock"] == "3\n"
    tried = person.engine().merge(onto, head, "m", (), "merge", config)
    assert (tried.commit, tried.regenerate, tried.both) == (None, ("make lock",), ("x.lock",))


def test_a_proposal_is_a_merge_of_both_sides_and_says_which_markers_are_left(person: Person, memory: Memory) -> None:
    base = person.commit({"w.txt": "a\n", "u.txt": "a\n"})
    head = person.make(base, {"w.txt": "task\n", "u.txt": "task\n"})
    onto = person.make(base, {"w.txt": "target\n", "u.txt": "target\n"})
    here = conflicts(person, memory)
    laid = here.lay_out(onto, head, AUTO)
    person.engine().salvage("refs/swarm/salvage/t/laid", laid.commit)
    resolved = person.make(laid.commit, {"w.txt": "both\n"})
    proposal = here.propose(resolved, AUTO)
    assert person.engine().objects.commit(proposal.commit).parents == (onto, head)
    assert proposal.markers == ("u.txt",)
    assert files(person, proposal.commit)["w.txt"] == "both\n"


@pytest.mark.slow
def test_a_proposal_merges_to_its_own_tree_and_survives_a_target_that_went_on(person: Person, memory: Memory) -> None:
    base = person.commit({"w.txt": "a\n", "o.txt": "o\n"})
    head, onto = person.make(base, {"w.txt": "task\n"}), person.make(base, {"w.txt": "target\n"})
    here = conflicts(person, memory)
    laid = here.lay_out(onto, head, AUTO)
    person.engine().salvage("refs/swarm/salvage/t/laid", laid.commit)
    proposal = here.propose(person.make(laid.commit, {"w.txt": "both\n"}), AUTO).commit
    engine = person.engine()
    there = engine.merge(onto, proposal, "m", (), "merge", AUTO)
    assert there.commit is not None
    assert files(person, there.commit)["w.txt"] == "both\n"
    person.engine().salvage("refs/swarm/salvage/t/proposal", proposal)
    later = person.make(onto, {"o.txt": "went on\n"})
    after = engine.merge(later, proposal, "m", (), "merge", AUTO)
    assert after.commit is not None
    found = files(person, after.commit)
    assert (found["w.txt"], found["o.txt"]) == ("both\n", "went on\n")


def test_squashed_the_author_stays_who_did_the_work(person: Person, memory: Memory) -> None:
    base = person.commit({"w.txt": "a\n"})
    head, onto = person.make(base, {"w.txt": "task\n"}), person.make(base, {"w.txt": "target\n"})
    here = conflicts(person, memory)
    laid = here.lay_out(onto, head, AUTO)
    person.engine().salvage("refs/swarm/salvage/t/laid", laid.commit)
    proposal = here.propose(person.make(laid.commit, {"w.txt": "both\n"}), AUTO).commit
    engine = person.engine()
    tried = engine.merge(onto, proposal, "m", (), "squash", AUTO)
    assert tried.commit is not None
    info = engine.objects.commit(tried.commit)
    assert info.parents == (onto,)
    assert info.author == engine.objects.commit(head).author


def test_what_landed_is_remembered(person: Person, memory: Memory) -> None:
    base = person.commit({"w.txt": "a\n"})
    head, onto = person.make(base, {"w.txt": "task\n"}), person.make(base, {"w.txt": "target\n"})
    here = conflicts(person, memory)
    laid = here.lay_out(onto, head, AUTO)
    person.engine().salvage("refs/swarm/salvage/t/laid", laid.commit)
    here.remember(here.propose(person.make(laid.commit, {"w.txt": "both\n"}), AUTO).commit)
    answer = resolve("other.txt", b"a\n", b"task\n", b"target\n", Rules(remembered=memory.recall))
    assert answer.content == b"both\n"
    assert memory.recall("../../etc/passwd") is None


def test_an_installed_merge_program_is_one_more_voice(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "mergiraf"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$1" = merge ] || exit 9\ncat left.txt right.txt\n')
    program.chmod(0o755)
    assert merge_program(str(tmp_path)) is None
    assert merge_program(None) is None
    assert merge_program(str(program.parent)) == str(program)
    assert mergiraf(str(program), "a/b.txt", None, b"x\n", b"y\n") == b"x\ny\n"
    program.write_text("#!/bin/sh\nexit 1\n")
    assert mergiraf(str(program), "a/b.txt", b"", b"x\n", b"y\n") is None


def test_half_a_marker_is_a_marker(person: Person, memory: Memory) -> None:
    base = person.commit({"w.txt": "a\n"})
    head, onto = person.make(base, {"w.txt": "task\n"}), person.make(base, {"w.txt": "target\n"})
    here = conflicts(person, memory)
    laid = here.lay_out(onto, head, AUTO)
    person.engine().salvage("refs/swarm/salvage/t/laid", laid.commit)
    for left in ("target\n=======\ntask\n", "target\n||||||| where both began\n", ">>>>>>> the task\n"):
        assert here.propose(person.make(laid.commit, {"w.txt": left}), AUTO).markers == ("w.txt",)


@pytest.mark.slow
def test_a_conflict_that_markers_cannot_show_has_to_be_decided(person: Person, memory: Memory) -> None:
    base = person.commit({"gone.txt": "a\n", "bin.dat": "\0a"})
    head = person.make(base, {"gone.txt": None, "bin.dat": "\0task"})
    onto = person.make(base, {"gone.txt": "changed\n", "bin.dat": "\0target"})
    here = conflicts(person, memory)
    laid = here.lay_out(onto, head, AUTO)
    person.engine().salvage("refs/swarm/salvage/t/laid", laid.commit)
    assert "the task (has deleted it)" in files(person, laid.commit)["gone.txt"]
    untouched = here.propose(person.make(laid.commit, {"other.txt": "x\n"}), AUTO)
    assert (untouched.markers, untouched.undecided) == (("gone.txt",), ("bin.dat",))
    decided = here.propose(person.make(laid.commit, {"gone.txt": "changed by both\n", "bin.dat": "\0both"}), AUTO)
    assert (decided.markers, decided.undecided) == ((), ())


def test_a_file_that_git_had_to_put_aside_is_not_decided(person: Person, memory: Memory) -> None:
    base = person.commit({"a.txt": "changed\n"})
    head, onto = person.make(base, {"thing": "file\n"}), person.make(base, {"thing/inner.txt": "folder\n"})
    here = conflicts(person, memory)
    laid = here.lay_out(onto, head, AUTO)
    person.engine().salvage("refs/swarm/salvage/t/laid", laid.commit)
    left = here.propose(person.make(laid.commit, {"other.txt": "x\n"}), AUTO)
    assert any("thing~" in path for path in left.undecided)


def test_names_that_are_no_text_are_told_as_text(person: Person) -> None:
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    base = person.commit({name: "a\n"})
    head, onto = person.make(base, {name: "task\n"}), person.make(base, {name: "target\n"})
    tried = person.engine().merge(onto, head, "m", (), "merge", AUTO)
    assert tried.conflicts == tried.both == ("caf\\xe9.txt",)
