"""What a document must keep to that a schema cannot say: patterns, names of branches, keys that need each other.

Each rule looks only at what has the right type: for the rest the schema has spoken, and all is told at once.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from pathspec import GitIgnoreSpec

from swarmgit.documents.places import Node, Place
from swarmgit.model.desired import READ_ONLY_ROLES, ROLE_OF_TYPE, Swarm

Path = tuple[str | int, ...]

HOST = re.compile(r"(\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(:[0-9]{1,5})?")
"""A host of policy.yaml's network: a name or an IPv4 address, all names below one, perhaps a port."""


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
    kind = document.get("type")
    return str(document.get("role") or (ROLE_OF_TYPE.get(kind, "builder") if isinstance(kind, str) else "builder"))


def task(node: Node) -> list[Refusal]:
    """Return what is wrong with a task."""
    found = [refusal for key in ("owns", "shares", "reads", "modes") for refusal in _patterns(node, ("scope", key))]
    if not _value_at(node, ("scope", "owns")) and role_of(node.data) not in READ_ONLY_ROLES:
        message = "missing key 'owns' in 'scope': say which files this task may change, such as [\"src/**\"]"
        found.append(Refusal(node.at(("scope", "owns")), message))
    return found


def swarm(node: Node) -> list[Refusal]:
    """Return what is wrong with a `swarm.yaml`."""
    found = [*_branches(node), *_idle(node)]
    for name, runtime in _items(node, ("runtimes",)):
        if _value_at(runtime, ("adapter",)) == "command" and "run" not in runtime.items:
            message = f"missing key 'run' in 'runtimes.{name}': the command adapter needs a program"
            found.append(Refusal(runtime.place, message))
    for key in ("include", "share", "setup_key"):
        found += _patterns(node, ("worktree", key))
    found += _patterns(node, ("merge", "union"))
    for _, made in _items(node, ("merge", "generated")):
        found += _patterns(made, ("files",))
    return found


def _branches(node: Node) -> list[Refusal]:
    """Return the names of branches that git would not take, alone or one beside the other."""
    found = []
    target = _value_at(node, ("target",)) or "main"
    state = _value_at(node, ("state", "branch")) or Swarm("").state_branch
    pushed = _value_at(node, ("push", "branch"))
    for path, branch in ((("target",), target), (("state", "branch"), state), (("push", "branch"), pushed)):
        if isinstance(branch, str) and not is_branch(branch):
            found.append(Refusal(node.at(path), f"'{branch}' is not a branch name"))
    if target == state:
        found.append(Refusal(node.at(("target",)), "the target and the state cannot be the same branch"))
    elif f"{target}/".startswith(f"{state}/") or f"{state}/".startswith(f"{target}/"):
        message = f"git cannot have the branch '{target}' beside '{state}', the branch of the state"
        found.append(Refusal(node.at(("state", "branch") if "state" in node.items else ("target",)), message))
    if pushed is not None and pushed == state:
        found.append(Refusal(node.at(("push", "branch")), "landings cannot be pushed to the branch of the state"))
    return found


def _idle(node: Node) -> list[Refusal]:
    """Return the keys that have no effect without another one."""
    found = []
    for path, key, needed in ((("push",), "branch", "remote"), (("worktree",), "setup_key", "setup")):
        inner = _node_at(node, path)
        if inner is not None and key in inner.items and needed not in inner.items:
            found.append(Refusal(inner.key_at((), key), f"'{key}' has no effect without '{needed}'"))
    return found


def gates(node: Node) -> list[Refusal]:
    """Return what is wrong with a `gates.yaml`."""
    found: list[Refusal] = []
    lines: dict[str, int] = {}
    for _, gate in _items(node, ("gates",)):
        name, place = _value_at(gate, ("name",)), gate.at(("name",))
        if isinstance(name, str) and lines.setdefault(name, place.line) != place.line:
            found.append(Refusal(place, f"a gate '{name}' already stands in line {lines[name]}"))
        found += _patterns(gate, ("inputs",))
        junit = _value_at(gate, ("junit",))
        objection = pattern_objection(junit) if isinstance(junit, str) and junit else None
        if objection:
            found.append(Refusal(gate.at(("junit",)), objection))
    return found


def policy(node: Node) -> list[Refusal]:
    """Return what is wrong with a `policy.yaml`."""
    return [*_patterns(node, ("protected_paths",)), *_network(node), *_expressions(node, ("secrets", "allow"))]


def _expressions(node: Node, path: Path) -> list[Refusal]:
    """Return the regular expressions of the list at `path` that are none."""
    found = []
    for _, item in _items(node, path):
        try:
            expression(str(item.data))
        except (re.error, OverflowError, RecursionError) as error:
            found.append(Refusal(item.place, f"'{item.data}' is not a regular expression: {error}"))
    return found


def expression(text: str) -> re.Pattern[str]:
    """Return a person's regular expression, or raise re.error; what Python may read otherwise one day is fine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(text)


def _network(node: Node) -> list[Refusal]:
    """Return the entries of `network` that name no host; `none` and `full` stand alone."""
    alone = _value_at(node, ("network",))
    listed = [(item.place, item.data) for _, item in _items(node, ("network",)) if isinstance(item.data, str)]
    named = [(node.at(("network",)), alone)] if isinstance(alone, str) else listed
    found = []
    for place, word in named:
        if word in {"none", "full"} and len(named) > 1:
            found.append(Refusal(place, f"'{word}' stands alone; a list names hosts"))
        elif not HOST.fullmatch(word):
            found.append(
                Refusal(place, f"'{word}' is not a host; write 'api.example.org', '*.example.org' or 'host:port'")
            )
    return found


def _patterns(node: Node, path: Path) -> list[Refusal]:
    """Return the patterns of the list at `path`, if there is one, that are not plain patterns below the root."""
    found = [(item.place, pattern_objection(item.data)) for _, item in _items(node, path) if isinstance(item.data, str)]
    return [Refusal(place, message) for place, message in found if message]


def _items(node: Node, path: Path) -> list[tuple[str | int, Node]]:
    """Return the values in the mapping or list at `path` by key or index; none where there is nothing of the kind."""
    inner = _node_at(node, path)
    return list(inner.items.items()) if inner else []


def _value_at(node: Node, path: Path) -> object:
    inner = _node_at(node, path)
    return inner.data if inner else None


def _node_at(node: Node, path: Path) -> Node | None:
    for step in path:
        if step not in node.items:
            return None
        node = node.items[step]
    return node


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
