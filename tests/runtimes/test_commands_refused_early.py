"""Agent programs that report a command before they run it: what policy does not list is refused, and the model told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from real_programs import REAL, Real, use

from tests.conftest import Repo
from tests.model_server.script import Run, Say, Turn, Write
from tests.model_server.server import ModelServer

JUDGED = tuple(
    real for real in REAL if real.adapter in {"claude-code", "codex", "gemini", "qwen", "copilot", "anthropic"}
)
LISTED = ["touch", "grep", "make"]
STEPS = "all:\n\ttouch made.txt\n"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


class Stage:
    """One repository whose policy lists programs, and one task by a real program."""

    def __init__(self, real: Real, repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real, self.repo, self.server, self._patch = real, repo, server, monkeypatch

    def play(self, *turns: Turn) -> list[str]:
        """Let the model say the turns; return what it was told before each of them."""
        use(self.real, self.repo, self.server, self._patch, *turns)
        self.repo.policy.setdefault("commands", {"builder": LISTED})
        self.repo.task("greet", owns=["*.txt"])
        self.repo.start()
        self.repo.reconcile(timeout_s=90)
        assert self.repo.status("greet").phase == "landed", self.repo.status("greet").reason
        return [each.text for each in self.server.seen(self.real.adapter)]


@pytest.fixture(params=[pytest.param(real, id=real.adapter, marks=pytest.mark.real_cli) for real in JUDGED])
def stage(request: pytest.FixtureRequest, repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(request.param, repo, server, monkeypatch)


@pytest.mark.timeout(240)
def test_a_listed_command_runs_and_another_does_not_and_the_model_is_told_why(stage: Stage) -> None:
    refused = "curl --version > gone.txt; touch gone.txt"
    told = stage.play(Run("touch run.txt && ls > seen.txt"), Run(refused), Run("$(touch gone.txt"), Say("done"))

    assert stage.repo.show("run.txt") == ""
    assert "run.txt" in stage.repo.show("seen.txt")
    assert "gone.txt" not in stage.repo.git("ls-tree", "--name-only", "main").split()
    assert "'curl' is not one of the programs that policy lists for this role" in told[2]
    assert "cannot be parsed" in told[3]
    assert not any("not one of the programs" in text for text in told[:2])


@pytest.mark.real_cli
@pytest.mark.timeout(240)
def test_a_program_with_rules_of_its_own_gets_the_list_as_rules(
    repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = next(real for real in REAL if real.adapter == "opencode")
    hidden = [Run("ls; $(curl x); touch gone.txt"), Run("sh -c 'touch gone.txt'"), Run("env touch gone.txt")]
    told = Stage(real, repo, server, monkeypatch).play(Run("touch run.txt && ls > seen.txt"), *hidden, Say("done"))

    assert "run.txt" in repo.show("seen.txt")
    assert "gone.txt" not in repo.git("ls-tree", "--name-only", "main").split()
    assert ["prevents you from using this specific tool call" in text for text in told] == [False, False, *[True] * 3]


@pytest.mark.timeout(240)
def test_files_are_written_as_before_where_commands_are_judged(stage: Stage) -> None:
    stage.play(Write("steps.txt", STEPS), Run("make -f steps.txt"), Say("done"))

    assert stage.repo.show("made.txt") == ""


@pytest.mark.timeout(240)
def test_without_a_list_every_command_runs(stage: Stage) -> None:
    stage.repo.policy["commands"] = {"reviewer": LISTED}
    stage.play(Run("wc -c < README.md > size.txt"), Say("done"))

    assert stage.repo.show("size.txt").strip() == "6"


@pytest.mark.timeout(240)
def test_what_lies_in_the_worktree_is_not_imported_by_the_judge(stage: Stage) -> None:
    turns = (Write("swarmgit.txt", "x"), Run("touch swarmgit.py tree_sitter.py json.py; curl x; rm *.py; touch no.txt"))
    told = stage.play(*turns, Run("touch yes.txt"), Say("done"))

    assert "'curl' is not one of the programs" in told[2]
    assert "no.txt" not in stage.repo.git("ls-tree", "--name-only", "main").split()
