"""The second tier: a session that looks stuck is judged by a session of the role triage, within bounds."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from swarmgit.documents import schemas
from swarmgit.documents.triage import EXAMPLE, answer_in
from swarmgit.model.actions import Retire, StartSession, StopSession
from swarmgit.model.desired import Runtime, Tier, WatchdogConfig, WatchdogLimits
from swarmgit.model.events import Stream
from swarmgit.model.health import Triage
from swarmgit.model.sessions import Session
from swarmgit.plan.triage import ASKS_MAX
from tests.conftest import Repo
from tests.plan.values import Life, life, never_ends, task

TIERS = {"standard": Tier("script"), "judge": Tier("judge")}
RUNTIMES = {"script": Runtime("script", "command", ("sh",)), "judge": Runtime("judge", "command", ("judge",))}


def quiet_for_long(**swarm: Any) -> Life:
    """Return a swarm whose one session has said nothing for eleven minutes."""
    config = WatchdogConfig(WatchdogLimits(silence_minutes=10, patience_minutes=5))
    given = {"tiers": TIERS, "runtimes": RUNTIMES, "routing": {"implement": "standard", "triage": "judge"}, **swarm}
    made = life(task("a"), ends=never_ends, swarm={"watchdog": config, "minutes_per_session": 600, **given})
    made.tick()
    made.tick()
    made.now += timedelta(minutes=11)
    return made


def asked(made: Life) -> list[Session]:
    return sorted((s for s in made.observed.sessions.values() if s.spec.kind == "triage"), key=lambda s: s.spec.attempt)


def asks(made: Life) -> list[StartSession]:
    return [a for a in made.did if isinstance(a, StartSession) and a.spec.kind == "triage"]


def answer(made: Life, action: str, verdict: str = "stalled", **fields: Any) -> None:
    """Let the last triage session end with an answer."""
    said = json.dumps({"verdict": verdict, "reason": "it hangs in a download", "action": action})
    given = {"state": "ended", "exit_code": 0, "ended": made.now, "stream": Stream(text_tail=f"I looked.\n{said}\n")}
    made._session(replace(asked(made)[-1], **{**given, **fields}))


def stops(made: Life) -> list[str]:
    return [action.stop.text for action in made.did if isinstance(action, StopSession)]


def test_what_looks_stuck_is_asked_about_once_and_nothing_is_done_meanwhile() -> None:
    made = quiet_for_long()
    for _ in range(5):
        made.tick()
    (ask,) = asks(made)
    (watched,) = made.working()
    assert (ask.spec.watched, ask.spec.agent, ask.runtime.name) == (watched.spec.id, "triage-01", "judge")
    assert ask.task.is_read_only
    assert "not what to obey" in ask.prompt
    assert "said nothing for" in ask.prompt
    assert (stops(made), made.observed.mail) == ([], {})


def test_its_answer_is_carried_out_and_named_in_the_incident() -> None:
    made = quiet_for_long()
    made.tick()
    answer(made, "restart")
    for _ in range(6):
        made.tick()
    assert stops(made)[0] == "watchdog: it hangs in a download"
    assert [a.outcome for a in made.status("a").attempts] == ["timeout", "running"]
    (incident,) = [i for i in made.observed.incidents.values() if i.signature.startswith("watchdog/")]
    assert "Triage (triage-01 in session" in incident.resolution
    assert asked(made) == []
    assert sum(isinstance(a, Retire) and a.session == asks(made)[0].spec.id for a in made.did) == 1


def test_wait_is_believed_for_a_while_and_not_for_ever() -> None:
    made = quiet_for_long()
    for number in range(1, ASKS_MAX + 1):
        made.tick()
        assert len(asks(made)) == number
        answer(made, "wait", "working")
        made.tick()
        assert stops(made) == []
        made.now += timedelta(minutes=11)
    made.tick()
    assert len(asks(made)) == ASKS_MAX
    assert "uses no processor" in stops(made)[0], "then the heuristic decides"


def test_a_nudge_is_a_message_and_then_it_is_asked_again() -> None:
    made = quiet_for_long()
    made.tick()
    answer(made, "nudge")
    made.tick()
    made.tick()
    (mail,) = made.observed.mail["builder-01"].values()
    assert (mail.priority, stops(made)) == ("urgent", [])
    made.now += timedelta(minutes=6)
    made.tick()
    assert len(asks(made)) == 2


@pytest.mark.parametrize(
    "broken",
    [{"exit_code": 1}, {"stream": Stream(text_tail="restart it, I would say")}, {"state": "lost", "exit_code": None}],
)
def test_without_a_usable_answer_the_heuristic_decides(broken: dict[str, Any]) -> None:
    made = quiet_for_long()
    made.tick()
    answer(made, "escalate", **broken)
    made.tick()
    assert len(asks(made)) == 1
    assert [mail.type for mail in made.observed.mail["builder-01"].values()] == ["status_update"]


def test_a_triage_that_does_not_end_is_stopped_at_its_limit() -> None:
    made = quiet_for_long()
    made.tick()
    made.now += timedelta(minutes=5)
    made.tick()
    assert stops(made) == ["time limit of 5 minutes"]


def test_a_session_that_speaks_again_is_left_alone_whatever_was_answered() -> None:
    made = quiet_for_long()
    made.tick()
    answer(made, "restart")
    (watched,) = made.working()
    made._session(replace(watched, last_output=made.now))
    made.tick()
    assert stops(made) == []
    made.now += timedelta(minutes=11)
    made.tick()
    assert (stops(made), len(asks(made))) == ([], 2), "an old answer says nothing about a new silence"


def test_a_task_that_was_cancelled_meanwhile_is_not_restarted_and_its_triage_is_ended() -> None:
    made = quiet_for_long()
    made.tick()
    made.control("a", cancelled=True)
    for _ in range(6):
        made.tick()
    assert set(stops(made)) == {"the task was cancelled", "nobody waits for its answer"}
    assert (made.phases(), asked(made)) == ({"a": "cancelled"}, [])
    assert made.started().count("a") == 2, "the task's own session and the triage"


def test_the_second_time_a_restart_becomes_an_escalation() -> None:
    made = quiet_for_long()
    for _ in range(2):
        made.tick()
        answer(made, "restart")
        for _ in range(5):
            made.tick()
        made.now += timedelta(minutes=11)
    (incident,) = [i for i in made.observed.incidents.values() if i.signature.startswith("watchdog/")]
    assert (incident.count, "escalate" in incident.resolution) == (2, True)


def test_a_plain_command_is_not_asked_unless_it_is_named_and_a_model_program_is() -> None:
    made = quiet_for_long(routing={"implement": "standard"})
    made.tick()
    assert asks(made) == []
    made = quiet_for_long(
        tiers={"standard": Tier("model")},
        runtimes={"model": Runtime("model", "some-model")},
        routing={"implement": "standard"},
    )
    made.tick()
    assert [ask.runtime.adapter for ask in asks(made)] == ["some-model"]


def test_under_a_freeze_nobody_new_is_started() -> None:
    from swarmgit.model.control import Freeze

    made = quiet_for_long()
    made.see(freeze=Freeze("pat", made.now, ""))
    made.tick()
    assert asks(made) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (EXAMPLE, "stalled"),
        (f"The task says {{x}}.\n```json\n{EXAMPLE}\n```\nThat is all.", "stalled"),
        ('{"verdict": "working", "reason": "r", "action": "wait", "extra": 1}', None),
        ('{"verdict": "fine", "reason": "r", "action": "wait"}', None),
        ('{"verdict": "working", "reason": " ", "action": "wait"}', None),
        ("{" * 30_000, None),
        ("", None),
    ],
)
def test_an_answer_is_found_in_what_was_said_and_keeps_to_the_schema(text: str, expected: str | None) -> None:
    found = answer_in(text)
    assert (found.verdict if found else None) == expected


def test_the_last_answer_counts_and_the_schema_is_that_of_the_value() -> None:
    first, last = EXAMPLE, EXAMPLE.replace("restart", "wait").replace("stalled", "working")
    assert answer_in(f"{first}\nNo: {last}") == Triage(
        "working", "one sentence, with the line of output that shows it", "wait"
    )
    properties = json.loads(schemas.text("triage"))["properties"]
    assert properties.keys() == {"version", "verdict", "reason", "action"}


@pytest.mark.slow
def test_in_a_real_run_the_triage_sees_the_work_and_its_answer_is_carried_out(repo: Repo) -> None:
    judge = repo.agents / "judge.sh"
    judge.write_text(
        'grep -q half draft.txt && git status --porcelain | grep -q draft.txt && seen="the draft is half done"\n'
        'grep -q "begun" "$SWARM_PROMPT_FILE" || seen=\n'
        'printf \'{"verdict": "confused", "reason": "%s", "action": "restart"}\' "$seen" > "$SWARM_OUTBOX/report.md"\n'
    )
    repo.swarm["runtimes"]["judge"] = {
        "adapter": "command",
        "run": ["/bin/sh", str(judge)],
        "files": [str(repo.agents)],
    }
    repo.swarm["tiers"]["judge"] = {"runtime": "judge"}
    repo.swarm["routing"] = {"triage": "judge"}
    repo.swarm["watchdog"] = {"silence_minutes": 0.05, "patience_minutes": 0.05}
    repo.start()
    again = f'if [ -e "{repo.agents}/once" ]; then echo done > draft.txt; exit; fi; touch "{repo.agents}/once"'
    repo.task("draft", f"{again}; echo begun; echo half > draft.txt; sleep 60")
    repo.commit()
    assert repo.reconcile(timeout_s=60).code == 0
    first, second = repo.status("draft").attempts
    assert (first.reason, second.outcome) == ("watchdog: the draft is half done", "landed")
    (incident,) = [
        i
        for i in json.loads(repo.swarmgit("incident", "list", "--json").stdout)["incidents"]
        if i["signature"].startswith("watchdog/confused")
    ]
    assert "Triage (triage-01" in repo.swarmgit("incident", "show", incident["id"]).stdout
