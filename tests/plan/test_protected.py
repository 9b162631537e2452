"""Which names are protected, however they are disguised, and what grants one."""

import pytest

from swarmgit.plan.protected import fold, is_granted, protected_rule


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
