"""The environment of a session is exactly what DESIGN section 6 says, and runtimes are found by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from specs import agent_spec

from swarmgit import runtimes
from swarmgit.app.validate import validate
from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import Runtime
from swarmgit.model.ids import TaskId
from swarmgit.ports.runtimes import Placement
from tests.conftest import Repo

SPEC = agent_spec(task=TaskId("rotate"), attempt=2)
HERE = Placement(SPEC, Path("/w/tree"), Path("/live/s1"), (20000, 20001), {"PATH": "/bin", "HOME": "/home/me"})


def test_a_command_gets_exactly_this_environment() -> None:
    runtime = Runtime("codemod", "command", ("python3", "tools/x.py"), {"MODE": "fast", "HOME": "/other"})

    command = runtimes.command_for(runtime, HERE)

    assert command.argv == ("python3", "tools/x.py")
    assert dict(command.env) == {
        "PATH": "/bin",
        "HOME": "/other",
        "MODE": "fast",
        "SWARM_TASK": "rotate",
        "SWARM_AGENT": "builder-01",
        "SWARM_SESSION": "s1",
        "SWARM_ATTEMPT": "2",
        "SWARM_TASK_FILE": "/live/s1/task.json",
        "SWARM_PROMPT_FILE": "/live/s1/prompt.md",
        "SWARM_FEEDBACK_FILE": "/live/s1/feedback.json",
        "SWARM_INBOX": "/live/s1/inbox",
        "SWARM_OUTBOX": "/live/s1/outbox",
        "SWARM_PORT_0": "20000",
        "SWARM_PORT_1": "20001",
    }


def test_a_runtime_cannot_speak_for_another_session() -> None:
    runtime = Runtime("x", "command", ("x",), {"SWARM_SESSION": "s2", "SWARM_SECRET": "1"})
    host = replace(HERE, host_env={"SWARM_AGENT": "root", "SWARM_PORT_7": "1"})

    env = runtimes.command_for(runtime, host).env

    assert (env["SWARM_SESSION"], env["SWARM_AGENT"]) == ("s1", "builder-01")
    assert not {"SWARM_SECRET", "SWARM_PORT_7"} & set(env)


@pytest.mark.parametrize(
    ("program", "run"),
    [
        ("python3", "python3"),
        ("tools/agent", "/w/tree/tools/agent"),
        ("./agent", "/w/tree/agent"),
        ("/bin/sh", "/bin/sh"),
    ],
)
def test_a_relative_program_is_one_of_the_worktree(program: str, run: str) -> None:
    assert runtimes.command_for(Runtime("x", "command", (program, "a/b")), HERE).argv == (run, "a/b")


@pytest.mark.parametrize("run", [(), ("",)])
def test_a_command_without_a_program_is_a_persons_matter(run: tuple[str, ...]) -> None:
    with pytest.raises(PersonMustAct, match="does not say what to run"):
        runtimes.command_for(Runtime("x", "command", run), HERE)


def test_an_unknown_adapter_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(PersonMustAct, match="'comand'; did you mean 'command'"):
        runtimes.stream_reader("comand")
    with pytest.raises(PersonMustAct, match=r"known adapters: .*command"):
        runtimes.stream_reader("zzz")


@pytest.fixture
def third_party(tmp_path: Path) -> Iterator[None]:
    """A package beside ours that brings adapters, found the way an installed one is."""
    (tmp_path / "third_party_agent.py").write_text(
        "from swarmgit.runtimes.command import CommandRuntime\n"
        "class Mine(CommandRuntime):\n    pass\n"
        "instance = 'made'\n"
    )
    info = tmp_path / "third_party_agent-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party-agent\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[swarmgit.runtimes]\nmine = third_party_agent:Mine\nbroken = third_party_agent:nothing\n"
    )
    sys.path.insert(0, str(tmp_path))
    runtimes.adapter.cache_clear()
    runtimes.names.cache_clear()
    yield
    sys.path.remove(str(tmp_path))
    sys.modules.pop("third_party_agent", None)
    runtimes.adapter.cache_clear()
    runtimes.names.cache_clear()


@pytest.mark.usefixtures("third_party")
def test_another_package_can_bring_a_runtime() -> None:
    assert runtimes.command_for(Runtime("m", "mine", ("x",)), HERE).argv == ("x",)
    with pytest.raises(PersonMustAct, match=r"'broken' \(third_party_agent:nothing\) cannot be loaded"):
        runtimes.stream_reader("broken")


@pytest.mark.usefixtures("third_party")
def test_intent_may_name_the_runtime_of_another_package(repo: Repo) -> None:
    repo.swarm["runtimes"] = {"script": {"adapter": "mine", "run": ["/bin/sh", "-c", "echo hi > hi.txt"]}}
    repo.task("greet", owns=["*.txt"])
    repo.start()

    world = repo.world()
    problems = validate(world)
    world.close()
    assert problems == ()
    repo.reconcile()
    assert repo.phases() == {"greet": "landed"}
