"""Files that steer people's tools, agents or swarmgit: changed only by a task that names them and is reviewed."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from swarmgit.plan.nametable import NameTable, fold
from swarmgit.plan.patterns import matches

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SWARM_AND_GIT = """
    .swarm/** .git/** .gitattributes .gitmodules .githooks/** .husky/** .pre-commit-config.yaml
    .pre-commit-config.yml
"""
"""What swarmgit and git obey."""

AGENT_PROGRAMS = """
    CLAUDE.md CLAUDE.local.md AGENTS.md AGENT.md GEMINI.md .claude/** .codex/** .gemini/** .opencode/**
    .aider.conf.yml .cursorrules .cursor/** .windsurfrules .clinerules/** .mcp.json .github/copilot-instructions.md
    .cursorignore .cursorindexingignore .windsurf/** .windsurfignore .codeium/** .codeiumignore .cline/**
    .clineignore .roo/** .roorules* .roomodes .rooignore .kilocode/** .kilocoderules* .kilocodemodes .kilocodeignore
    .kilo/** .continue/** .continuerc.json .continuerules .continueignore .junie/** .aiignore .aiexclude
    .aiassistant/** .amp/** .agents/** .agent/** .agent.md AGENTS.local.md .augment/** .augment-guidelines
    .augmentignore .goosehints .goose/** .gooseignore .devin/** .kiro/** .trae/** .traerules .tabnine/** .cody/**
    .codyignore .sourcegraph/** WARP.md .warp/** .warpindexingignore CRUSH.md .crush/** crush.json .crush.json
    .factory/** replit.md airules.md .openhands/** .openhands_instructions firebender.json .firebender/**
    codebuff.json .amazonq/** .plandex/** gptme.toml .gptme/** .rules .vscode/mcp.json .mcp/** .serena/** .ruler/**
    .rulesync/** JULES.md .jules/** .blackboxrules .bolt/** .pi/** .iflow/** IFLOW.md .codebuddy/** CODEBUDDY.md
    .qoder/** .lingma/** .comate/** .vibe/** .grok/** GROK.md .kimi/** .refact/** .codegpt/** .gitlab/duo/**
    .coderabbit.yaml .coderabbit.yml .pr_agent.toml .sweep.yaml sweep.yaml greptile.json .ellipsis/** ellipsis.yaml
"""
"""What agent programs, assistants in editors and review bots obey, besides what adapters declare for theirs."""

CI = """
    .github/workflows/** .github/actions/** .github/CODEOWNERS CODEOWNERS .gitlab-ci.yml .gitlab/ci/**
    .gitea/workflows/** .forgejo/workflows/** .circleci/** .buildkite/** .woodpecker/** .woodpecker.yml
    .woodpecker.yaml .ci/** .travis.yml .drone.yml .drone.yaml .cirrus.yml .cirrus.star .appveyor.yml appveyor.yml
    azure-pipelines.yml azure-pipelines.yaml bitbucket-pipelines.yml cloudbuild.yaml cloudbuild.yml Jenkinsfile
    .builds/** .build.yml
"""
"""What runs on a push."""

BUILT_IN: tuple[str, ...] = tuple(f"{SWARM_AND_GIT} {AGENT_PROGRAMS} {CI}".split())
"""DESIGN, section 8. A name stands for a file or folder of that name at any depth."""


@lru_cache(maxsize=512)
def _names(rule: str) -> tuple[str, ...]:
    """Return the rule's components that are plain names, folded: what a grant has to say out loud."""
    return tuple(fold(part) for part in rule.strip("/").split("/") if part and not _is_wild(part))


def _is_wild(part: str) -> bool:
    return any(letter in part for letter in "*?[")


def protected_rule(path: str, extra: Sequence[str] = (), obeyed: Sequence[str] = ()) -> str | None:
    """Return the pattern that protects `path`, None where nothing does.

    Built-in rules hold at any depth, and so do `obeyed`, what adapters say that their programs obey; `extra` are
    gitwildmatch patterns of the policy, read as a .gitignore in the root would be. Names are compared after NFKC, case
    folding and removal of what cannot be seen.
    """
    known = _table(tuple(obeyed)).find(path)
    if known is not None or not extra:
        return known
    folded = "/".join(fold(part) for part in path.split("/"))
    return next((rule for rule in extra if _extra_matches(rule, folded)), None)


@lru_cache(maxsize=4)
def _table(obeyed: tuple[str, ...]) -> NameTable:
    return NameTable.of((name, name) for name in (*BUILT_IN, *obeyed))


def _extra_matches(rule: str, folded: str) -> bool:
    return any(_extra_spec(form).match_file(folded) for form in {rule, rule.removesuffix("/**"), rule.rstrip("/")})


@lru_cache(maxsize=512)
def _extra_spec(rule: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # see patterns.py

    try:
        return GitIgnoreSpec.from_lines([unicodedata.normalize("NFKC", rule).casefold()])
    except ValueError:
        return GitIgnoreSpec.from_lines([])


def is_granted(path: str, rule: str, owns: Sequence[str]) -> bool:
    """Return whether `owns` itself names what the rule protects; a catch-all such as `**` names nothing.

    The caller asks for `review: full` besides.
    """
    return any(matches(path, [pattern]) and _speaks_of(pattern, rule) for pattern in owns if pattern[:1] != "!")


def _speaks_of(pattern: str, rule: str) -> bool:
    parts = [part for part in pattern.strip("/").split("/") if part]
    if not any(_is_wild(part) for part in parts) or pattern == rule:
        return True
    names = _names(rule)
    spoken = tuple("" if _is_wild(part) else fold(part) for part in parts)
    return bool(names) and any(spoken[at : at + len(names)] == names for at in range(len(spoken)))
