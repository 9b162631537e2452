"""Which arm a task belongs to, and what can honestly be said of the arms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Desired, Runtime, Tier
from swarmgit.model.experiments import Arm, Experiment
from swarmgit.model.ids import ExperimentId, TaskId
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.usage import Usage
from swarmgit.plan import plan
from swarmgit.plan.experiments import arm_of, compare, label_of
from tests.plan.values import START, life, task

ARMS = (Arm("small", model="m1"), Arm("large", model="m2", role="poet"))
TRIAL = Experiment(ExperimentId("models"), "Which model?", ARMS)


def desired(*experiments: Experiment) -> Desired:
    return Desired(None, None, experiments={each.id: each for each in experiments})


def label(name: str = "api", given: Desired | None = None, **fields: Any) -> str:
    return label_of(given or desired(TRIAL), task(name, **fields), TaskStatus(TaskId(name), name))


def ended(
    name: str, arm: str, phase: str, *, rejected: int = 0, tokens: int = 100, usd: float | None = 1.0
) -> TaskStatus:
    attempts = tuple(
        Attempt(
            number, f"s{number}", "builder-01", "script", "base", "g", START, "m", START + timedelta(minutes=tokens / 10),
            outcome="rejected" if number <= rejected else "landed", usage=Usage(tokens, usd=usd),
            experiment=f"models/{arm}",
        )  # type: ignore[arg-type]
        for number in range(1, rejected + 2)
    )  # fmt: skip
    return TaskStatus(TaskId(name), name, phase=phase, attempts=attempts)  # type: ignore[arg-type]


def test_a_tasks_arm_follows_from_its_id_and_the_weights_are_kept() -> None:
    weighted = replace(TRIAL, arms=(replace(ARMS[0], weight=3.0), ARMS[1]))
    arms = [arm_of(weighted, f"t{number}").name for number in range(2000)]
    assert arms == [arm_of(weighted, f"t{number}").name for number in range(2000)]
    assert 1400 < arms.count("small") < 1600


def test_the_share_of_tasks_takes_part() -> None:
    some = desired(replace(TRIAL, share=0.25))
    taking_part = sum(bool(label(f"t{number}", some)) for number in range(2000))
    assert 400 < taking_part < 600


def test_a_task_that_names_its_own_model_or_is_of_another_type_takes_no_part() -> None:
    assert label()
    assert label(model="m9") == label(runtime="script") == ""
    assert label(given=desired(replace(TRIAL, types=("docs",)))) == ""
    assert label(model="m9", given=desired(replace(TRIAL, arms=(Arm("a", role="x"), Arm("b")))))


def test_a_task_that_was_tried_keeps_its_arm() -> None:
    before = ended("api", "large", "waiting")
    assert (
        label_of(desired(replace(TRIAL, arms=(replace(ARMS[0], weight=999.0), ARMS[1]))), task("api"), before)
        == "models/large"
    )
    assert label_of(desired(), task("api"), before) == ""


def test_a_session_gets_its_arms_model_and_role_text_and_says_so() -> None:
    made = life(
        task("api"),
        swarm={
            "tiers": {"standard": Tier("script", "m0")},
            "runtimes": {"script": Runtime("script", "command", ("sh",))},
        },
    )
    large = replace(TRIAL, arms=(replace(ARMS[0], weight=1e-9), ARMS[1]))
    asked = replace(made.desired, experiments={large.id: large}, roles={"builder": "Build.", "poet": "Rhyme."})
    (start,) = (a for a in plan(asked, made.observed, START).actions if isinstance(a, StartSession))
    assert (start.spec.model, start.spec.runtime, start.spec.experiment) == ("m2", "script", "models/large")
    assert start.prompt.startswith("Rhyme.")
    assert start.task == made.tasks[TaskId("api")]


def test_few_tasks_tell_nothing() -> None:
    found = compare(
        TRIAL, [ended("a", "small", "failed"), ended("b", "large", "landed"), ended("c", "large", "running")]
    )
    assert (found.ended, found.under_way) == ((1, 1), (0, 1))
    assert {measure.verdict for measure in found.measures} == {"cannot tell yet"}


def test_a_clear_difference_is_told_and_an_unclear_one_is_not() -> None:
    statuses = [ended(f"s{n}", "small", "landed", rejected=1, tokens=100 + n) for n in range(20)]
    statuses += [ended(f"l{n}", "large", "landed", tokens=400 + n) for n in range(20)]
    told = {measure.name: measure.verdict for measure in compare(TRIAL, statuses).measures}
    assert told == {
        "completion": "cannot tell yet",
        "first pass": "large is higher than small",
        "rework": "large is lower than small",
        "tokens a task": "large is higher than small",
        "usd a task": "large is lower than small",
        "minutes a task": "large is higher than small",
    }


def test_no_interval_of_tokens_goes_below_nothing() -> None:
    found = compare(TRIAL, [ended("a", "small", "landed", tokens=1), ended("b", "small", "landed", tokens=1000)])
    tokens = next(measure for measure in found.measures if measure.name == "tokens a task")
    assert tokens.figures[0].interval is not None
    assert tokens.figures[0].interval[0] == 0.0


def test_a_pause_for_a_rate_limit_is_no_second_try() -> None:
    status = ended("a", "small", "landed", rejected=1)
    paused = replace(status.attempts[0], outcome="rate-limited")
    rates = compare(TRIAL, [replace(status, attempts=(paused, status.attempts[1]))]).measures
    first_pass = next(measure for measure in rates if measure.name == "first pass")
    assert first_pass.figures[0].value == 1.0


def test_what_has_no_known_price_has_no_figure_and_what_a_person_took_back_does_not_count() -> None:
    found = compare(TRIAL, [ended("a", "small", "landed", usd=None), ended("b", "small", "cancelled")])
    usd = next(measure for measure in found.measures if measure.name == "usd a task")
    assert (found.ended, usd.figures[0].value, usd.figures[0].count) == ((1, 0), None, 0)
