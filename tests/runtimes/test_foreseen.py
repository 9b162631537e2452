"""What would cost an attempt, or money, is said beforehand: a provider that policy closes, one model for everything."""

from __future__ import annotations

import json

import pytest

from swarmgit.adapters.sandbox.probe import search
from swarmgit.model.desired import Desired, Runtime, Swarm, Tier
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.plan.lineup import homogeneous
from swarmgit.runtimes import hosts_needed
from tests.conftest import Repo
from tests.plan.values import life, task

with_sandbox = pytest.mark.skipif(search(("bubblewrap",)).kind != "bubblewrap", reason="bubblewrap does not work here")
AWAY = {"adapter": "claude-code", "env": {"ANTHROPIC_API_KEY": "dummy"}}


def swarm(**tiers: Tier) -> Swarm:
    return Swarm("main", tiers=tiers, runtimes={"script": Runtime("script", "command", ("sh",))})


def asked(known: Swarm, **types: str) -> str:
    tasks = {TaskId(name): task(name, type=kind) for name, kind in types.items()}
    return homogeneous(Desired(CommitId("c"), known, tasks=tasks))


SONNET = Tier("claude-code", "sonnet")


def test_one_model_for_everything_is_worth_a_warning() -> None:
    said = asked(swarm(standard=SONNET, frontier=SONNET), a="implement", b="review")
    assert said.startswith("all 2 tasks run on claude-code (sonnet)")


def test_two_models_one_task_or_plain_commands_are_not() -> None:
    assert asked(swarm(standard=SONNET, frontier=Tier("claude-code", "opus")), a="implement", b="review") == ""
    assert asked(swarm(standard=SONNET), a="implement") == ""
    assert asked(swarm(standard=Tier("script")), a="implement", b="implement") == ""
    assert asked(swarm(standard=SONNET, fast=Tier("script")), a="implement", b="docs") == ""


@pytest.mark.slow
@with_sandbox
def test_a_closed_provider_is_foreseen_and_costs_no_attempt(repo: Repo) -> None:
    repo.swarm["runtimes"]["away"] = AWAY
    repo.swarm["tiers"] = {"standard": {"runtime": "away", "model": "sonnet"}}
    repo.task("a")
    repo.task("b")
    repo.start()
    words = "write network: [api.anthropic.com] in .swarm/policy.yaml"
    checked = repo.swarmgit("validate")
    assert words in checked.stdout
    assert "warning: all 2 tasks run on away (sonnet)" in checked.stdout
    assert len(json.loads(repo.swarmgit("validate", "--json").stdout)["warnings"]) == 2
    assert words in repo.swarmgit("plan").stdout
    assert words in repo.swarmgit("doctor", check=False).stdout

    assert repo.reconcile().code == 4
    status = repo.status("a")
    assert (status.phase, status.attempts) == ("needs-human", ())
    assert words in repo.swarmgit("why", "a").stdout

    repo.swarm["tiers"] = {"standard": {"runtime": "script"}}
    repo.configure()
    repo.commit()
    assert repo.reconcile().code == 0, "it goes on by itself once it can"
    assert repo.phases() == {"a": "landed", "b": "landed"}


def test_without_walls_nothing_is_closed(repo: Repo) -> None:
    repo.policy["sandbox"] = "off"
    repo.swarm["runtimes"]["away"] = AWAY
    repo.swarm["tiers"]["frontier"] = {"runtime": "away"}
    repo.start()
    assert json.loads(repo.swarmgit("validate", "--json").stdout) == {"version": 1, "problems": [], "warnings": []}


def test_a_plan_waits_for_policy_and_starts_others() -> None:
    made = life(task("a", runtime="away"), task("b"), swarm={"runtimes": {"away": Runtime("away", "claude-code")}})
    made.see(unreachable={("away", ""): "it has to reach a host"})
    made.settle()
    assert made.phases() == {"a": "needs-human", "b": "landed"}
    assert made.status("a").waiting_for == ("network",)
    made.see(unreachable={})
    made.settle()
    assert made.phases()["a"] == "landed"


@pytest.mark.parametrize(
    ("runtime", "model", "hosts"),
    [
        (Runtime("o", "opencode"), "anthropic/claude-opus-5-5", ("api.anthropic.com",)),
        (Runtime("o", "opencode", env={"OPENAI_BASE_URL": "http://127.0.0.1:8"}), "x", ("127.0.0.1:8",)),
        (Runtime("o", "opencode"), "house/model", ()),
        (Runtime("a", "aider"), "deepseek/deepseek-chat", ("api.deepseek.com",)),
        (Runtime("a", "aider"), "openrouter/x/y", ("openrouter.ai",)),
        (Runtime("c", "claude-code"), "openai/gpt-5.5", ("api.anthropic.com",)),
        (Runtime("s", "command", ("sh",)), "openai/gpt-5.5", ()),
        (Runtime("n", "nobody"), "", ()),
    ],
)
def test_what_a_runtime_must_reach(runtime: Runtime, model: str, hosts: tuple[str, ...]) -> None:
    assert hosts_needed(runtime, model) == hosts
