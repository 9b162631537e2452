"""Convoys: progress, what a failed member does to the others, another agent's try, and the commands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from swarmgit.model.actions import Archive
from swarmgit.model.control import Freeze
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.desired import Convoy, Priority
from swarmgit.model.ids import ConvoyId, TaskId
from swarmgit.model.mail import HUMAN
from swarmgit.model.sessions import Session
from tests.conftest import Repo
from tests.plan.values import Life, fails, life, saved, submits, task

NAME = ConvoyId("cv")
FIVE = ("a", "b", "c", "d", "e")


def convoy_of_five(**fields: Any) -> Life:
    members = tuple(TaskId(name) for name in FIVE)
    return life(
        *(task(name) for name in FIVE),
        swarm={"agents_max": 5, "attempts_max": 2},
        convoys={NAME: Convoy(NAME, "Together", tasks=members, **fields)},
        ends=lambda session: fails(session) if session.spec.task == "c" else submits(session),
    )


def progress(made: Life) -> ConvoyStatus:
    return saved(made.did, ConvoyStatus)[-1]


def told(made: Life) -> list[str]:
    return [mail.subject for _, mail in sorted(made.observed.mail.get(HUMAN, {}).items())]


def test_under_hold_nothing_of_the_rest_lands_when_a_member_fails_for_good() -> None:
    made = convoy_of_five(on_failure="hold", reassign_max=0)
    made.settle()
    assert made.landed() == []
    assert progress(made).state == "incomplete"
    assert progress(made).reason == "c (failed): the others do not land without it"
    assert progress(made).members == {"a": "queued", "b": "queued", "c": "failed", "d": "queued", "e": "queued"}
    assert told(made) == ["convoy cv is incomplete: 0 of 5", "c has failed"]


def test_under_continue_the_rest_lands() -> None:
    made = convoy_of_five(on_failure="continue", reassign_max=0)
    made.settle()
    assert sorted(made.landed()) == ["a", "b", "d", "e"]
    assert (progress(made).state, progress(made).done) == ("incomplete", 4)


def test_a_failed_member_is_given_to_another_agent_whose_work_lands_with_the_rest() -> None:
    made = convoy_of_five(on_failure="hold")
    first: list[str] = []

    def ends(session: Session) -> dict[str, Any]:
        if session.spec.task == "c":
            first[:] = first or [str(session.spec.agent)]
            if session.spec.agent == first[0]:
                return fails(session)
        return submits(session)

    made.ends = ends
    made.settle()
    assert sorted(made.landed()) == list(FIVE)
    agents = [attempt.agent for attempt in made.status("c").attempts]
    assert agents[:2] == [first[0]] * 2
    assert set(agents[2:]).isdisjoint(first)
    assert made.status("c").taken_from == (first[0],)
    assert (progress(made).state, progress(made).done, progress(made).total) == ("closed", 5, 5)
    assert told(made) == ["convoy cv is closed: 5 of 5"]


def test_reassignment_has_a_limit_and_then_a_person_is_asked() -> None:
    made = convoy_of_five(reassign_max=2)
    made.settle()
    assert len(made.status("c").attempts) == 6
    assert len({attempt.agent for attempt in made.status("c").attempts}) == 3
    assert told(made) == ["convoy cv is incomplete: 0 of 5", "c has failed"]


def test_a_pinned_agents_task_is_not_taken_from_it() -> None:
    made = convoy_of_five()
    made.change("c", agent="builder-09")
    made.settle()
    assert {attempt.agent for attempt in made.status("c").attempts} == {"builder-09"}
    assert made.status("c").phase == "failed"


def test_a_convoy_closes_when_a_person_cancels_what_is_left() -> None:
    made = convoy_of_five(reassign_max=0)
    made.settle()
    made.control("c", cancelled=True)
    made.settle()
    assert sorted(made.landed()) == ["a", "b", "d", "e"]
    assert (progress(made).state, progress(made).done, progress(made).total) == ("closed", 4, 5)
    assert told(made)[-1] == "convoy cv is closed: 4 of 5, 1 cancelled"


def test_a_convoy_that_gets_another_member_and_closes_again_says_so_again() -> None:
    made = convoy_of_five(reassign_max=0)
    made.ends = submits
    made.settle()
    made.tasks[TaskId("f")] = task("f", convoy="cv")
    made.convoys[NAME] = replace(made.convoys[NAME], tasks=(*made.convoys[NAME].tasks, TaskId("f")))
    made.settle()
    assert told(made) == ["convoy cv is closed: 5 of 5", "convoy cv is closed: 6 of 6"]


def test_a_convoy_that_holds_says_what_had_to_land_before_the_member_that_failed() -> None:
    made = convoy_of_five(on_failure="hold", reassign_max=0)
    made.change("c", depends_on=(TaskId("b"),))
    made.settle()
    landed = ", ".join(name for name in FIVE if name != "c")
    assert made.phases()["c"] == "failed"
    expected = f"c (failed): {landed} had to land before it; what has not landed yet waits for it"
    assert progress(made).reason == expected


def hurried(priority: Priority | None, **own: Priority) -> Life:
    """Return four tasks for one agent; `y` and `z` are in a convoy of that priority."""
    tasks = (task(name, priority=own.get(name, "normal")) for name in ("w", "x", "y", "z"))
    convoy = Convoy(NAME, "Soon", tasks=(TaskId("y"), TaskId("z")), on_failure="continue", priority=priority)
    return life(*tasks, swarm={"agents_max": 1}, convoys={NAME: convoy})


@pytest.mark.parametrize(
    ("priority", "own", "order"),
    [
        (None, {}, ["w", "x", "y", "z"]),
        ("high", {}, ["y", "z", "w", "x"]),
        ("high", {"x": "critical", "z": "critical"}, ["x", "z", "y", "w"]),
        ("low", {"w": "low"}, ["x", "y", "z", "w"]),
    ],
)
def test_a_convoys_priority_raises_its_members_and_never_lowers_one(priority: Any, own: Any, order: list[str]) -> None:
    made = hurried(priority, **own)
    made.settle()
    assert made.started() == order


def test_members_in_line_go_first_also_where_the_convoy_became_urgent_later() -> None:
    made = hurried(None)
    made.swarm = replace(made.swarm, agents_max=4)
    made.see(freeze=None)
    made.tick()
    made.see(freeze=Freeze("pat", made.now))
    made.settle()
    made.convoys = {NAME: replace(made.convoys[NAME], priority="critical")}
    made.see(freeze=None)
    made.settle()
    assert sorted(made.landed()[:2]) == ["y", "z"]


def test_a_convoy_that_left_the_intent_leaves_the_hot_folder() -> None:
    made = convoy_of_five()
    made.ends = submits
    made.settle()
    made.convoys = {}
    (moved,) = made.decide().actions
    assert moved == Archive("convoys/cv.yaml", f"archive/{made.now:%Y-%m}/{made.now:%d}/convoys/cv.yaml")


@pytest.mark.slow
@pytest.mark.usefixtures("published")
def test_progress_is_written_only_where_it_changes(repo: Repo) -> None:
    repo.start()
    repo.write({".swarm/convoys/cv.yaml": "version: 1\ntitle: Together\ntasks: [one]\n"})
    repo.task("one")
    repo.task("two", convoy="other")
    repo.write({".swarm/convoys/other.yaml": "version: 1\ntitle: The other\n"})
    repo.commit()
    assert repo.reconcile().code == 0
    shown = json.loads(repo.swarmgit("convoy", "show", "cv", "--json").stdout)
    assert (shown["state"], shown["done"], shown["total"], shown["members"]) == ("closed", 1, 1, {"one": "landed"})
    assert "state: closed" in repo.git("show", "swarm/state:convoys/other.yaml")
    before = repo.git("rev-parse", "swarm/state")
    repo.reconcile()
    assert repo.git("rev-parse", "swarm/state") == before
    assert repo.swarmgit("convoy", "list").stdout.splitlines()[1:] == [
        "cv      closed  1/1   Together",
        "other   closed  1/1   The other",
    ]
    (repo.root / ".swarm/convoys/other.yaml").unlink()
    (repo.root / ".swarm/tasks/two.yaml").unlink()
    repo.commit()
    repo.reconcile()
    assert repo.swarmgit("convoy", "list").stdout.splitlines()[1:] == ["cv      closed  1/1   Together"]


def test_validate_warns_where_members_of_a_convoy_that_holds_need_each_other(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.task("two", depends_on=["one"])
    repo.write({".swarm/convoys/cv.yaml": "version: 1\ntitle: Together\ntasks: [one, two]\n"})
    repo.commit()
    for place in ((), ("--committed",)):
        said = repo.swarmgit("validate", *place)
        (line,) = said.stdout.splitlines()
        assert line.startswith("warning: .swarm/tasks/two.yaml:")
        assert "'one' lands before it although convoy 'cv' holds" in line
    (warned,) = json.loads(repo.swarmgit("validate", "--json").stdout)["warnings"]
    assert f"warning: {warned}" == line
    repo.write({".swarm/convoys/cv.yaml": "version: 1\ntitle: T\ntasks: [one, two]\non_failure: continue\n"})
    assert repo.swarmgit("validate").stdout == ""


def test_a_convoys_file_is_written_and_added_to_by_commands(repo: Repo) -> None:
    repo.start()
    for name in ("one", "two", "three"):
        repo.task(name)
    assert repo.swarmgit("convoy", "new", "cv", "one", "--title", "It: all").stdout == ".swarm/convoys/cv.yaml\n"
    repo.swarmgit("convoy", "add", "cv", "two", "one")
    repo.commit()
    assert repo.swarmgit("validate").returncode == 0
    assert list(json.loads(repo.swarmgit("convoy", "show", "cv", "--json").stdout)["members"]) == ["one", "two"]
    again = repo.swarmgit("convoy", "new", "cv", "--title", "x", check=False)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    assert repo.swarmgit("convoy", "add", "nope", "one", check=False).returncode == 1
    assert repo.swarmgit("convoy", "show", "nope", check=False).returncode == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1\ntitle: t\n", 'version: 1\ntitle: t\ntasks: ["x"]\n'),
        (
            "version: 1\ntasks:\n  - a\n  # why b\n  - b\ntitle: t\n",
            'version: 1\ntasks: ["a", "b", "x"]\n  # why b\ntitle: t\n',
        ),
        ("version: 1\ntasks: [a,\n  b]   # two\ntitle: t", 'version: 1\ntasks: ["a", "b", "x"]\ntitle: t\n'),
        ("version: 1\ntitle: t\ntasks: [x]\n", "version: 1\ntitle: t\ntasks: [x]\n"),
    ],
)
def test_adding_leaves_the_rest_of_the_file_alone(repo: Repo, before: str, after: str) -> None:
    repo.start({".swarm/convoys/cv.yaml": before})
    repo.task("x")
    repo.swarmgit("convoy", "add", "cv", "x")
    assert (repo.root / ".swarm/convoys/cv.yaml").read_text() == after
