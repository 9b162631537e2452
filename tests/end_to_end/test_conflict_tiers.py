"""Conflicts that rules cannot settle: a merger resolves them, a command makes generated files again, or the task is
made again with its old work as reference. Whatever it was, the tree that lands was gated."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from swarmgit.app.run import TickReport
from swarmgit.state import text
from tests.conftest import Repo

WORDS = "one\ntwo\nthree\n"
CLASH = "echo {name} > {name}.txt; grep -q {name} words.txt || sed -i 's/^two.*/two {name}/' words.txt; sleep 0.3"


def clashing(repo: Repo, merger: str | None = None, **swarm: Any) -> None:
    """Two tasks change the same line; `merger` is what the session that resolves it does, in shell."""
    repo.swarm.update(swarm)
    if merger is not None:
        repo.agent("merger", merger)
        program = str(repo.agents / "merger.sh")
        repo.swarm["runtimes"]["merger"] = {"adapter": "command", "run": ["/bin/sh", program]}
        repo.swarm["tiers"]["merging"] = {"runtime": "merger", "model": "m1"}
        repo.swarm["routing"] = {"merge": "merging"}
    repo.start({"words.txt": WORDS})
    for name in ("left", "right"):
        repo.task(
            name, CLASH.format(name=name), shares=["words.txt"], acceptance=[{"run": f"grep -q {name} words.txt"}]
        )
    repo.commit()


def events(repo: Repo, kind: str) -> list[dict[str, Any]]:
    return [text.facts(event) for entry in repo.entries() for event in entry.events if event.kind == kind]


def fsck(repo: Repo) -> None:
    done = repo.swarmgit("fsck")
    assert done.returncode == 0, done.stdout + done.stderr


BOTH = """
    cp "$SWARM_PROMPT_FILE" "$SWARM_OUTBOX/seen.txt"
    cp words.txt "$SWARM_OUTBOX/laid.txt"
    printf 'one\\ntwo left right\\nthree\\n' > words.txt
    echo 'Both words stay' > "$SWARM_OUTBOX/message.md"
"""


@pytest.mark.usefixtures("published")
def test_a_merger_resolves_what_rules_cannot(repo: Repo) -> None:
    clashing(repo, BOTH)

    assert repo.reconcile().code == 0

    assert sorted(repo.landed()) == ["left", "right"]
    assert repo.show("words.txt") == "one\ntwo left right\nthree"
    assert all(len(repo.status(name).attempts) == 1 for name in ("left", "right"))
    assert sorted(entry.tier for entry in repo.entries()) == ["ai", "clean"]
    [resolved] = events(repo, "resolved")
    assert (resolved["agent"], resolved["model"], resolved["tier"]) == ("merger-01", "m1", "ai")
    entry = next(entry for entry in repo.entries() if entry.tier == "ai")
    assert resolved["with"] == [next(e.task for e in repo.entries() if e.tier == "clean")]
    landing = next(event for event in entry.events if event.kind == "landing")
    assert landing.tier == "ai"
    assert {"acceptance-1", f"{resolved['with'][0]}/acceptance-1"} <= set(landing.required)
    subjects = repo.git("log", "--format=%an: %s", "main")
    assert "merger-01: Both words stay" in subjects
    fsck(repo)


@pytest.mark.slow
def test_the_merger_sees_markers_both_tasks_and_both_differences(repo: Repo) -> None:
    clashing(repo, BOTH)
    repo.reconcile()
    [session] = [resolved["session"] for resolved in events(repo, "resolved")]
    folder = repo.root / ".git/swarmgit/sessions" / session
    laid, prompt = ((folder / "outbox" / name).read_text() for name in ("laid.txt", "seen.txt"))
    assert laid.startswith("one\n<<<<<<< the target\ntwo ")
    assert "\n||||||| where both began\ntwo\n=======\ntwo " in laid
    for part in ("Do what left says.", "Do what right says.", "-two\n+two left", "-two\n+two right", "- words.txt"):
        assert part in prompt
    assert "grep -q left words.txt" in prompt
    assert "grep -q right words.txt" in prompt


@pytest.mark.slow
def test_what_the_merger_may_not_change_sends_it_back_and_then_the_task_is_made_again(repo: Repo) -> None:
    clashing(repo, "printf 'one\\ntwo left right\\nthree\\n' > words.txt; echo more > other.txt")

    assert repo.reconcile().code == 0

    assert sorted(repo.landed()) == ["left", "right"]
    assert [event["try"] for event in events(repo, "resolving")] == [1, 2]
    assert all("other.txt" in event["reason"] for event in events(repo, "unresolved"))
    assert "other.txt" not in repo.git("ls-tree", "--name-only", "main")
    assert sorted(entry.tier for entry in repo.entries() if entry.state == "landed") == ["clean", "reimagine"]
    abandoned = repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/abandoned")
    assert len(abandoned.splitlines()) == 1
    fsck(repo)


@pytest.mark.slow
def test_markers_that_are_left_are_no_resolution(repo: Repo) -> None:
    clashing(repo, "true")
    assert repo.reconcile().code == 0
    assert all("marker" in event["reason"] for event in events(repo, "unresolved"))
    assert "<<<<" not in repo.show("words.txt")
    assert len(events(repo, "unresolved")) == 2


@pytest.mark.slow
def test_a_red_gate_on_the_resolution_gives_the_merger_one_more_try_with_what_the_gate_said(repo: Repo) -> None:
    clashing(
        repo,
        """
        if grep -q '"kind": "gate"' "$SWARM_FEEDBACK_FILE"; then word="left right"; else word="left"; fi
        if grep -q "left" "$SWARM_TASK_FILE" && [ "$word" = left ]; then word=right; fi
        printf "one\\ntwo $word\\nthree\\n" > words.txt
        """,
        merge={"flaky_retries": 0},
    )
    result = repo.reconcile()
    assert result.code == 0, [repo.status(name).reason for name in ("left", "right")]
    assert repo.show("words.txt") == "one\ntwo left right\nthree"
    second = next(event for event in events(repo, "resolving") if event["try"] == 2)
    assert second["feedback"]["gate"] == "acceptance-1"
    assert all(len(repo.status(name).attempts) == 1 for name in ("left", "right"))


@pytest.mark.slow
def test_without_a_merger_the_task_is_made_again_with_its_old_work_as_reference(repo: Repo) -> None:
    clashing(repo)
    assert repo.reconcile().code == 0
    assert events(repo, "resolving") == []
    landed = [entry for entry in repo.entries() if entry.state == "landed"]
    assert sorted(entry.tier for entry in landed) == ["clean", "reimagine"]
    again = next(entry.task for entry in landed if entry.tier == "reimagine")
    first = repo.status(again).attempts[0]
    assert first.outcome == "conflict"
    assert first.salvage == f"refs/swarm/abandoned/{again}/{first.session}"
    assert repo.git("rev-parse", first.salvage) == first.head


@pytest.mark.slow
def test_without_reimagine_a_person_is_asked(repo: Repo) -> None:
    clashing(repo, merge={"tiers": ["clean", "auto"]})
    result = repo.reconcile()
    assert result.code == 4
    asleep = [repo.status(name) for name in ("left", "right") if repo.status(name).phase == "needs-human"]
    assert len(asleep) == 1
    assert "merge.tiers" in asleep[0].reason


@pytest.mark.slow
def test_a_resolution_that_landed_is_remembered_and_gated_again(repo: Repo) -> None:
    clashing(repo, BOTH)
    repo.reconcile()
    begun = len(events(repo, "resolving"))
    repo.commit({"words.txt": WORDS, "left.txt": "", "right.txt": ""}, "back to the start")
    for name in ("left", "right"):
        (repo.root / f".swarm/tasks/{name}.yaml").unlink()
        script = (
            f"echo again > {name}.txt; grep -q right words.txt || sed -i 's/^two.*/two {name}/' words.txt; sleep 0.3"
        )
        repo.task(f"{name}-again", script, owns=[f"{name}.txt"], shares=["words.txt"])
    repo.commit()

    assert repo.reconcile().code == 0

    assert len(events(repo, "resolving")) == begun
    assert repo.show("words.txt") == "one\ntwo left right\nthree"
    rules = [e["resolution"][0]["hunks"][0]["rule"] for e in events(repo, "landing") if e.get("tier") == "auto"]
    assert rules == ["remembered"]
    fsck(repo)


@pytest.mark.slow
def test_generated_files_are_made_again_instead_of_merged(repo: Repo) -> None:
    repo.swarm["merge"] = {"generated": [{"files": ["sum.lock"], "run": "cat parts/*.txt > sum.lock"}]}
    repo.start({"parts/base.txt": "base\n", "sum.lock": "base\n"})
    for name in ("left", "right"):
        script = f"echo {name} > parts/{name}.txt; cat parts/*.txt > sum.lock; sleep 0.3"
        repo.task(name, script, owns=[f"parts/{name}.txt"], shares=["sum.lock"])
    repo.commit()

    assert repo.reconcile().code == 0

    assert sorted(repo.landed()) == ["left", "right"]
    assert repo.show("sum.lock") == "base\nleft\nright"
    assert all(len(repo.status(name).attempts) == 1 for name in ("left", "right"))
    assert sorted(entry.tier for entry in repo.entries()) == ["auto", "clean"]
    assert [event["way"] for event in events(repo, "resolving")] == ["generated"]
    fsck(repo)


@pytest.mark.slow
def test_a_merger_that_was_killed_is_no_try(repo: Repo) -> None:
    repo.policy = {"sandbox": "off"}
    once = f"{repo.agents}/killed"
    clashing(repo, f'test -e "{once}" || {{ : > "{once}"; kill -9 $$; }}\n{BOTH}')
    assert repo.reconcile().code == 0
    assert [event["outcome"] for event in events(repo, "unresolved")] == ["lost"], events(repo, "unresolved")
    assert all(len(repo.status(name).attempts) == 1 for name in ("left", "right"))


@pytest.mark.slow
def test_a_paused_task_has_no_merger(repo: Repo) -> None:
    clashing(repo, BOTH)
    asked: list[str] = []

    def pause(_: TickReport) -> None:
        is_soon = asked or not repo.git("for-each-ref", "refs/heads/swarm/state")
        waiting = [] if is_soon else [entry.task for entry in repo.entries() if entry.state == "resolving"]
        if waiting:
            asked.append(waiting[0])
            repo.swarmgit("task", "pause", waiting[0])

    repo.reconcile(on_tick=pause, timeout_s=15)
    if not (events(repo, "resolved") or events(repo, "unresolved")):  # paused before its session began
        assert "paused by" in repo.status(asked[0]).reason
    repo.swarmgit("task", "resume", asked[0])
    assert repo.reconcile().code == 0
    assert sorted(repo.landed()) == ["left", "right"]


@pytest.mark.slow
def test_code_and_a_generated_file_in_one_conflict_are_both_settled(repo: Repo) -> None:
    repo.swarm["merge"] = {"generated": [{"files": ["sum.lock"], "run": "cat parts/*.txt > sum.lock"}]}
    repo.agent("merger", BOTH)
    repo.swarm["runtimes"]["merger"] = {"adapter": "command", "run": ["/bin/sh", str(repo.agents / "merger.sh")]}
    repo.swarm["tiers"]["merging"] = {"runtime": "merger"}
    repo.swarm["routing"] = {"merge": "merging"}
    repo.start({"parts/base.txt": "base\n", "sum.lock": "base\n", "words.txt": WORDS})
    for name in ("left", "right"):
        script = f"echo {name} > parts/{name}.txt; cat parts/*.txt > sum.lock; sed -i 's/^two.*/two {name}/' words.txt"
        repo.task(name, f"{script}; sleep 0.3", owns=[f"parts/{name}.txt"], shares=["sum.lock", "words.txt"])
    repo.commit()
    assert repo.reconcile().code == 0
    assert repo.show("sum.lock") == "base\nleft\nright"
    assert repo.show("words.txt") == "one\ntwo left right\nthree"
    assert [event["way"] for event in events(repo, "resolving")] == ["ai", "generated"]
    assert sorted(entry.tier for entry in repo.entries()) == ["ai", "clean"]
    fsck(repo)


@pytest.mark.slow
def test_four_tasks_that_share_a_generated_file_land_at_their_first_attempt(repo: Repo) -> None:
    names = ["a", "b", "c", "d"]
    repo.swarm["merge"] = {"generated": [{"files": ["sum.lock"], "run": "cat parts/*.txt | cksum > sum.lock"}]}
    repo.start({"parts/base.txt": "base\n", "sum.lock": "x\n"})
    for name in names:
        script = f"echo {name} > parts/{name}.txt; cat parts/*.txt | cksum > sum.lock; sleep 0.3"
        repo.task(name, script, owns=[f"parts/{name}.txt"], shares=["sum.lock"])
    repo.commit()
    assert repo.reconcile().code == 0
    assert sorted(repo.landed()) == names
    assert [len(repo.status(name).attempts) for name in names] == [1, 1, 1, 1]
    fsck(repo)


@pytest.mark.slow
def test_a_merger_at_work_is_shown_and_found_by_its_task(repo: Repo) -> None:
    clashing(repo, "echo merging\nsleep 20\n")
    repo.reconcile(timeout_s=2)
    for _ in range(10):
        shown = json.loads(repo.swarmgit("status", "--json").stdout)["sessions"]
        if any(each["kind"] == "merge" and each["pid"] for each in shown):
            break
        repo.reconcile(timeout_s=2)

    (merger,) = [each for each in shown if each["pid"]]

    assert (merger["kind"], merger["agent"]) == ("merge", "merger-01")
    assert "merger-01 (merge)" in repo.swarmgit("status").stdout
    until = time.monotonic() + 15
    while not (said := repo.swarmgit("logs", merger["task"]).stdout) and time.monotonic() < until:
        time.sleep(0.1)  # it has a process, and may not have come to its first word
    assert said == "merging\n"
