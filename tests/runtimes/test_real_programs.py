"""Every adapter, with its real program, through the real reconciler, against a scripted model on loopback."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from real_programs import REAL, Real, times, use

from swarmgit.model.ids import SessionId
from swarmgit.model.status import TaskStatus
from swarmgit.runtimes.base import message_file
from tests.conftest import Repo
from tests.model_server.script import Drop, Overflow, Refuse, Run, Say, Turn, Wait, Write
from tests.model_server.server import ModelServer

pytestmark = [pytest.mark.real_cli, pytest.mark.timeout(240)]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


class Stage:
    """One repository with one task, whose agent is a real program."""

    def __init__(self, real: Real, repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real, self.repo, self.server, self._patch = real, repo, server, monkeypatch

    def play(self, *turns: Turn, timeout_s: float = 90, **task: object) -> TaskStatus:
        """Let the model say the turns and reconcile until all is settled."""
        use(self.real, self.repo, self.server, self._patch, *turns)
        self.repo.task("greet", owns=["*.txt"], **task)
        self.repo.start()
        self.repo.reconcile(timeout_s=timeout_s)
        return self.repo.status("greet")

    def seen(self) -> list[str]:
        return [each.text for each in self.server.seen(self.real.adapter)]


@pytest.fixture(params=REAL, ids=lambda real: real.adapter)
def stage(request: pytest.FixtureRequest, repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(request.param, repo, server, monkeypatch)


def needs(stage: Stage, what: str) -> None:
    if what not in stage.real.can:
        pytest.skip(f"{stage.real.program} cannot: {what}")


def test_a_real_agents_edit_lands_with_its_usage_and_its_price(stage: Stage) -> None:
    turns = (Write("hello.txt", "hi\n"),) if "no tools" in stage.real.can else (Write("hello.txt", "hi\n"), Say("done"))
    status = stage.play(*turns)

    assert (status.phase, status.reason[:9]) == ("landed", "landed as")
    assert stage.repo.show("hello.txt") == "hi"
    (attempt,) = status.attempts
    assert replace(attempt.usage, usd=None) == times(stage.real.turn, len(stage.seen()))
    assert attempt.usage.usd is not None
    assert 0 < attempt.usage.usd < 0.1


def test_the_agent_gets_the_prompt_and_its_tools_work_in_its_worktree(stage: Stage) -> None:
    if "no tools" in stage.real.can:
        pytest.skip("it has no tools")
    status = stage.play(Run("pwd > where.txt; cat README.md > copy.txt"), Say("done"))

    assert status.phase == "landed"
    assert "Do what greet says." in stage.seen()[0]
    assert Path(stage.repo.show("where.txt")).is_relative_to(os.environ["XDG_STATE_HOME"])
    assert stage.repo.show("copy.txt") == "hello"


def test_refused_credentials_are_a_persons_matter_at_once(stage: Stage) -> None:
    status = stage.play(*[Refuse(401)] * stage.real.retries)

    assert status.phase == "needs-human"
    assert [a.outcome for a in status.attempts] == ["refused"]
    assert stage.real.key in status.reason
    assert "policy.yaml" in status.reason


def test_a_rate_limit_pauses_and_the_same_conversation_goes_on(stage: Stage) -> None:
    needs(stage, "resume")
    limit = Refuse(429, "slow down", retry_after_s=stage.real.limit_s)  # too long for it to sit it out
    status = stage.play(Write("one.txt", "1\n"), limit, Write("two.txt", "2\n"), Say("done"), budget={"attempts": 1})

    assert status.phase == "landed"
    assert [a.outcome for a in status.attempts] == ["rate-limited", "landed"]
    assert (stage.repo.show("one.txt"), stage.repo.show("two.txt")) == ("1", "2")
    first, second = status.attempts
    assert first.conversation is not None
    assert first.retry_at is not None
    assert second.started >= first.retry_at
    assert "Do what greet says." in stage.seen()[-1], "the conversation of before is in what the model is asked"
    # a program that says what it used only at its end has not said it yet: then it is known to be at least nothing
    is_live = "live usage" in stage.real.can
    said = times(stage.real.turn, 1) if is_live else replace(times(stage.real.turn, 0), at_least=True)
    assert replace(first.usage, usd=None) == said
    whole = [sum(getattr(a.usage, name) for a in status.attempts) for name in ("input_tokens", "output_tokens")]
    assert whole == [stage.real.turn.input_tokens * 3, stage.real.turn.output_tokens * 3]


@pytest.mark.parametrize("fault", [Refuse(529, "overloaded"), Drop()], ids=["overloaded", "dropped"])
def test_what_passes_by_itself_is_tried_again_and_uses_up_nothing(stage: Stage, fault: Turn) -> None:
    turns = (
        (fault, Write("a.txt", "a\n")) if "no tools" in stage.real.can else (Write("a.txt", "a\n"), fault, Say("done"))
    )
    status = stage.play(*turns, budget={"attempts": 1})

    assert status.phase == "landed"
    assert {a.outcome for a in status.attempts} <= {"transient", "landed"}


def test_a_conversation_that_grew_too_long_is_a_failed_attempt_that_says_so(stage: Stage) -> None:
    if "shortens by itself" in stage.real.can:
        pytest.skip("it shortens its conversation again and again")
    stage.repo.swarm["handoff"] = {"max": 0}
    status = stage.play(*[Overflow()] * stage.real.retries, budget={"attempts": 1})

    assert (status.phase, [a.outcome for a in status.attempts]) == ("failed", ["failed"])
    rejection = status.attempts[0].rejection
    assert rejection is not None
    assert "smaller steps" in rejection.next_step


def test_a_note_reaches_a_session_at_work(stage: Stage) -> None:
    needs(stage, "message")
    telling = threading.Thread(target=tell, args=(stage, "please say hello too"), daemon=True)
    telling.start()
    status = stage.play(Run("sleep 6; echo a > a.txt"), Run("echo b > b.txt"), Say("done"))
    telling.join()

    assert status.phase == "landed"
    told = [text.count("please say hello too") for text in stage.seen()]
    assert told[0] == 0
    assert told[1] == 1


def tell(stage: Stage, text: str) -> None:
    """Write a note to the one session once it runs."""
    deadline = time.monotonic() + 60
    world = stage.repo.world()
    running: list[SessionId] = []
    while not running and time.monotonic() < deadline:
        time.sleep(0.05)
        running = [session for session, job in world.executor.poll().items() if job.state == "running"]
    world.executor.write(running[0], *message_file("n1", text))
    world.close()


def test_a_stopped_session_leaves_no_process_and_its_work_is_kept(stage: Stage) -> None:
    if "no tools" in stage.real.can:
        pytest.skip("it runs nothing")
    marker = f"swarmgit-leftover-{os.getpid()}"
    sleeper = f"(exec -a {marker} sleep 55) & echo begun > a.txt; sleep 50"
    status = stage.play(
        Run(f"bash -c '{sleeper}'"), Say("done"), budget={"minutes": stage.real.minutes, "attempts": 1}, timeout_s=60
    )

    (attempt,) = status.attempts
    assert attempt.outcome == "timeout"
    assert attempt.salvage is not None
    assert stage.repo.git("show", f"{attempt.salvage}:a.txt") == "begun"
    assert running(marker) == []
    assert running(attempt.session) == []


def running(word: str) -> list[str]:
    """Return the command lines that run now, of processes that have `word` in them or in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, env = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in line + env and int(process.name) != os.getpid():
            found.append(line.replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


def test_a_session_over_its_tokens_is_stopped_and_its_work_kept(stage: Stage) -> None:
    needs(stage, "live usage")
    turns = (Write("a.txt", "a\n"), Wait(40, Say("done")))
    status = stage.play(*turns, budget={"tokens": 1000, "attempts": 1}, timeout_s=60)

    (attempt,) = status.attempts
    assert attempt.outcome == "over-budget"
    assert attempt.salvage is not None


def test_a_session_with_a_full_window_is_asked_and_its_successor_goes_on(stage: Stage) -> None:
    if stage.real.adapter not in {"claude-code", "anthropic"}:
        pytest.skip("it cannot be asked, or says only at its end how full its window is")
    told = '{"state": "a is written", "done": ["a.txt"], "remaining": ["b.txt"], "surprises": []}'
    stage.repo.swarm["context_windows"] = {stage.real.model: 1900}
    stage.repo.swarm["handoff"] = {"max": 1}
    status = stage.play(
        Write("a.txt", "a\n"),
        Wait(4, Run("true")),
        Run(f"printf '%s' '{told}' > $SWARM_OUTBOX/handoff; sleep 20"),
        Run("""printf '{"state": "a.txt is there", "next": "write b.txt"}' > $SWARM_OUTBOX/accepted; sleep 3"""),
        Write("b.txt", "b\n"),
        Say("done"),
        budget={"attempts": 1},
    )

    first, second = status.attempts
    assert ([first.outcome, second.outcome], status.phase) == (["handed-over", "landed"], "landed")
    assert (stage.repo.show("a.txt"), stage.repo.show("b.txt")) == ("a", "b")
    assert first.handoff is not None
    assert (first.handoff.by, first.handoff.summary.remaining) == ("session", ("b.txt",))
    assert first.handoff.acceptance == "a.txt is there Next: write b.txt"
    asked = [text for text in stage.seen() if "Hand over:" in text or "Another session goes on" in text]
    assert asked, "the model was shown the question while it worked"
    assert "You take over" in stage.seen()[-1]
    assert first.conversation != second.conversation


def test_a_conversation_that_grew_too_long_goes_on_in_a_successor(stage: Stage) -> None:
    if stage.real.adapter not in {"anthropic", "codex"}:
        pytest.skip("it shortens its conversation, or asks too often to be scripted")
    status = stage.play(Write("a.txt", "a\n"), Overflow(), Write("b.txt", "b\n"), Say("done"), budget={"attempts": 1})

    assert [a.outcome for a in status.attempts] == ["handed-over", "landed"]
    assert (stage.repo.show("a.txt"), stage.repo.show("b.txt")) == ("a", "b")


def test_a_program_that_sits_out_a_limit_is_seen_to_do_so(stage: Stage) -> None:
    if stage.real.adapter not in {"gemini", "opencode"}:
        pytest.skip("it says so in its output, or ends")
    use(stage.real, stage.repo, stage.server, stage._patch, *[Refuse(429, "rate limit reached")] * 12)
    stage.repo.task("greet", owns=["*.txt"], budget={"attempts": 1, "minutes": 0.5})
    stage.repo.start()
    seen: set[str] = set()
    stage.repo.reconcile(
        timeout_s=60, on_tick=lambda report: seen.update(v.reason for v in report.look.plan.views.values())
    )
    assert "builder-01 waits for its provider (rate-limited)" in seen
