"""What `gates`, `queue` and `agents` say."""

from __future__ import annotations

import pytest
from looks import BASE, HEAD, LANDED, NOW, TREE, at, entry, identity, look
from msgspec.structs import replace

from swarmgit.app.views.agents import agent_document, agents_document
from swarmgit.app.views.gates import gates_document
from swarmgit.app.views.queue import entry_document, queue_document
from swarmgit.app.views.status import status_document
from swarmgit.cli.render_agents import agent_text, agents_text, blame_text
from swarmgit.cli.render_queue import entry_text, gates_text, queue_text
from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import Gate
from swarmgit.model.histories import GateHistory, RedFull
from swarmgit.model.queue import Gating


def test_a_gate_that_never_failed_is_reported() -> None:
    seen = look(gate_histories={"test": GateHistory("test", passed=4, seconds=8.0, last_pass=at(-1))})
    document = gates_document(seen)
    (row,) = document["gates"]
    assert (row["passed"], row["never_failed"], row["ever_failed"], row["seconds_mean"]) == (4, True, False, 2.0)
    assert gates_text(document) == (
        "GATE  PASSED  FAILED  ERRORS  REUSED  MEAN S  LAST FAIL  FLAKY  RUN\n"
        "test  4       0       0       0       2.0     -          -      pytest -q\n"
        "warning: gate test has never failed; nobody knows whether it can"
    )


def test_a_gate_that_only_ever_failed_is_reported_and_one_that_is_gone_is_still_shown() -> None:
    histories = {"old": GateHistory("old", failed=2, errors=1), "test": GateHistory("test", passed=1, failed=1)}
    text = gates_text(gates_document(look(gate_histories=histories)))
    assert "(not configured any more)" in text
    assert text.endswith("warning: gate old has never passed")


def test_a_flaky_gate_and_one_whose_inputs_lie_are_reported_with_the_reason() -> None:
    today = NOW.strftime("%Y-%m-%d")
    flake = {"at": at(-5).isoformat(), "key": "k", "reason": "exit code 1"}
    red = RedFull(LANDED, TREE, "k", at(-1), ("s1", "s2"), "exit code 2", is_confirmed=True)
    history = GateHistory("test", passed=9, failed=1, days={today: 10}, flakes=(flake,), red_full=red)
    seen = look(gate_histories={"test": history})
    seen = replace(seen, desired=replace(seen.desired, gates=(Gate("test", "pytest -q", inputs=("src/**",)),)))
    (row,) = gates_document(seen)["gates"]
    assert (row["flaky"]["rate"], row["flaky"]["reason"]) == (0.1, "exit code 1")
    assert row["full"] == {"last_pass": None, "red_commit": LANDED, "inputs_miss_something": True}
    text = gates_text(gates_document(seen))
    assert "gate test is flaky: 1 of 10 runs in two weeks were red for what passed again" in text
    assert "the inputs of gate test miss something" in text
    assert "inputs miss something" in queue_text(queue_document(seen, is_all=False))
    assert "inputs miss something" in str(status_document(seen, "none")["problems"])


def test_the_queue_shows_who_is_gated_and_how_each_tier_fared() -> None:
    gating = Gating(at=at(-1), base=BASE, commit=HEAD, code_tree=TREE, stack=("e1", "e2"))
    entries = {
        "e1": entry("e1"),
        "e2": entry("e2", state="gating", events=(gating,)),
        "e3": entry("e3", state="landed", landed_commit=LANDED),
        "e4": entry("e4", state="rejected", tier="auto"),
    }
    seen = look(entries=entries, target_head=BASE)
    document = queue_document(seen, is_all=False)
    assert [each["state"] for each in document["queue"]] == ["gating", "gating"]
    assert [each["state"] for each in status_document(seen, "none")["queue"]] == ["gating", "gating"]
    assert entry_document(seen, "e1")["state"] == "gating"
    assert document["tiers"][1] == {"tier": "auto", "entries": 1, "landed": 0, "rejected": 1, "success": 0.0}
    assert queue_text(document).splitlines()[-2:] == [
        "tier clean: 3 entries, 1 landed, 0 rejected (100 %)",
        "tier auto: 1 entry, 0 landed, 1 rejected (0 %)",
    ]


def test_the_queue_lists_finished_entries_only_when_asked() -> None:
    entries = {"e1": entry("e1", state="landing"), "e2": entry("e2", state="landed", landed_commit=LANDED)}
    seen = look(entries=entries, blocked={"e1": ("a.txt",)})
    assert [each["id"] for each in queue_document(seen, is_all=False)["queue"]] == ["e1"]
    text = queue_text(queue_document(seen, is_all=True))
    assert "waits: a local edit is in its way in a.txt" in text
    assert "dddddddddd" in text


def test_an_entry_is_found_by_its_task_or_the_start_of_its_id() -> None:
    seen = look(entries={"01aa": entry("01aa"), "01bb": entry("01bb")})
    assert entry_document(seen, "api")["id"] == "01bb"
    assert entry_document(seen, "01a")["id"] == "01aa"
    with pytest.raises(PersonMustAct, match="there is no entry '01'"):
        entry_document(seen, "01")


def test_an_entry_shows_its_evidence_and_its_events() -> None:
    text = entry_text(entry_document(look(entries={"e1": entry()}), "e1"))
    assert "test: pass on eeeeeeeeee at 2026-01-02T11:58:00Z (1.5 s)" in text
    assert '2026-01-02T11:57:00Z queued {"base": "' in text


def test_an_agent_is_shown_by_its_verified_outcomes() -> None:
    known = identity(
        sessions=3, tasks_tried=2, tasks_completed=2, first_pass=1, tokens=1500, by_model={"m": {"completed": 2}}
    )
    seen = look(identities={"builder-01": known})
    assert agents_text(agents_document(seen)) == (
        "AGENT       ROLE     SESSIONS  DONE  FIRST PASS  TOKENS  USD  NOW AT\n"
        "builder-01  builder  3         2     50%         2k      ?    -"
    )
    assert "  model m: completed 2" in agent_text(agent_document(seen, "builder-01"))


def test_blame_of_a_persons_line_says_that_no_agent_wrote_it() -> None:
    document = {"path": "a", "line": 1, "commit": "c", "at": "t", "author": "Ada", "task": None}
    assert blame_text(document) == "a:1 is from c, t\nwritten by Ada: no agent's work"
