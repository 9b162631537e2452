"""What a document must keep to that a schema cannot say: patterns, names of branches, keys that need each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pathspec import GitIgnoreSpec

from swarmgit.documents.places import Node, Place
from swarmgit.model.desired import READ_ONLY_ROLES, ROLE_OF_TYPE, Swarm

Path = tuple[str | int, ...]


class Refusal(NamedTuple):
    place: Place
    message: str


def is_name(name: str) -> bool:
    """Return whether a text can be the id of something: it becomes part of paths, refs and command lines."""
    allowed = "abcdefghijklmnopqrstuvwxyz0123456789._-"
    is_plain = 0 < len(name) <= 63 and all(letter in allowed for letter in name) and name[0] not in "._-"
    return is_plain and ".." not in name and not name.endswith(".lock")


def role_of(document: Mapping[str, Any]) -> str:
    """Return a task document's role: what it says, else what its type implies."""
    role: str = document.get("role") or ROLE_OF_TYPE.get(document.get("type", "implement"), "builder")
    return role


def task(node: Node) -> list[Refusal]:
    """Return what is wrong with a task whose schema is kept."""
    scope = node.data.get("scope", {})
    found = [refusal for key in ("owns", "shares", "reads") for refusal in _patterns(node, ("scope", key))]
    if not scope.get("owns") and role_of(node.data) not in READ_ONLY_ROLES:
        message = "missing key 'owns' in 'scope': say which files this task may change, such as [\"src/**\"]"
        found.append(Refusal(node.at(("scope", "owns")), message))
    return found


def swarm(node: Node) -> list[Refusal]:
    """Return what is wrong with a `swarm.yaml` whose schema is kept."""
    found = []
    target = node.data["target"]
    state = node.data.get("state", {}).get("branch", Swarm(target).state_branch)
    for path, branch in ((("target",), target), (("state", "branch"), state)):
        if not is_branch(branch):
            found.append(Refusal(node.at(path), f"'{branch}' is not a branch name"))
    if target == state:
        found.append(Refusal(node.at(("target",)), "the target and the state cannot be the same branch"))
    for name, runtime in node.data.get("runtimes", {}).items():
        if runtime["adapter"] == "command" and "run" not in runtime:
            message = f"missing key 'run' in 'runtimes.{name}': the command adapter needs a program"
            found.append(Refusal(node.at(("runtimes", name)), message))
    for key in ("include", "share", "setup_key"):
        found += _patterns(node, ("worktree", key))
    return found


def gates(node: Node) -> list[Refusal]:
    """Return what is wrong with a `gates.yaml` whose schema is kept."""
    found: list[Refusal] = []
    lines: dict[str, int] = {}
    for index, gate in enumerate(node.data["gates"]):
        name, place = gate["name"], node.at(("gates", index, "name"))
        if name in lines:
            found.append(Refusal(place, f"a gate '{name}' already stands in line {lines[name]}"))
        lines.setdefault(name, place.line)
        found += _patterns(node, ("gates", index, "inputs"))
        objection = pattern_objection(gate.get("junit") or "report.xml")
        if objection:
            found.append(Refusal(node.at(("gates", index, "junit")), objection))
    return found


def policy(node: Node) -> list[Refusal]:
    """Return what is wrong with a `policy.yaml` whose schema is kept."""
    return _patterns(node, ("protected_paths",))


def _patterns(node: Node, path: Path) -> list[Refusal]:
    """Return the patterns of the list at `path`, if there is one, that are not plain patterns below the root."""
    values = _value_at(node, path)
    found = [(index, pattern_objection(pattern)) for index, pattern in enumerate(values)]
    return [Refusal(node.at((*path, index)), message) for index, message in found if message]


def _value_at(node: Node, path: Path) -> Iterable[str]:
    for step in path:
        if step not in node.items:
            return ()
        node = node.items[step]
    values: list[str] = node.data
    return values


def pattern_objection(pattern: str) -> str | None:
    """Return why a pattern cannot be used, None where it can."""
    if pattern.startswith("/"):
        return f"pattern '{pattern}' starts with '/'; patterns start at the root of the repository without it"
    if ".." in pattern.split("/"):
        return f"pattern '{pattern}' has '..' in it; patterns cannot leave the repository"
    if pattern.startswith("!"):
        return f"pattern '{pattern}' starts with '!'; a pattern can only add files"
    if pattern.startswith("#") or not pattern.strip() or "\n" in pattern:
        return f"pattern '{pattern.strip()}' matches nothing"
    try:
        GitIgnoreSpec.from_lines([pattern])
    except ValueError as error:
        return f"pattern '{pattern}' is not valid: {error}"
    return None


def is_branch(name: str) -> bool:
    """Return whether git would take this as a branch (the rules of git-check-ref-format)."""
    parts = name.split("/")
    return (
        all(part and not part.startswith(".") and not part.endswith(".lock") for part in parts)
        and not name.startswith("-")
        and not name.endswith(".")
        and ".." not in name
        and "@{" not in name
        and name not in {"@", "HEAD"}
        and not any(letter in " ~^:?*[\\\x7f" or ord(letter) < 32 for letter in name)
    )
