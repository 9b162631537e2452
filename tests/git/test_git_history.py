"""What the target's own commits say of landings, read with real git."""

from __future__ import annotations

import subprocess
import time

import pytest
from person_repository import Person

from swarmgit.adapters.git.history import GitHistory
from swarmgit.model.ids import CommitId
from swarmgit.model.landings import Told


def message(subject: str, task: str, session: str = "s1", run: int = 1) -> str:
    again = f"\nSwarm-Run: {run}" if run > 1 else ""
    return f"{subject}\n\nSwarm-Task: {task}\nSwarm-Agent: a\nSwarm-Session: {session}\nSwarm-Model: m{again}"


def told(person: Person, seen: CommitId | None = None, head: CommitId | None = None) -> Told:
    return GitHistory(person.objects()).told(head or person.head(), seen)


def named(found: Told) -> list[tuple[str, str, str, int]]:
    return [(each.commit, each.task, each.session, each.run) for each in found.mentions]


def test_every_commit_that_names_a_task_in_its_last_paragraph_is_found_newest_first(person: Person) -> None:
    person.git("checkout", "-q", "-b", "work")
    work = person.commit({"a": "1"}, message("work", "t1"))
    person.git("checkout", "-q", "main")
    person.git("merge", "-q", "--no-ff", "work", "-m", message("land", "t1"))
    merged = person.head()
    person.git("commit", "-q", "--allow-empty", "-m", "Swarm-Task: not-a-trailer\n\nbody text\n\nmore")
    person.git(
        "commit", "-q", "--allow-empty", "-m", "again\n\n" + message("x", "t2", "s2", run=3).partition("\n\n")[2]
    )
    again = person.head()
    expected = [(again, "t2", "s2", 3), (merged, "t1", "s1", 1), (work, "t1", "s1", 1)]
    assert named(told(person)) == expected


def test_only_what_is_new_is_read_and_what_a_person_merged_in_counts(person: Person) -> None:
    start = person.head()
    person.git("checkout", "-q", "-b", "theirs")
    theirs = person.commit({"b": "1"}, message("land", "t2"))
    person.git("checkout", "-q", "main")
    mine = person.commit({"a": "1"}, message("land", "t1"))
    person.git("merge", "-q", "--no-edit", "theirs")
    assert sorted(named(told(person, start))) == sorted([(theirs, "t2", "s1", 1), (mine, "t1", "s1", 1)])
    assert named(told(person, mine)) == [(theirs, "t2", "s1", 1)]
    assert named(told(person, person.head())) == []


def test_a_revert_is_one_that_takes_back_all_whatever_has_changed_around_it(person: Person) -> None:
    lines = [f"{number}\n" for number in range(30)]
    person.commit({"a": "".join(lines)})
    lines[10] = "landed\n"
    landed = person.commit({"a": "".join(lines)}, message("land", "t1"))
    lines[12] = "a neighbour\n"
    person.commit({"a": "".join(lines)})
    person.git("revert", "--no-edit", landed)
    found = told(person, landed).reverts
    assert [(each.commit, each.of, each.tasks) for each in found] == [(person.head(), landed, (("t1", 1),))]


def test_words_of_a_revert_prove_nothing(person: Person) -> None:
    landed = person.commit({"a": "1\n2\n", "b": "1\n"}, message("land", "t1"))
    person.git("commit", "-q", "--allow-empty", "-m", f"Nothing\n\nThis reverts commit {landed}.")
    person.commit({"b": "0\n"}, f"Half of it\n\nThis reverts commit {landed}.")
    person.git("commit", "-q", "--allow-empty", "-m", f"Nobody\n\nThis reverts commit {'1' * 40}.")
    assert told(person).reverts == ()


def test_a_merge_that_landed_is_reverted_as_git_does_it(person: Person) -> None:
    person.git("checkout", "-q", "-b", "work")
    person.commit({"new": "1"}, message("work", "t1"))
    person.git("checkout", "-q", "main")
    person.git("merge", "-q", "--no-ff", "work", "-m", message("land", "t1"))
    landed = person.head()
    person.git("revert", "--no-edit", "-m", "1", landed)
    assert [each.of for each in told(person).reverts] == [landed]


@pytest.mark.slow
def test_a_line_of_a_hundred_thousand_commits_is_read_once_and_then_only_its_end(person: Person, capsys) -> None:
    count = 100_000
    stream = "".join(
        f"commit refs/heads/long\nmark :{n}\ncommitter P <p@x> {1_700_000_000 + n} +0000\ndata <<E\nwork {n}\nE\n"
        for n in range(1, count + 1)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=person.top, input=stream.encode(), check=True)
    person.git("checkout", "-q", "-f", "long")
    head = person.head()
    history = GitHistory(person.objects())
    begun = time.process_time()
    assert history.told(head, None) == Told()
    landed = person.commit({"a": "1"}, message("land", "t1"))
    assert named(history.told(landed, head)) == [(landed, "t1", "s1", 1)]
    with capsys.disabled():
        print(f"\n{count} commits: {time.process_time() - begun:.3f} s of our own processor time")
