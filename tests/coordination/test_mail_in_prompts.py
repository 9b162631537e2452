"""What a prompt shows of mail, and when that counts as read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import WatchdogConfig, WatchdogLimits
from swarmgit.model.events import Fault, Stream
from swarmgit.model.ids import AgentName, TaskId
from swarmgit.model.mail import Letter, Mail, MailControl
from swarmgit.model.usage import Usage
from tests.conftest import Repo
from tests.plan.values import Ends, Life, fails, life, never_ends, submits, task

ME = AgentName("builder-01")


def written_to(*letters: Letter, ends: Ends = never_ends) -> Life:
    """Return a swarm in which mail waits for the agent of the only task."""
    quiet = {"watchdog": WatchdogConfig(WatchdogLimits(is_on=False)), "attempts_max": 9}
    made = life(task("a", agent=ME), ends=ends, swarm=quiet)
    made.see(mail_controls={f"{n:03d}": MailControl(each) for n, each in enumerate(letters)})
    return made


def letter(subject: str, body: str = "", **fields: Any) -> Letter:
    return Letter((ME,), subject, body, **fields)


def prompts(made: Life) -> list[str]:
    return [action.prompt for action in made.did if isinstance(action, StartSession)]


def box(made: Life) -> list[Mail]:
    return [mail for _, mail in sorted(made.observed.mail[ME].items()) if mail.type == "status_update"]


NEVER_RAN: dict[str, dict[str, Any]] = {
    "set-up failed": {"exit_code": None, "error": "the worktree's set-up failed"},
    "no such program": {"exit_code": None, "error": "no such program"},
    "killed before a word": {"state": "lost", "exit_code": None},
    "killed by the machine before a word": {"exit_code": 137},
    "refused": {"exit_code": 1, "stream": Stream(conversation="c", lines=1, fault=Fault("transient", "try later"))},
}
RAN: dict[str, dict[str, Any]] = {
    "it failed in silence": {"exit_code": 1},
    "killed after its first line": {"exit_code": 137, "stream": Stream(lines=1)},
    "cut off after it had used tokens": {
        "state": "lost",
        "exit_code": 1,
        "stream": Stream(usage=Usage(input_tokens=9)),
    },
}


@pytest.mark.parametrize("end", NEVER_RAN.values(), ids=NEVER_RAN)
def test_mail_of_a_session_that_never_ran_is_shown_by_the_next_one(end: dict[str, Any]) -> None:
    made = written_to(letter("use port 8080"), ends=lambda session: {**end, "paths": ()})
    for _ in range(3):
        made.tick()
    assert [mail.read_at for mail in box(made)] == [None]
    made.ends = submits
    made.now += timedelta(hours=2)
    made.settle()
    assert all("use port 8080" in prompt for prompt in prompts(made))
    assert len(prompts(made)) > 1
    assert box(made)[0].read_at is not None


@pytest.mark.parametrize("end", RAN.values(), ids=RAN)
def test_mail_of_a_session_that_ran_is_shown_once(end: dict[str, Any]) -> None:
    made = written_to(letter("use port 8080"), ends=lambda session: {**end, "paths": ()})
    while len(prompts(made)) < 2:
        made.tick()
    assert ["use port 8080" in prompt for prompt in prompts(made)[:2]] == [True, False]
    assert box(made)[0].read_at is not None


def test_mail_is_read_as_soon_as_a_session_says_something() -> None:
    made = written_to(letter("use port 8080"))
    made.tick()
    made.tick()
    assert box(made)[0].read_at is None
    made.ends = lambda session: {"state": "running", "ended": None, "stream": Stream(lines=1)}
    made.tick()
    assert box(made)[0].read_at is not None


def test_a_prompt_says_how_many_messages_it_does_not_show_and_where_they_are() -> None:
    made = written_to(*(letter(f"n{n:02d}") for n in range(15)))
    made.tick()
    (prompt,) = prompts(made)
    assert "n09" in prompt
    assert "n10" not in prompt
    assert "5 more in $SWARM_INBOX: swarmgit mail check" in prompt


def test_a_message_that_is_too_long_is_shown_cut_and_stays_new_in_the_inbox() -> None:
    made = written_to(letter("the contract", "x" * 12_000 + " end"), letter("short"))
    made.tick()
    (prompt,) = prompts(made)
    (long, short) = box(made)
    assert f"10004 characters more in $SWARM_INBOX/{long.id}.yaml: swarmgit mail read {long.id}" in prompt
    assert len(prompt) < 5000
    (started,) = (action for action in made.did if isinstance(action, StartSession))
    assert started.spec.mail == (short.id,)


def test_every_prompt_says_how_to_read_and_send_mail() -> None:
    made = written_to()
    made.tick()
    (prompt,) = prompts(made)
    assert "`swarmgit mail check`" in prompt
    assert "`swarmgit mail send NAME" in prompt


def test_whoever_gets_a_task_next_is_told_what_was_tried_before() -> None:
    made = life(task("a"), ends=fails, swarm={"attempts_max": 1})
    made.settle()
    made.ends = submits
    made.control("a", restart="once")
    made.settle()
    first, second = prompts(made)
    assert "What was tried before" not in first
    assert "Attempt 1 by builder-01: failed." in second
    assert "Rejected: " in second
    assert "nothing of it is in your worktree" in second
    assert made.status(TaskId("a")).phase == "landed"


@pytest.mark.slow
def test_mail_outlives_a_failing_set_up(repo: Repo) -> None:
    ready, seen = repo.agents / "ready", repo.agents / "seen"
    repo.swarm |= {"agents_max": 1, "worktree": {"setup": [f"test -e {ready}"]}}
    repo.start()
    repo.task("one", f'cp "$SWARM_PROMPT_FILE" "{seen}"; echo 1 > one.txt', agent=ME)
    repo.commit()
    repo.swarmgit("mail", "send", ME, "-s", "use port 8080")
    repo.reconcile()
    assert repo.phases() == {"one": "needs-human"}
    ready.touch()
    repo.swarmgit("task", "restart", "one")
    repo.reconcile()
    assert "use port 8080" in seen.read_text()
    (line,) = [x for x in repo.swarmgit("mail", "list", ME).stdout.splitlines() if "8080" in x]
    assert not line.startswith("new")
