"""Intent documents: bytes of a file at a commit → the frozen values of `model/desired.py`.

Each function returns a `Parsed`: the value, or None together with every problem that the file has. Defaults are
those of the values; only defaults that depend on other keys are worked out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from swarmgit.documents import places, rules, schemas
from swarmgit.documents.places import Node
from swarmgit.model.desired import DEFAULT_ROUTING, Convoy, Gate, Problem, Swarm, Task
from swarmgit.model.experiments import Experiment
from swarmgit.model.ids import BlobId
from swarmgit.model.policy import Policy

T = TypeVar("T")

DEFAULT_ROLE = "default"
"""Under this name stand the programs of every role that policy.yaml does not name."""

RENAMED = {
    "stop_grace_seconds": "stop_grace_s",
    "state": "state_branch",
    "subscription": "subscription_usd_per_month",
}
"""Keys of swarm.yaml whose field has another name; all other keys are called the same in both."""


class Parsed(NamedTuple, Generic[T]):
    """`value` is None where there are problems; `node` says where things stand, if it is YAML at all."""

    value: T | None
    problems: tuple[Problem, ...]
    node: Node | None = None


def task(path: str, blob: BlobId, data: bytes) -> Parsed[Task]:
    """Read `.swarm/tasks/**/<id>.yaml`; the id is the file's stem."""
    stem_problem = _stem_problem(path)
    parsed = _read("task", path, data, Task, lambda plain: _task_shape(plain, path, blob), rules.task)
    if stem_problem is None:
        return parsed
    return Parsed(None, (stem_problem, *parsed.problems), parsed.node)


def swarm(path: str, _blob: BlobId, data: bytes) -> Parsed[Swarm]:
    """Read `.swarm/swarm.yaml`."""
    return _read("swarm", path, data, Swarm, _swarm_shape, rules.swarm)


def gates(path: str, _blob: BlobId, data: bytes) -> Parsed[tuple[Gate, ...]]:
    """Read `.swarm/gates.yaml`."""
    return _read("gates", path, data, tuple[Gate, ...], lambda plain: plain["gates"], rules.gates)


def policy(path: str, _blob: BlobId, data: bytes) -> Parsed[Policy]:
    """Read `.swarm/policy.yaml`."""
    return _read("policy", path, data, Policy, _policy_shape, rules.policy)


def convoy(path: str, _blob: BlobId, data: bytes) -> Parsed[Convoy]:
    """Read `.swarm/convoys/<id>.yaml`; the id is the file's stem."""
    stem_problem = _stem_problem(path)
    parsed = _read("convoy", path, data, Convoy, lambda plain: {**plain, "id": stem(path)})
    return Parsed(None, (stem_problem, *parsed.problems), parsed.node) if stem_problem else parsed


def role(path: str, _blob: BlobId, data: bytes) -> Parsed[str]:
    """Read `.swarm/roles/<role>.md`: text that is not empty."""
    text, problems = places.decode(path, data)
    stem_problem = _stem_problem(path)
    if stem_problem:
        problems = (stem_problem, *problems)
    if text is not None and not text.strip():
        problems = (*problems, Problem(path, 0, 0, "the file is empty; it says how an agent of this role works"))
    return Parsed(None, problems) if problems or text is None else Parsed(text.replace("\r\n", "\n"), ())


def experiment(path: str, _blob: BlobId, data: bytes) -> Parsed[Experiment]:
    """Read `.swarm/experiments/<id>.yaml`; the id is the file's stem."""
    stem_problem = _stem_problem(path)
    parsed = _read("experiment", path, data, Experiment, lambda plain: {**plain, "id": stem(path)})
    return Parsed(None, (stem_problem, *parsed.problems), parsed.node) if stem_problem else parsed


def stem(path: str) -> str:
    """Return the id that a document's path gives it."""
    return PurePosixPath(path).stem


def _stem_problem(path: str) -> Problem | None:
    name = stem(path)
    if rules.is_name(name):
        return None
    return Problem(path, 0, 0, f"'{name}' cannot be an id; name the file with {schemas.NAME_WORDS}")


def _read(
    kind: str,
    path: str,
    data: bytes,
    target: type[T],
    shape: Callable[[dict[str, Any]], Any],
    refusals: Callable[[Node], Sequence[rules.Refusal]] = lambda _: (),
) -> Parsed[T]:
    """Read, check against the schema, apply the rules that a schema cannot say, and build the value."""
    node, problems = places.read(path, data)
    if node is None:
        return Parsed(None, problems)
    problems += schemas.check(kind, path, node)
    if schemas.knows_version(node):
        problems += tuple(Problem(path, *place, message) for place, message in refusals(node))
    problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)))
    if problems:
        return Parsed(None, problems, node)
    plain = {key: value for key, value in node.data.items() if key != "version"}
    try:
        return Parsed(msgspec.convert(shape(plain), target), (), node)
    except msgspec.ValidationError as error:
        return Parsed(None, (Problem(path, *node.place, str(error)),), node)


def _task_shape(plain: dict[str, Any], path: str, blob: BlobId) -> dict[str, Any]:
    return {**plain, "id": stem(path), "path": path, "generation": blob, "role": rules.role_of(plain)}


def _swarm_shape(plain: dict[str, Any]) -> dict[str, Any]:
    shaped = {key: value for key, value in plain.items() if key not in RENAMED}
    if "stop_grace_seconds" in plain:
        shaped["stop_grace_s"] = plain["stop_grace_seconds"]
    if "branch" in plain.get("state", {}):
        shaped["state_branch"] = plain["state"]["branch"]
    if "watchdog" in plain:
        shaped["watchdog"] = _watchdog_shape(plain["watchdog"])
    shaped["subscription_usd_per_month"] = (plain.get("subscription") or {}).get("usd_per_month")
    shaped["routing"] = {**DEFAULT_ROUTING, **plain.get("routing", {})}
    shaped["runtimes"] = {
        name: {**runtime, "name": name, "run": _argv(runtime.get("run", ()))}
        for name, runtime in plain.get("runtimes", {}).items()
    }
    return shaped


def _watchdog_shape(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the limits each as a whole: what a type or tier leaves out is what the swarm says."""
    of_swarm: dict[str, Any] = {key: plain[key] for key in ("patrol_minutes", "swarm_disk_mb") if key in plain}
    own = {key: value for key, value in plain.items() if key not in {"tiers", "types", *of_swarm}}
    shaped: dict[str, Any] = {"limits": _limits(own)}
    for group in ("tiers", "types"):
        shaped[group] = {name: _limits({**own, **more}) for name, more in plain.get(group, {}).items()}
    return {**shaped, **of_swarm}


def _limits(plain: dict[str, Any]) -> dict[str, Any]:
    return {("is_on" if key == "enabled" else key): value for key, value in plain.items()}


def _argv(run: str | Sequence[str]) -> Sequence[str]:
    return ("/bin/sh", "-c", run) if isinstance(run, str) else run


def _credential(given: Sequence[str] | dict[str, Any]) -> dict[str, Any]:
    """Return a runtime's credentials; a plain list names variables."""
    if not isinstance(given, dict):
        return {"env": given}
    mint = given.get("mint", {})
    return {"env": given.get("env", ()), "mint": _argv(mint.get("run", ())), "mint_as": mint.get("as", "")}


def _policy_shape(plain: dict[str, Any]) -> dict[str, Any]:
    shaped = dict(plain)
    if isinstance(plain.get("network"), str):
        shaped["network"] = [plain["network"]]
    if isinstance(plain.get("commands"), list):
        shaped["commands"] = {DEFAULT_ROLE: plain["commands"]}
    shaped["credentials"] = {name: _credential(given) for name, given in plain.get("credentials", {}).items()}
    if "comms" in plain:
        shaped["comms"] = [
            {("sender" if key == "from" else key): value for key, value in rule.items()} for rule in plain["comms"]
        ]
    return shaped
