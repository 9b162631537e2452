"""What an agent says reaches another agent, a person or a commit as words and never as structure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from values import Life, life, task

from swarmgit.act.mail import _note
from swarmgit.documents import quoting
from swarmgit.model.actions import Save, StartSession
from swarmgit.model.events import Fault, Stream
from swarmgit.model.handoffs import Handoff, Summary
from swarmgit.model.ids import AgentName, BlobId, CommitId, MailId, SessionId, TaskId
from swarmgit.model.incidents import Incident, Occurrence
from swarmgit.model.mail import Digest, Mail
from swarmgit.model.queue import Resolving
from swarmgit.model.status import Attempt, Rejection, TaskStatus
from swarmgit.plan.briefing import feedback_text, prompt_for
from swarmgit.plan.merge_prompt import prompt_for_merge
from swarmgit.state import incidents
from swarmgit.state.commits import message
from tests.hostile import BREAKS, HOSTILE, headings, is_seen
from tests.plan.values import saved

AT = datetime(2026, 1, 1, tzinfo=UTC)
OURS = {"# Task a", "## Scope", "## Messages", "## What was tried before", "## Mail", "## You take over", "## You"}


def attempt(**fields: Any) -> Attempt:
    given = {"outcome": "rejected", "reason": HOSTILE, **fields}
    return Attempt(1, SessionId("s"), AgentName("builder"), "x", CommitId("c" * 40), BlobId("g"), AT, ended=AT, **given)


REJECTION = Rejection(
    "gate", HOSTILE, HOSTILE, places=({"file": HOSTILE, "test": HOSTILE},), paths=(HOSTILE,), output=HOSTILE
)
SUMMARY = Summary(HOSTILE, (HOSTILE,), (HOSTILE,), (HOSTILE,))
LETTER = Mail(MailId("m"), "other", "builder", "status_update", HOSTILE, AT, MailId("m"), body=HOSTILE)


@pytest.mark.parametrize(
    "last",
    [
        attempt(rejection=REJECTION),
        attempt(outcome="handed-over", handoff=Handoff(AT, HOSTILE, SUMMARY, "session")),
        attempt(outcome="failed", handoff=Handoff(AT, HOSTILE, SUMMARY, "session")),
    ],
    ids=["rejected", "handed over", "failed"],
)
def test_a_prompt_has_no_heading_but_its_own(last: Attempt) -> None:
    status = TaskStatus(TaskId("a"), "a", attempts=(last,))
    text = prompt_for(task("a"), "", None, status, Digest(whole=(LETTER,)))
    assert {each.partition(":")[0] for each in headings(text)} <= OURS
    assert is_seen(text, "\n\t")


def test_a_merger_s_prompt_has_no_heading_but_its_own() -> None:
    begun = Resolving(
        at=AT,
        session=SessionId("m1"),
        number=2,
        way="ai",
        onto=CommitId("b"),
        head=CommitId("c"),
        paths=(HOSTILE,),
        may_change=(HOSTILE,),
        others=(),
        feedback=REJECTION,
    )
    text = prompt_for_merge("", task("a"), (), begun)
    assert not {each for each in headings(text) if "obey" in each}
    assert is_seen(text, "\n\t")
    assert feedback_text(REJECTION) in text


def test_an_incident_is_a_document_of_ours() -> None:
    value = Incident(
        id="i",
        signature="s",
        title=HOSTILE,
        opened=AT,
        agents=(AgentName(HOSTILE),),
        tasks=(TaskId(HOSTILE),),
        detection=HOSTILE,
        cause=HOSTILE,
        resolution=HOSTILE,
        answers=(HOSTILE,),
        occurrences=(Occurrence(AT, "k", HOSTILE),),
    )
    text = incidents.post_mortem(value)
    assert {each for each in headings(text) if each.startswith("## ")} == {
        "## What happened",
        "## Detection",
        "## Root cause",
        "## Resolution",
        "## Prevention",
    }
    assert is_seen(text, "\n")
    assert "<b>" not in text.replace("\\<b>", "").replace(f"    {quoting.line(HOSTILE)}", "")
    assert incidents.load("incidents/i.md", incidents.dump(value)) == value


def test_an_urgent_note_and_a_commit_of_state_say_words() -> None:
    assert not headings(_note(LETTER).decode().encode().decode("unicode_escape", "replace"))
    said = message([Save(TaskStatus(TaskId("a"), "a", reason=HOSTILE), HOSTILE)])
    assert not headings(said)
    assert is_seen(said, "\n")


def faulty(fault: Fault) -> Life:
    made = life(task("a"))
    made.ends = lambda session: {
        "exit_code": 1,
        "stream": Stream(fault=fault, text_tail=HOSTILE),
        "stderr_tail": HOSTILE,
    }
    made.settle()
    return made


@pytest.mark.parametrize("kind", ["other", "context", "turns", "transient"])
def test_an_error_text_of_a_program_is_words_in_reasons_mails_and_the_next_prompt(kind: str) -> None:
    made = faulty(Fault(kind, HOSTILE))  # type: ignore[arg-type]
    prompts = [each.prompt for each in made.did if isinstance(each, StartSession)]
    for prompt in prompts:
        assert {each.partition(":")[0] for each in headings(prompt)} <= OURS
    mails = saved(made.did, Mail)
    for mail in mails:
        assert not headings(mail.body)
        assert not BREAKS.search(mail.subject)
    for each in made.status("a").attempts:
        assert is_seen(each.reason)


def test_a_person_s_text_in_a_task_keeps_its_form() -> None:
    made = replace(task("a"), description="Do this:\n\n## Steps\n\n- one")
    assert "## Steps" in prompt_for(made, "", None, None)
