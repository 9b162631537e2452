"""The command line and the environment that each agent program is started with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from specs import agent_spec

from swarmgit import runtimes
from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import Runtime
from swarmgit.model.ids import TaskId
from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes.base import JUDGE, PACKAGES, Around, message_file, shell
from swarmgit.runtimes.claude_code import conversation_of

PROGRAMS = ("claude-code", "codex", "gemini", "opencode", "qwen", "copilot", "aider", "anthropic")
SPEC = agent_spec(task=TaskId("rotate"), attempt=2, model="a-model")
HERE = Placement(SPEC, Path("/w/tree"), Path("/live/s1"), (), {"PATH": "/bin", "HOME": "/home/me"})
KEYS = {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", "COPILOT_PROVIDER_API_KEY": "k"}


def command(adapter: str, placement: Placement = HERE, **fields: object) -> Command:
    with_keys = replace(placement, host_env={**placement.host_env, **KEYS})
    return runtimes.command_for(Runtime("r", adapter, **fields), with_keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("adapter", PROGRAMS)
def test_no_prompt_and_no_key_is_in_a_command_line(adapter: str) -> None:
    found = command(adapter)
    line = " ".join(found.argv)

    assert "/live/s1/prompt.md" in line
    assert "a-model" in line or found.env.get("OPENAI_MODEL") == "a-model"
    assert not {word for word in found.argv if word == "k"}
    assert found.env["SWARM_SESSION"] == "s1"


@pytest.mark.parametrize("adapter", PROGRAMS)
def test_where_a_program_is_and_its_first_arguments_can_be_said(adapter: str) -> None:
    argv = command(adapter, run=("/opt/agent", "--effort", "high")).argv
    place = argv.index("/opt/agent")
    assert argv[place + 1 : place + 3] == ("--effort", "high")


def test_a_conversation_is_gone_on_with_by_name() -> None:
    resumed = replace(HERE, spec=replace(SPEC, resume="c-1"))
    assert command("claude-code", resumed).argv[-4:-2] == ("--resume", "c-1")
    assert command("codex", resumed).argv[-3:] == ("resume", "c-1", "-")
    assert "--resume=c-1" in command("copilot", resumed).argv
    assert command("anthropic", resumed).argv[-2:] == ("--go-on-from", "/live/c-1")
    assert conversation_of("s1") in command("claude-code").argv


def test_codex_gets_a_provider_for_an_address_and_none_for_a_log_in() -> None:
    by_address = command("codex", env={"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}).argv
    assert any('base_url="http://127.0.0.1:1/v1"' in word and 'env_key="OPENAI_API_KEY"' in word for word in by_address)
    logged_in = runtimes.command_for(Runtime("r", "codex"), HERE).argv
    assert not any("model_providers" in word for word in logged_in)


def test_a_key_that_policy_passes_counts_before_its_value_is_there() -> None:
    placement = replace(HERE, keys=frozenset({"CODEX_API_KEY", "ANTHROPIC_AUTH_TOKEN"}))
    argv = runtimes.command_for(Runtime("r", "codex"), placement).argv
    assert any('env_key="CODEX_API_KEY"' in word for word in argv)
    assert runtimes.command_for(Runtime("anthropic", "anthropic"), placement).env.get("ANTHROPIC_AUTH_TOKEN") is None


def test_a_command_says_what_it_must_reach_as_policy_writes_it() -> None:
    def hosts(**env: str) -> tuple[str, ...]:
        return command("anthropic", env={"ANTHROPIC_API_KEY": "x", **env}).hosts

    assert hosts() == ("api.anthropic.com",)
    assert hosts(ANTHROPIC_BASE_URL="https://models.example.org/v1") == ("models.example.org",)
    assert hosts(ANTHROPIC_BASE_URL="http://127.0.0.1:8080") == ("127.0.0.1:8080",)
    assert hosts(ANTHROPIC_BASE_URL="http://models.lan") == ("models.lan:80",)


def test_what_an_agent_left_in_place_of_its_conversation_shows_the_next_session_nothing(tmp_path: Path) -> None:
    (tmp_path / "old" / "outbox").mkdir(parents=True)
    said = tmp_path / "old" / "outbox" / ".conversation.json"
    placement = replace(
        HERE, spec=replace(SPEC, resume="old"), folder=tmp_path / "new", keys=frozenset({"ANTHROPIC_API_KEY"})
    )
    runtime = Runtime("anthropic", "anthropic")
    said.write_text("[]")
    assert str(said) in runtimes.command_for(runtime, placement).read
    said.unlink()
    said.symlink_to("/etc/shadow")
    assert str(said) not in runtimes.command_for(runtime, placement).read


def test_gemini_gets_a_home_of_its_own_only_for_another_address(tmp_path: Path) -> None:
    assert command("gemini").env["HOME"] == "/home/me"
    placement = replace(HERE, folder=tmp_path, host_env={"PATH": "/usr/bin:/bin"})
    elsewhere = command("gemini", placement, env={"GOOGLE_GEMINI_BASE_URL": "http://x"}, run=("/bin/true",))
    (tmp_path / "prompt.md").write_text("hi")
    (tmp_path / "outbox").mkdir()
    subprocess.run(elsewhere.argv, env=dict(elsewhere.env), check=True)
    settings = json.loads((Path(elsewhere.env["HOME"]) / ".gemini" / "settings.json").read_text())
    assert settings["security"]["auth"]["selectedType"] == "gemini-api-key"


def test_opencode_and_copilot_speak_with_an_address_offline() -> None:
    env = command("opencode", env={"OPENAI_BASE_URL": "http://x/v1"}).env
    assert json.loads(env["OPENCODE_CONFIG_CONTENT"])["provider"]["swarm"]["options"]["baseURL"] == "http://x/v1"
    env = command("copilot", env={"COPILOT_PROVIDER_BASE_URL": "http://x"}).env
    assert (env["COPILOT_OFFLINE"], env["COPILOT_MODEL"]) == ("true", "a-model")


def test_our_own_agent_without_a_key_says_what_to_do() -> None:
    with pytest.raises(PersonMustAct, match=r"no key; set ANTHROPIC_API_KEY .* credentials: \{anthropic"):
        runtimes.command_for(Runtime("anthropic", "anthropic"), HERE)


def test_what_is_around_a_program_is_done_around_it(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("the prompt")
    placement = replace(HERE, folder=tmp_path)
    report, made = str(tmp_path / "out put.json"), str(tmp_path / "a b" / "it's")
    script = f"cat; printf '{{\\n1\\n}}' > '{report}'; cat \"$1\"; exit 3"
    argv = shell(
        placement, ("/bin/sh", "-c", script, "x", made), Around({made: "made $HOME"}, report, in_one_line=True)
    )

    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (3, "the promptmade $HOME{ 1 }\n")


def test_a_note_is_one_line_of_json_whatever_it_says() -> None:
    name, content = message_file("n1", 'say "hi"\nand ü')
    assert (name, json.loads(content), content.count(b"\n")) == ("inbox/n1.note", 'say "hi"\nand ü', 1)


@pytest.mark.parametrize("adapter", ["claude-code", "codex", "gemini", "qwen", "copilot"])
def test_a_program_asks_the_judge_about_the_listed_programs_and_only_where_there_is_a_list(adapter: str) -> None:
    def asks(placement: Placement) -> tuple[bool, Command]:
        found = command(adapter, placement)
        return "judge.sh" in " ".join(found.argv), found

    assert asks(HERE)[0] is False
    is_asked, found = asks(replace(HERE, programs=("sh", "make")))
    assert is_asked
    assert any(f"{PACKAGES} sh make" in word for word in found.argv)
    assert sys.executable in found.programs
    assert sys.executable not in command(adapter).programs


def test_our_own_agent_judges_by_itself_and_opens_no_folder_of_programs() -> None:
    found = command("anthropic", replace(HERE, programs=("sh", "[")))
    assert found.argv[found.argv.index("--programs") + 1] == "sh,["
    assert "--programs" not in command("anthropic").argv
    assert not {sys.base_prefix, sys.prefix, str(PACKAGES)} & set(found.read)


def test_the_judge_refuses_where_it_cannot_run(tmp_path: Path) -> None:
    def judged(python: str, packages: str) -> tuple[int, str]:
        argv = ["/bin/sh", str(JUDGE), python, packages, "ls"]
        done = subprocess.run(argv, input='{"command": "ls"}', capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    cannot = (2, "this command cannot be judged here, so it does not run\n")
    assert judged(sys.executable, str(PACKAGES)) == (0, "")
    assert judged("/nowhere/python", str(PACKAGES)) == cannot
    (tmp_path / "swarmgit").mkdir()
    (tmp_path / "swarmgit" / "__init__.py").write_text("raise OSError('broken')")
    assert judged(sys.executable, str(tmp_path)) == cannot
