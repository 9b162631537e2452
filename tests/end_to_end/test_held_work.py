"""What lands only with a person's verdict: on a terminal, about exactly what was shown, and proved afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from swarmgit.app import fsck
from swarmgit.state import kinds, text
from tests.conftest import Repo
from tests.terminal import typed


def violations(repo: Repo) -> list[str]:
    world = repo.world()
    try:
        return [f"{each.promise} {each.message}" for each in fsck.check(world).violations]
    finally:
        world.close()


def held(repo: Repo, **fields: object) -> Repo:
    repo.task("a", **{"review": "full", **fields})
    repo.start()
    repo.reconcile()
    assert repo.phases() == {"a": "needs-human"}
    return repo


def test_work_lands_when_a_person_types_the_code_back(repo: Repo) -> None:
    held(repo)
    code, shown = typed(repo.root, "review", "pass", "a", "--text", "good")
    assert code == 0, shown
    repo.reconcile()
    assert (repo.phases(), violations(repo)) == ({"a": "landed"}, [])
    (entry,) = repo.entries()
    said = next(text.facts(event) for event in entry.events if event.kind == "reviewed")
    assert (said["verdict"], said["how"], said["head"]) == ("pass", "terminal", entry.head)


def test_a_wrong_code_writes_nothing(repo: Repo) -> None:
    held(repo)
    before = repo.git("rev-parse", "swarm/state")
    code, shown = typed(repo.root, "review", "pass", "a", answer=lambda code: "no")
    assert (code, "not the code" in shown) == (1, True)
    assert repo.git("rev-parse", "swarm/state") == before


@pytest.mark.default_cases("pass-SWARM_SESSION-01*", "fail-CLAUDECODE-1")
@pytest.mark.parametrize(
    ("name", "value"), [("CLAUDECODE", "1"), ("GEMINI_CLI", "1"), ("SWARM_SESSION", "01abc"), ("AI_AGENT", "x")]
)
@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_no_session_and_no_assistant_gives_a_verdict(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, name: str, value: str, verdict: str
) -> None:
    held(repo)
    before = repo.git("rev-parse", "swarm/state")
    monkeypatch.setenv(name, value)
    code, shown = typed(repo.root, "review", verdict, "a")
    assert (code, f"swarmgit review {verdict} a" in shown, "to confirm" in shown) == (1, True, False)
    assert repo.git("rev-parse", "swarm/state") == before


def test_without_a_terminal_the_command_says_what_a_person_types(repo: Repo) -> None:
    held(repo)
    done = repo.swarmgit("review", "pass", "a", check=False)
    assert (done.returncode, "swarmgit review pass a" in done.stderr) == (1, True)


def test_fail_sends_back_and_drop_gives_up(repo: Repo) -> None:
    repo.task("b", review="full")
    held_task = held_both(repo)
    assert typed(repo.root, "review", "fail", "a", "--text", "say hello instead")[0] == 0
    assert typed(repo.root, "review", "fail", held_task, "--drop")[0] == 0
    repo.agent(
        "a", 'cp "$SWARM_FEEDBACK_FILE" fb.json 2>/dev/null; grep -q hello fb.json && echo hello > a.txt; rm fb.json'
    )
    repo.reconcile()
    assert repo.phases() == {"a": "needs-human", "b": "cancelled"}
    assert repo.status("b").last.salvage is not None  # type: ignore[union-attr]
    assert "hello" in json.loads(repo.swarmgit("review", "show", "a", "--json").stdout)["diff"]


def held_both(repo: Repo) -> str:
    repo.task("a", review="full")
    repo.start()
    repo.reconcile()
    assert repo.phases() == {"a": "needs-human", "b": "needs-human"}
    return next(entry.id for entry in repo.entries() if entry.task == "b")


def test_an_agent_cannot_land_what_an_editor_or_shell_runs_by_itself(repo: Repo) -> None:
    repo.task(
        "a", "mkdir -p .vscode sub; echo '{}' > .vscode/tasks.json; echo x > sub/.envrc", owns=["**"], review="skip"
    )
    repo.start()
    repo.reconcile()
    assert repo.phases() == {"a": "needs-human"}
    assert "a" not in repo.landed()
    shown = json.loads(repo.swarmgit("review", "list", "--json").stdout)["reviews"]
    assert shown[0]["guarded"] == [".vscode/tasks.json", "sub/.envrc"]
    assert typed(repo.root, "review", "pass", "a")[0] == 0
    repo.reconcile()
    assert (repo.landed(), violations(repo)) == (["a"], [])


def test_a_verdict_holds_when_the_target_moves_beside_it(repo: Repo) -> None:
    held(repo)
    assert typed(repo.root, "review", "pass", "a")[0] == 0
    repo.commit({"other.txt": "by hand\n"})
    repo.reconcile()
    assert (repo.phases(), violations(repo)) == ({"a": "landed"}, [])


@pytest.mark.slow
def test_a_verdict_is_asked_for_again_when_the_target_moved_under_the_same_lines(repo: Repo) -> None:
    repo.write({"a.txt": "".join(f"{n}\n" for n in range(20))})
    held(repo, owns=["a.txt"], script="sed -i 's/^10$/ten/' a.txt")
    assert typed(repo.root, "review", "pass", "a")[0] == 0
    text = repo.show("a.txt") + "\n"
    repo.commit({"a.txt": text.replace("12\n", "twelve\n")})
    repo.reconcile()
    assert repo.phases() == {"a": "needs-human"}
    assert "twelve" in json.loads(repo.swarmgit("review", "show", "a", "--json").stdout)["diff"]
    assert typed(repo.root, "review", "pass", "a")[0] == 0
    repo.reconcile()
    assert (repo.phases(), violations(repo)) == ({"a": "landed"}, [])


def forged(repo: Repo, change: Callable[[str], str | None]) -> None:
    """Rewrite the verdict on the state branch."""
    name = repo.git("ls-tree", "-r", "--name-only", "swarm/state", "reviews").splitlines()[0]
    text = change(repo.git("show", f"swarm/state:{name}") + "\n")
    world = repo.world(lead=True)
    world.state.write({name: text.encode() if text else None}, "forged", world.clock.now())
    world.close()


def test_fsck_sees_a_landing_whose_verdict_is_gone_or_about_something_else(repo: Repo) -> None:
    held(repo)
    typed(repo.root, "review", "pass", "a")
    repo.reconcile()
    forged(repo, lambda text: text.replace("patch: ", "patch: 0"))
    assert any("about something else" in each for each in violations(repo))
    forged(repo, lambda text: None)
    assert any("no such verdict" in each for each in violations(repo))


def test_a_forged_pass_for_another_head_lands_nothing(repo: Repo) -> None:
    held(repo)
    typed(repo.root, "review", "pass", "a")
    (entry,) = repo.entries()
    forged(repo, lambda text: text.replace(entry.head, "0" * 40))
    repo.reconcile()
    assert (repo.phases(), repo.landed()) == ({"a": "needs-human"}, [])


def test_killed_between_verdict_and_landing_it_lands_once(repo: Repo) -> None:
    held(repo)
    typed(repo.root, "review", "pass", "a")

    class Killed(BaseException):
        pass

    def die(point: str) -> None:
        raise Killed(point)

    with pytest.raises(Killed):
        repo.reconcile(fault=die)
    repo.reconcile()
    assert (repo.landed(), violations(repo)) == (["a"], [])


def test_the_verdict_of_a_person_is_a_file_that_reads_back(repo: Repo) -> None:
    held(repo)
    typed(repo.root, "review", "pass", "a")
    name = repo.git("ls-tree", "-r", "--name-only", "swarm/state", "reviews").splitlines()[0]
    verdict = kinds.VERDICTS.read(name, (repo.git("show", f"swarm/state:{name}") + "\n").encode())
    assert (verdict.by, verdict.verdict) == (os.environ.get("USER") or os.environ.get("LOGNAME") or "person", "pass")


def proposal(owns: str) -> str:
    return f'{{"version": 1, "title": "b", "description": "b", "scope": {{"owns": [{owns}]}}, "review": "full"}}'


@pytest.mark.default_cases("3")
@pytest.mark.parametrize(
    "owns",
    ['"CLAUDE.md"', '"src/**", "**/AGENTS.md"', '".github/workflows/**"', '"claude.MD"', '".swarm/policy.yaml"', "3"],
)
def test_a_task_that_an_agent_proposes_is_given_no_protected_path(repo: Repo, owns: str) -> None:
    repo.swarm["attempts_max"] = 1
    repo.task("plan", f"echo '{proposal(owns)}' > .swarm/tasks/b.yaml", owns=[".swarm/tasks/**"], review="full")
    repo.start()
    repo.reconcile()
    (attempt,) = repo.status("plan").attempts
    assert attempt.rejection is not None
    assert (repo.phases(), attempt.rejection.kind) == ({"plan": "failed"}, "protected")
    assert "proposes" in attempt.reason


def test_a_task_that_an_agent_proposes_lands_when_a_person_has_passed_it(repo: Repo) -> None:
    repo.task(
        "plan",
        f"echo '{proposal(chr(34) + 'src/**' + chr(34))}' > .swarm/tasks/b.yaml",
        owns=[".swarm/tasks/**"],
        review="full",
    )
    repo.agent("b", "mkdir -p src; echo b > src/b.txt")
    repo.start()
    repo.reconcile()
    assert repo.phases() == {"plan": "needs-human"}
    assert typed(repo.root, "review", "pass", "plan")[0] == 0
    repo.reconcile()
    assert repo.phases() == {"plan": "landed", "b": "needs-human"}


def test_validate_says_which_words_on_reviews_change_nothing_yet(repo: Repo) -> None:
    repo.task("a", review="spot")
    repo.task("b", review="full")
    repo.task("c")
    repo.start()
    done = repo.swarmgit("validate")
    assert [line.split("'")[1] for line in done.stdout.splitlines() if "review" in line] == ["review: spot"]
