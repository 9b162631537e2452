"""Every key that people may write has an effect: the field that it is loaded into is read where something is decided
or done, not only where intent is loaded, checked or shown."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from swarmgit.app.detect import PROGRAMS
from swarmgit.documents import schemas
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.desired import DEFAULT_ROUTING, PRIORITY_RANK, Convoy, Gate, Priority, Swarm, Task, TaskType
from swarmgit.model.experiments import Experiment
from swarmgit.model.policy import Policy
from tests.house.test_sizes import SOURCES, name_of, parsed

ROOTS: Mapping[str, Any] = {
    "swarm": Swarm,
    "task": Task,
    "convoy": Convoy,
    "gates": Gate,
    "policy": Policy,
    "experiment": Experiment,
}
"""What each kind of document is loaded into; of gates.yaml, each gate."""

ASIDE = (
    "swarmgit/model/", "swarmgit/documents/", "swarmgit/desired/",
    "swarmgit/app/validate.py", "swarmgit/app/init.py",
    "swarmgit/app/views/", "swarmgit/app/why.py", "swarmgit/app/doctor/", "swarmgit/cli/",
)  # fmt: skip
"""Where settings are loaded, checked or shown: to be read there is no effect."""

ELSEWHERE: Mapping[str, str] = {
    "swarm.state.branch": "state_branch",
    "swarm.stop_grace_seconds": "stop_grace_s",
    "swarm.subscription.usd_per_month": "subscription_usd_per_month",
    "swarm.watchdog.enabled": "watchdog.limits.is_on",
    "swarm.watchdog.tiers.*.enabled": "watchdog.tiers.*.is_on",
    "swarm.watchdog.types.*.enabled": "watchdog.types.*.is_on",
    "policy.comms.[].from": "comms.[].sender",
    "policy.credentials.*.mint.run": "credentials.*.mint",
    "policy.credentials.*.mint.as": "credentials.*.mint_as",
}
"""Keys that are loaded into a field of another name."""

READ_AS: Mapping[str, tuple[str, ...]] = {
    "Acceptance": ("item",),
    "CommsRule": ("rule",),
    "ConvoyBudget": ("limit",),
    "Filesystem": ("filesystem",),
    "Generated": ("made",),
    "HandoffConfig": ("handoff", "config"),
    "MergeConfig": ("merge", "config"),
    "Price": ("known",),
    "PushConfig": ("push",),
    "ReviewRules": ("review",),
    "SecretRules": ("secrets",),
    "SwarmBudget": ("budget", "limits"),
    "Task": ("task", "draft"),
    "WatchdogConfig": ("watchdog",),
    "WatchdogLimits": ("limits",),
    "WorktreeConfig": ("worktree", "config"),
}
"""What a value is called where its fields are read, if not like its type."""

BY_METHOD: Mapping[str, str] = {"Policy.commands": "programs_of"}
"""Fields that a method of their own type reads for all others."""

NO_EFFECT: Mapping[str, str] = {
    "convoy.description": "for people; what its members are told is in their own files",
    "experiment.title": "for people",
    "experiment.description": "for people",
}
"""Keys that decide nothing, each with its reason."""


@cache
def leaves(kind: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the schema of every key that has no keys of its own, such as 'swarm.tiers.*.model'."""
    return dict(_leaves(json.loads(schemas.text(kind)), kind))


def _leaves(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    below = [(key, value) for key, value in schema.get("properties", {}).items() if key != "version"]
    extra, items = schema.get("additionalProperties"), schema.get("items")
    below += [("*", extra)] if isinstance(extra, Mapping) else []
    below += [("[]", items)] if isinstance(items, Mapping) and ("properties" in items or "enum" in items) else []
    if not below:
        yield path, schema
    for key, value in below:
        yield from _leaves(value, f"{path}.{key}")


def field_of(leaf: str) -> tuple[type, str]:
    """Return the class and the field that a key is loaded into."""
    kind, _, rest = leaf.partition(".")
    if kind == "gates":
        rest = rest.removeprefix("gates.[].")
    elif kind == "swarm" and rest.startswith("watchdog.") and rest.split(".")[1] in WATCHDOG:
        rest = rest.replace("watchdog.", "watchdog.limits.", 1)
    rest = ELSEWHERE.get(leaf, rest)
    owner, name, here = ROOTS[kind], "", ROOTS[kind]
    for step in rest.split("."):
        if isinstance(here, type) and issubclass(here, Struct) and step not in {"*", "[]"}:
            owner, name = here, step
            assert step in here.__struct_fields__, f"{leaf}: {here.__name__} has no field '{step}'"
            here = get_type_hints(here)[step]
        here = _value(here)
    return owner, name


WATCHDOG = frozenset(
    {"enabled", "silence_minutes", "prompt_minutes", "patience_minutes", "repeat_lines", "repeat_minutes"}
    | {"memory_mb", "disk_mb", "cpu_minutes"}
)


def _value(kind: Any) -> Any:
    """Return the type of what stands in a mapping or a list, or beside None."""
    args = [each for each in get_args(kind) if each not in {type(None), ...}]
    if get_origin(kind) is Literal or not args:
        return kind
    if get_origin(kind) in {Union, UnionType}:
        return _value(args[0]) if len(args) == 1 else kind
    return _value(args[-1])


@cache
def reads() -> frozenset[tuple[str, str]]:
    """Return (word, attribute) for each attribute that is read where settings have an effect."""
    found = set()
    for path in SOURCES:
        if not name_of(path).startswith(ASIDE):
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    found.add((_word(node.value), node.attr))
    return frozenset(found)


def _word(node: ast.expr) -> str:
    """Return what a value is called where its attribute is read."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=inner) | ast.Call(func=inner):
            return _word(inner)
        case _:
            return ""


ALL = {leaf: schema for kind in ROOTS for leaf, schema in leaves(kind).items()}


def is_read(leaf: str) -> bool:
    owner, name = field_of(leaf)
    words = READ_AS.get(owner.__name__, (owner.__name__.lower(),))
    method = BY_METHOD.get(f"{owner.__name__}.{name}", name)
    return any((word, method) in reads() for word in words)


def test_every_key_has_an_effect() -> None:
    idle = [leaf for kind in ROOTS for leaf in leaves(kind) if not is_read(leaf) and leaf not in NO_EFFECT]
    assert idle == [], "nothing reads it: make it work, or make it an error of validate"


def test_every_exception_is_still_needed() -> None:
    """So no exception hides a key that has got an effect, or has lost it."""
    assert [leaf for leaf in NO_EFFECT if leaf not in ALL or is_read(leaf)] == []
    assert sorted(ELSEWHERE.keys() - ALL.keys()) == []
    owners = {f"{owner.__name__}.{name}" for owner, name in map(field_of, ALL)}
    assert sorted(BY_METHOD.keys() - owners) == []
    unused = [
        f"{kind}: {word}"
        for kind, words in READ_AS.items()
        for word in words
        if not any((word, name) in reads() for owner, name in map(field_of, ALL) if owner.__name__ == kind)
    ]
    assert unused == []


def test_every_field_of_a_value_of_intent_can_be_written() -> None:
    """A field that no key is loaded into is a setting that nobody can make."""
    written = {field_of(leaf) for leaf in ALL}
    reached = {owner for owner, _ in written}
    fields = {(owner, name) for owner in reached for name in owner.__struct_fields__}
    nested = {(owner, name) for owner, name in fields if _holds(get_type_hints(owner)[name], reached)}
    left = sorted(f"{owner.__name__}.{name}" for owner, name in fields - written - nested)
    assert left == sorted(GIVEN)


GIVEN: Mapping[str, str] = {
    "Convoy.id": "the file's name",
    "Experiment.id": "the file's name",
    "Runtime.name": "its key",
    "Task.generation": "the file's blob",
    "Task.id": "the file's name",
    "Task.path": "the file's path",
}
"""Fields that come from elsewhere than a key, each with its source."""


def _holds(kind: Any, reached: set[type]) -> bool:
    return kind in reached or any(_holds(each, reached) for each in get_args(kind))


OPEN: Mapping[str, Any] = {"experiment.types.[]": TaskType}
"""Choices of keys whose field takes any word."""


def test_the_choices_in_schemas_and_values_are_the_same() -> None:
    different = []
    for leaf, schema in ALL.items():
        owner, name = field_of(leaf)
        words = set(_words(OPEN.get(leaf, get_type_hints(owner)[name])))
        if words != {word for word in schema.get("enum", ()) if word is not None}:
            different.append(f"{leaf}: {sorted(words)}")
    assert different == []


def _words(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    else:
        yield from (word for each in get_args(kind) for word in _words(each))


def test_the_defaults_in_schemas_and_values_are_the_same() -> None:
    different = []
    for leaf, schema in ALL.items():
        owner, name = field_of(leaf)
        default = next(each.default for each in fields(owner) if each.name == name)
        if "default" in schema and default not in (schema["default"], (schema["default"],)):
            different.append(f"{leaf}: {schema['default']!r}, not {default!r}")
    assert different == []


@pytest.mark.parametrize("kind", sorted(ROOTS.keys() - {"gates"}))
def test_schemas_require_what_has_no_default(kind: str) -> None:
    needed = {
        each.name for each in fields(ROOTS[kind]) if each.default is NODEFAULT and each.default_factory is NODEFAULT
    }
    given = {name.partition(".")[2] for name in GIVEN if name.startswith(f"{ROOTS[kind].__name__}.")}
    assert set(json.loads(schemas.text(kind))["required"]) == needed - given | {"version"}


def test_task_types_priorities_and_adapters_stand_in_one_list() -> None:
    assert DEFAULT_ROUTING.keys() == set(get_args(TaskType))
    routed = json.loads(schemas.text("swarm"))["properties"]["routing"]["properties"]
    assert routed.keys() == DEFAULT_ROUTING.keys() | {"merge", "triage"}
    assert PRIORITY_RANK.keys() == set(get_args(Priority))
    assert set(PROGRAMS.values()) <= ADAPTERS.keys()
