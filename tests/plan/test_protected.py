"""Which names are protected, however they are disguised, and what grants one."""

import pytest

from swarmgit import runtimes
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.ids import BlobId
from swarmgit.model.policy import Policy
from swarmgit.model.work import Change
from swarmgit.plan.guarded import guarded_paths
from swarmgit.plan.nametable import fold
from swarmgit.plan.protected import is_granted, protected_rule


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (".swarm/tasks/a.yaml", ".swarm/**"),
        ("CLAUDE.md", "CLAUDE.md"),
        ("docs/AGENTS.md", "AGENTS.md"),
        (".claude/settings.json", ".claude/**"),
        ("sub/.claude/hooks/x.sh", ".claude/**"),
        (".cursorrules", ".cursorrules"),
        (".cursor/rules/a.mdc", ".cursor/**"),
        (".mcp.json", ".mcp.json"),
        (".github/workflows/ci.yml", ".github/workflows/**"),
        ("a/b/.gitattributes", ".gitattributes"),
        (".gitmodules", ".gitmodules"),
        (".pre-commit-config.yaml", ".pre-commit-config.yaml"),
        (".gitlab-ci.yml", ".gitlab-ci.yml"),
        (".circleci/config.yml", ".circleci/**"),
        ("azure-pipelines.yml", "azure-pipelines.yml"),
        ("Jenkinsfile", "Jenkinsfile"),
        (".travis.yml", ".travis.yml"),
        (".drone.yml", ".drone.yml"),
        ("bitbucket-pipelines.yml", "bitbucket-pipelines.yml"),
        (".ci/run", ".ci/**"),
    ],
)
def test_built_in_names_are_protected_at_any_depth(path: str, rule: str) -> None:
    assert protected_rule(path) == rule
    assert protected_rule(f"deep/down/{path}") == rule


@pytest.mark.parametrize(
    "path",
    [
        "claude.MD",
        "CLAUDE.md.",
        "CLAUDE.md ",
        "CLAUDE.md . .",
        "CL\u200bAUDE.md",
        "CLAU\u00adDE.md",
        "\u202eCLAUDE.md",
        "CLAUDE\ufe0f.md",
        "\uff23\uff2c\uff21\uff35\uff24\uff25.md",
        "CLAUDE.md\u2066",
        "src/.CLAUDE/settings.json",
        ".GitHub/Workflows/ci.yml",
        ".github./workflows /ci.yml",
        ".\u200cgitattributes",
        ".Swarm/policy.yaml",
    ],
)
def test_a_disguised_name_is_protected_all_the_same(path: str) -> None:
    assert protected_rule(path) is not None


@pytest.mark.parametrize("path", ["sub/.github", ".github", ".claude", ".gitlab", ".swarm"])
def test_a_file_or_link_in_the_place_of_a_protected_folder_is_protected(path: str) -> None:
    assert protected_rule(path) is not None


@pytest.mark.parametrize("path", ["src/claude.py", "github/workflows/ci.yml", ".github/ISSUE.md", "MYCLAUDE.md", "a/b"])
def test_other_names_are_free(path: str) -> None:
    assert protected_rule(path) is None


def test_the_policy_adds_patterns_that_are_read_like_a_gitignore() -> None:
    extra = ["infra/**", "*.TF", "/Only/Here.txt", "bad["]
    assert protected_rule("infra/prod/x.yaml", extra) == "infra/**"
    assert protected_rule("INFRA/x", extra) == "infra/**"
    assert protected_rule("infra", extra) == "infra/**"
    assert protected_rule("a/b/main.tf", extra) == "*.TF"
    assert protected_rule("only/here.TXT", extra) == "/Only/Here.txt"
    assert protected_rule("src/only/here.txt", extra) is None


@pytest.mark.parametrize(
    ("path", "rule", "pattern", "granted"),
    [
        ("CLAUDE.md", "CLAUDE.md", "CLAUDE.md", True),
        ("docs/CLAUDE.md", "CLAUDE.md", "docs/CLAUDE.md", True),
        ("docs/CLAUDE.md", "CLAUDE.md", "CLAUDE.md", False),
        ("docs/CLAUDE.md", "CLAUDE.md", "**/CLAUDE.md", True),
        ("CLAUDE.md", "CLAUDE.md", "**", False),
        ("CLAUDE.md", "CLAUDE.md", "*", False),
        ("CLAUDE.md", "CLAUDE.md", "*.md", False),
        ("docs/CLAUDE.md", "CLAUDE.md", "docs/**", False),
        (".github/workflows/ci.yml", ".github/workflows/**", ".github/workflows/**", True),
        (".github/workflows/ci.yml", ".github/workflows/**", ".github/workflows/ci.yml", True),
        (".github/workflows/ci.yml", ".github/workflows/**", ".github/**", False),
        (".github/workflows/ci.yml", ".github/workflows/**", "!.github/workflows/**", False),
        (".swarm/tasks/x.yaml", ".swarm/**", ".swarm/tasks/**", True),
        ("a/main.tf", "*.tf", "a/main.tf", True),
        ("a/main.tf", "*.tf", "a/**", False),
        ("a/main.tf", "a/*.tf", "a/*.tf", True),
    ],
)
def test_only_a_pattern_that_names_the_protected_thing_grants_it(
    path: str, rule: str, pattern: str, granted: bool
) -> None:
    assert is_granted(path, rule, [pattern]) is granted


def test_folding_keeps_a_name_that_is_nothing_but_dots() -> None:
    assert fold("..") == ".."
    assert fold("A. .") == "a"


OBEYED = runtimes.obeyed()
STEERING = """
    CLAUDE.md CLAUDE.local.md AGENTS.md AGENTS.override.md GEMINI.md QWEN.md .claude/settings.json .claude/hooks/a.sh
    .claude.json .codex/config.toml .gemini/settings.json .qwen/settings.json opencode.json opencode.jsonc
    .opencode/agent/a.md .aider.conf.yml .aider.model.settings.yml .aiderignore .github/copilot-instructions.md
    .github/instructions/a.instructions.md .github/prompts/x.prompt.md .github/chatmodes/a .cursorrules
    .cursor/rules/a.mdc .cursor/mcp.json .windsurfrules .windsurf/rules/a.md .clinerules .clinerules/a.md .mcp.json
    .vscode/mcp.json .rules .roo/rules/a.md .roomodes .roorules-code .kilocode/rules/a .continue/config.yaml
    .junie/guidelines.md .goosehints .amazonq/rules/a.md .kiro/steering/a.md .trae/rules/a.md .augment-guidelines
    WARP.md CRUSH.md .agents/skills/a/SKILL.md .agent/rules/x.md .factory/a replit.md .openhands/microagents/a.md
"""
SELF_RUNNING = """
    .envrc mise.toml .config/mise/config.toml .tool-versions .env .vscode/tasks.json .vscode/settings.json
    .vscode/launch.json .devcontainer/devcontainer.json .devcontainer.json .idea/workspace.xml
    .idea/runConfigurations/a.xml .run/x.run.xml .zed/settings.json a.code-workspace .exrc .nvim.lua .dir-locals.el
    sitecustomize.py x.pth .gdbinit .lldbinit lefthook.yml .lefthook-local.yaml .lintstagedrc.json commitlint.config.js
    .npmrc .yarnrc.yml .yarn/releases/yarn.cjs .pnpmfile.cjs pip.conf uv.toml .cargo/config.toml rust-toolchain.toml
    gradle/wrapper/gradle-wrapper.properties .mvn/jvm.config .bazelrc netlify.toml .gitpod.yml binding.gyp
"""


@pytest.mark.parametrize("path", STEERING.split())
def test_what_agent_programs_obey_is_protected_at_any_depth_and_in_any_letters(path: str) -> None:
    for form in (path, f"deep/down/{path}", path.upper(), path.replace(".", ".\u200b", 1)):
        assert protected_rule(form, (), OBEYED) is not None


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_each_adapter_s_own_names_are_protected(name: str) -> None:
    for declared in runtimes.adapter(name).obeys:
        path = declared.rstrip("/").replace("*", "-x")
        assert protected_rule(path, (), OBEYED) is not None
        assert protected_rule(f"{path}/below", (), OBEYED) is not None


@pytest.mark.parametrize("path", SELF_RUNNING.split())
def test_what_tools_run_by_themselves_lands_only_with_a_verdict(path: str) -> None:
    changes = [Change(each, "A", "0", "100644", BlobId("0"), BlobId("1")) for each in (path, f"a/{path}", path.upper())]
    assert guarded_paths(changes, Policy()) == tuple(change.path for change in changes)


@pytest.mark.parametrize(
    "path",
    ["src/env.py", "Makefile", "justfile", "package.json", "setup.py", "conftest.py", "vscode/a", "docs/idea.md"],
)
def test_what_runs_only_when_asked_by_name_needs_no_verdict(path: str) -> None:
    assert guarded_paths([Change(path, "M", "100644", "100644", BlobId("0"), BlobId("1"))], Policy()) == ()


def test_a_declaration_that_names_nothing_protects_nothing() -> None:
    assert protected_rule("src/a.py", (), ("", "/", "**", "*", "//")) is None
