"""fsck proves P1, P2, I1 and I2 over the history, and notices every way of breaking them by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from paper import REQUIRED, Paper, message_of, place_of, status_of, text_of, without

from swarmgit.app.fsck import check
from swarmgit.cli.render_health import fsck_text
from swarmgit.model.histories import Followed
from swarmgit.model.ids import CommitId, EntryId, GateName, SessionId, TaskId
from swarmgit.model.intake import LeftOut
from swarmgit.model.queue import Abandoned, Entry
from swarmgit.state import kinds


def broken(paper: Paper) -> list[tuple[str, str | None]]:
    return [(each.promise, each.commit) for each in check(paper.world()).violations]


def messages(paper: Paper) -> str:
    return "\n".join(each.message for each in check(paper.world()).violations)


def test_a_history_that_tells_the_truth_is_ok(paper: Paper) -> None:
    paper.record(status_of(paper.land("api")))
    paper.commit({"mine.txt": "by a person"})
    paper.land("ui")
    report = check(paper.world())
    assert report.document() == {"version": 1, "ok": True, "checked": 2, "violations": []}
    assert fsck_text(report) == "2 landed commits checked: every promise is kept"


def test_a_repository_without_state_and_landings_is_ok(paper: Paper) -> None:
    assert check(paper.world()).document() == {"version": 1, "ok": True, "checked": 0, "violations": []}


def test_a_commit_that_changes_only_intent_between_landings_does_not_matter(paper: Paper) -> None:
    paper.land("api")
    paper.commit({".swarm/tasks/ui.yaml": "version: 1\n"})
    paper.land("ui")
    assert broken(paper) == []


def test_a_hand_made_ungated_commit_with_trailers_is_found(paper: Paper) -> None:
    commit = paper.commit({"evil.txt": "x"}, message_of("evil"))
    assert broken(paper) == [("P2", commit), ("I1", commit)]
    assert "no evidence that any gate passed" in messages(paper)


def test_a_landed_commit_whose_tree_was_altered_is_found(paper: Paper) -> None:
    entry = paper.land("api")
    paper.top.joinpath("api.txt").write_text("altered")
    paper.git("add", "-A")
    paper.git("commit", "-q", "--amend", "--no-edit")
    assert broken(paper) == [("P2", paper.head()), ("I1", paper.head()), ("P2", entry.landed_commit)]
    assert f"is not {entry.candidate.code_tree}, on which the gates passed" in messages(paper)


def test_a_ledger_that_was_bent_to_an_altered_commit_is_found(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    paper.top.joinpath("api.txt").write_text("altered")
    paper.git("add", "-A")
    paper.git("commit", "-q", "--amend", "--no-edit")
    candidate = replace(entry.candidate, commit=paper.head())
    paper.record(replace(entry, landed_commit=paper.head(), candidate=candidate))
    assert {promise for promise, _ in broken(paper)} == {"I1", "P2"}


def test_a_ledger_that_says_landed_for_a_commit_the_target_lacks_is_found(paper: Paper) -> None:
    entry = paper.land("api")
    paper.git("reset", "-q", "--hard", "HEAD~1")
    assert broken(paper) == [("P2", entry.landed_commit)]


def test_a_ledger_that_says_landed_for_no_commit_at_all_is_found(paper: Paper) -> None:
    paper.record(replace(paper.landing("api", {"a": "a"}), landed_commit=None))
    assert ("P2", None) in broken(paper)


def test_a_landing_without_an_entry_is_found(paper: Paper) -> None:
    paper.landing("api", {"api.txt": "api"})
    assert broken(paper) == [("P2", paper.head()), ("I1", paper.head())]


def test_every_required_gate_needs_a_pass_on_exactly_that_tree(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    first, *others = entry.evidence
    elsewhere = replace(entry, evidence=(replace(first, tree=entry.base), *others))
    red = replace(entry, evidence=(replace(first, outcome="fail"), *others))
    unexplained = replace(entry, evidence=(replace(first, outcome="skipped"), *others))
    for bent in (without(entry, "test"), elsewhere, red, unexplained, replace(entry, evidence=())):
        paper.record(bent)
        assert {promise for promise, _ in broken(paper)} == {"I1"}


def test_a_gate_that_policy_skips_with_a_reason_is_accounted_for(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    first, *others = entry.evidence
    paper.record(replace(entry, evidence=(replace(first, outcome="skipped", reason="by policy"), *others)))
    assert broken(paper) == []


def test_evidence_comes_before_the_intent_by_commits_of_state(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    paper.record(without(entry, "test"))
    paper.record(entry)
    assert "evidence of gate test was not in state before the landing's intent" in messages(paper)


@pytest.mark.parametrize("hours", [-100_000, -1, 1, 100_000])
def test_a_clock_that_jumps_between_gate_and_landing_breaks_no_promise(paper: Paper, hours: int) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    at = entry.events[0].at + timedelta(hours=hours)
    paper.record(replace(entry, evidence=tuple(replace(each, at=at) for each in entry.evidence)))
    other = paper.landing("ui", {"ui.txt": "ui"})
    paper.clock.at += timedelta(hours=hours)
    paper.record(replace(other, events=tuple(replace(each, at=paper.clock.at) for each in other.events)))
    assert broken(paper) == []


def test_an_entry_that_was_tried_twice_is_judged_by_the_intent_that_it_landed_by(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    intent, done = entry.events
    earlier = replace(intent, new=entry.base)
    abandoned = Abandoned(at=intent.at, reason="the target moved")
    paper.record(replace(entry, state="landing", evidence=(), landed_commit=None, events=(earlier,)))
    paper.record(replace(entry, state="queued", evidence=(), landed_commit=None, events=(earlier, abandoned)))
    paper.record(replace(entry, events=(earlier, abandoned, intent, done)))
    assert broken(paper) == []


def test_an_archived_entry_keeps_its_order(paper: Paper) -> None:
    entry = paper.land("api")
    name = f"{entry.enqueued:%Y-%m}/{entry.enqueued:%d}"
    paper.write({f"archive/{name}/merge-queue/{entry.id}.yaml": text_of(entry), place_of(entry): None})
    assert broken(paper) == []


def test_a_landing_that_did_not_require_the_built_in_judges_is_found(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    intent, done = entry.events
    bent = replace(intent, required=(GateName("test"),))
    paper.record(replace(entry, events=(bent, done)))
    assert broken(paper) == [("I1", paper.head())]
    paper.record(replace(entry, events=(done,)))
    assert "no record of the landing's intent" in messages(paper)


GATES = """version: 1
gates:
  - {name: test, run: make}
  - {name: lint, run: make lint, when: [submit]}
  - {name: slow, run: make slow, when: [merge]}
"""


def with_gate(entry: Entry, name: str) -> Entry:
    """Return the entry with one more gate that was required and passed."""
    intent, done = entry.events
    required = replace(intent, required=(*intent.required, GateName(name)))
    return replace(entry, evidence=(*entry.evidence, replace(entry.evidence[0], gate=name)), events=(required, done))


def test_a_landing_that_left_out_a_gate_that_was_configured_is_found(paper: Paper) -> None:
    paper.commit({".swarm/gates.yaml": GATES})
    entry = paper.landing("api", {"api.txt": "api"})
    paper.record(entry)
    assert broken(paper) == [("I1", paper.head())]
    assert "did not require slow, configured there" in messages(paper)


def test_a_gate_that_was_configured_and_required_breaks_nothing(paper: Paper) -> None:
    paper.commit({".swarm/gates.yaml": GATES})
    paper.record(with_gate(paper.landing("api", {"api.txt": "api"}), "slow"))
    assert broken(paper) == []


def test_gates_that_came_later_were_not_required_and_a_broken_file_requires_nothing(paper: Paper) -> None:
    paper.land("api")
    paper.commit({".swarm/gates.yaml": "version: 1\ngates: ["})
    paper.land("ui")
    paper.commit({".swarm/gates.yaml": GATES})
    assert broken(paper) == []


def test_landings_of_one_moment_were_decided_on_the_head_below_them_all(paper: Paper) -> None:
    first = paper.landing("api", {".swarm/gates.yaml": GATES})
    second = paper.landing("ui", {"ui.txt": "ui"})
    paper.record(first, second)
    assert broken(paper) == []


def test_an_entry_whose_history_names_another_commit_than_its_state_is_found(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    intent, done = entry.events
    paper.record(replace(entry, events=(intent, replace(done, commit=entry.base))))
    assert broken(paper) == [("P2", paper.head())]
    paper.record(replace(entry, events=(intent,)))
    assert broken(paper) == [("P2", paper.head())]


def test_an_entry_that_claims_to_have_landed_in_somebody_elses_commit_is_found(paper: Paper) -> None:
    entry = paper.land("api")
    paper.record(replace(entry, id=EntryId("entry-liar"), task=TaskId("liar"), session=SessionId("session-liar")))
    assert {promise for promise, _ in broken(paper)} == {"P2"}
    assert "the ledger liar" in messages(paper)


def followed(paper: Paper, old: CommitId, new: CommitId) -> None:
    record = Followed("origin", "main", old, new)
    paper.write({kinds.FOLLOWED.path(record): kinds.FOLLOWED.dump(record)})


def test_what_others_landed_and_pushed_needs_no_evidence_of_ours(paper: Paper) -> None:
    old = paper.head()
    theirs = paper.commit({"theirs.txt": "x"}, message_of("theirs"))
    assert broken(paper) == [("P2", theirs), ("I1", theirs)]
    followed(paper, old, theirs)
    assert broken(paper) == []
    ungated = paper.commit({"evil.txt": "x"}, message_of("evil"))
    assert broken(paper) == [("P2", ungated), ("I1", ungated)], "only what was followed"


def test_a_record_of_following_what_the_remote_never_had_is_found(paper: Paper) -> None:
    old = paper.head()
    commit = paper.commit({"evil.txt": "x"}, message_of("evil"))
    paper.git("update-ref", "refs/swarm/remote/main", old)
    followed(paper, old, commit)
    assert broken(paper) == [("P1", commit)]


def test_a_landing_whose_first_parent_is_not_the_old_head_is_found(paper: Paper) -> None:
    old = paper.head()
    paper.commit({"mine.txt": "x"})
    entry = paper.landing("api", {"api.txt": "api"})
    candidate = replace(entry.candidate, base=old)
    paper.record(replace(entry, candidate=candidate))
    assert {promise for promise, _ in broken(paper)} == {"I2", "I1"}


def test_a_landed_commit_that_names_another_agent_is_found(paper: Paper) -> None:
    paper.record(replace(paper.landing("api", {"api.txt": "api"}), agent="builder-02"))
    assert broken(paper) == [("P2", paper.head())]


def test_a_landed_commit_names_its_makers_itself_whatever_it_brings_in(paper: Paper) -> None:
    paper.record(paper.landing("api", {"api.txt": "api"}, with_trailers=False))
    assert set(broken(paper)) == {("P2", paper.head())}


def test_landings_that_a_persons_merge_moved_off_the_first_parent_line_are_still_judged(paper: Paper) -> None:
    base = paper.head()
    paper.land("api")
    paper.git("checkout", "-q", "-b", "mine", base)
    paper.commit({"mine.txt": "x"})
    paper.git("merge", "-q", "-m", "Merge main", "main")
    paper.git("branch", "-f", "main", "mine")
    assert broken(paper) == []
    assert check(paper.world()).checked == 1


def test_a_landing_whose_record_a_crash_cut_off_is_no_violation(paper: Paper) -> None:
    paper.record(replace(paper.landing("api", {"api.txt": "api"}), state="landing", landed_commit=None))
    assert broken(paper) == []


def test_archived_entries_count(paper: Paper) -> None:
    entry = paper.landing("api", {"api.txt": "api"})
    paper.write({kinds.ENTRIES.archive_path(entry, entry.enqueued): kinds.ENTRIES.dump(entry)})
    assert broken(paper) == []


def test_a_task_that_says_landed_where_the_target_shows_nothing_is_found(paper: Paper) -> None:
    entry = paper.land("api")
    paper.record(status_of(entry, landed_commit=entry.head.replace(entry.head[0], "0")))
    assert [promise for promise, _ in broken(paper)] == ["P2"]


def test_a_state_file_that_cannot_be_read_is_named_with_its_place(paper: Paper) -> None:
    paper.write(
        {
            "tasks/api.yaml": b"version: 1\ntask: api\ntitle: x\nphaze: landed\n",
            "events/2026-01/02/s.jsonl": b"{}\nno\n",
        }
    )
    assert broken(paper) == [("P8", None), ("P8", None)]
    assert "tasks/api.yaml:4:1: unknown key 'phaze'" in messages(paper)
    assert "events/2026-01/02/s.jsonl:2:1: " in messages(paper)


@pytest.mark.parametrize("name", ["salvage", "left_out"])
def test_work_that_a_task_says_is_kept_has_to_be_there(paper: Paper, name: str) -> None:
    entry = paper.land("api")
    ref = "refs/swarm/salvage/api/session-api"
    kept = ref if name == "salvage" else LeftOut(entry.head, ("notes.txt",), ref)
    last = replace(status_of(entry).attempts[0], **{name: kept})
    paper.record(status_of(entry, attempts=(last,)))
    assert broken(paper) == [("P3", None)]
    paper.git("update-ref", ref, entry.head)
    assert broken(paper) == []
    assert "test" in REQUIRED


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_shallow_clone_is_judged_as_far_as_it_goes(paper: Paper, depth: int) -> None:
    for task in ("one", "two"):
        paper.record(status_of(paper.land(task)))
    paper.commit({"mine.txt": "by a person"})
    tree, count = paper.git("rev-parse", "HEAD"), paper.git("rev-list", "--count", "HEAD")
    line = paper.git("rev-list", "--first-parent", "HEAD").split()
    paper.top.joinpath(".git", "shallow").write_text(f"{line[depth - 1]}\n")
    assert int(paper.git("rev-list", "--count", tree)) < int(count)
    assert broken(paper) == []
