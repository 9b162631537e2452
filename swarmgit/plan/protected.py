"""Files that steer people's tools, agents or swarmgit: changed only by a task that names them and is reviewed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from swarmgit.plan.patterns import matches

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

BUILT_IN: tuple[str, ...] = (
    ".swarm/**",
    "CLAUDE.md",
    "CLAUDE.local.md",
    "AGENTS.md",
    "AGENT.md",
    "GEMINI.md",
    ".claude/**",
    ".codex/**",
    ".gemini/**",
    ".opencode/**",
    ".aider.conf.yml",
    ".cursorrules",
    ".cursor/**",
    ".windsurfrules",
    ".clinerules/**",
    ".mcp.json",
    ".git/**",
    ".gitattributes",
    ".gitmodules",
    ".githooks/**",
    ".husky/**",
    ".pre-commit-config.yaml",
    ".pre-commit-config.yml",
    ".github/workflows/**",
    ".github/actions/**",
    ".github/copilot-instructions.md",
    ".github/CODEOWNERS",
    "CODEOWNERS",
    ".gitlab-ci.yml",
    ".gitlab/ci/**",
    ".gitea/workflows/**",
    ".forgejo/workflows/**",
    ".circleci/**",
    ".buildkite/**",
    ".woodpecker/**",
    ".woodpecker.yml",
    ".ci/**",
    ".travis.yml",
    ".drone.yml",
    ".cirrus.yml",
    ".appveyor.yml",
    "appveyor.yml",
    "azure-pipelines.yml",
    "azure-pipelines.yaml",
    "bitbucket-pipelines.yml",
    "cloudbuild.yaml",
    "Jenkinsfile",
)
"""DESIGN, section 8. A name stands for a file or folder of that name at any depth."""

# Default_Ignorable_Code_Point of the Unicode Character Database where the category is not Cf already.
IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)


def is_ignorable(letter: str) -> bool:
    """Return whether a character is shown as nothing, so that two names may look the same with and without it."""
    return unicodedata.category(letter) == "Cf" or IGNORABLE.match(letter) is not None


def fold(name: str) -> str:
    """Return one path component as the most forgiving file system or reader would see it."""
    for _ in range(2):  # case folding can bring forth characters that NFKC maps again
        name = unicodedata.normalize("NFKC", name).casefold()
        if not name.isascii():
            name = "".join(letter for letter in name if not is_ignorable(letter))
    return name.rstrip(". ") or name


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
    parts = tuple(fold(part) for part in path.split("/"))
    for rule in (*BUILT_IN, *obeyed):
        if stands_in(_names(rule), parts):
            return rule
    return next((rule for rule in extra if _extra_matches(rule, "/".join(parts))), None)


def stands_in(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Return whether the names follow each other in the path, or the path ends as their parent (a swapped folder)."""
    if any(parts[at : at + len(names)] == names for at in range(len(parts) - len(names) + 1)):
        return True
    return any(parts[-size:] == names[:size] for size in range(1, len(names)))


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
