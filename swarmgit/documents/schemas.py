"""The JSON Schemas: where they are, and what a document does wrong against one, in plain words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from swarmgit.documents.spelling import did_you_mean
from swarmgit.model.desired import Problem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from swarmgit.documents.places import Node, Place

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = {"schemas": "schemas", "template": ".swarm-template"}
NAME_WORDS = "lower-case letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit"
_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "'key: value' lines",
    "null": "null",
}

_LIMIT_WORDS = {
    "minimum": "must be at least {limit}, not {value}",
    "maximum": "must be at most {limit}, not {value}",
    "exclusiveMinimum": "must be more than {limit}, not {value}",
    "minLength": "must not be empty",
    "minItems": "must have at least {limit} item(s)",
}


def folder(name: Literal["schemas", "template"]) -> Path:
    """Return where the schemas or the template's files are, in an installed package or in a checkout."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / _FOLDERS[name]


def kinds() -> tuple[str, ...]:
    """Return the kinds of document that have a schema, sorted."""
    return tuple(sorted(path.stem for path in folder("schemas").glob("*.json")))


@cache
def text(kind: str) -> str:
    """Return one schema as its file says it; KeyError for an unknown kind."""
    if kind not in kinds():
        raise KeyError(kind)
    return (folder("schemas") / f"{kind}.json").read_text(encoding="utf-8")


@cache
def fingerprint() -> str:
    """Return a hash of all that gives documents their meaning: schemas, template, the code that reads them.

    It is the same for a checkout and for a package built from it, so that each can use what the other has cached.
    """
    places = [
        *((folder("schemas"), path) for path in folder("schemas").glob("*.json")),
        *((folder("template"), path) for path in folder("template").rglob("*.*")),
        *((_PACKAGE, _PACKAGE / "model" / name) for name in ("desired.py", "policy.py")),
        *((_PACKAGE, path) for part in ("documents", "desired") for path in (_PACKAGE / part).glob("*.py")),
    ]
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(top).as_posix(), path) for top, path in places if path.is_file()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def install(target: Path) -> None:
    """Put the schemas into a folder for editors to find; files that are there and equal are left alone."""
    target.mkdir(parents=True, exist_ok=True)
    for kind in kinds():
        path, content = target / f"{kind}.json", text(kind)
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            fresh = path.with_suffix(".new")
            fresh.write_text(content, encoding="utf-8")
            fresh.replace(path)


def check(kind: str, file: str, node: Node) -> tuple[Problem, ...]:
    """Return everything a document does wrong against its schema, in the order of the file.

    The version is judged first: of a document in another version's format nothing else can be said.
    """
    version = _version_problem(file, node)
    if version:
        return (version,)
    found = {
        Problem(file, *place, message)
        for error in _validator(kind).iter_errors(node.data)
        for place, message in _explain(error, node)
    }
    return tuple(sorted(found, key=lambda problem: (problem.line, problem.column, problem.message)))


def knows_version(node: Node) -> bool:
    """Return whether a document says that it is in the format of this swarmgit."""
    version = node.data.get("version")
    return version == 1 and not isinstance(version, bool)


def _version_problem(file: str, node: Node) -> Problem | None:
    if "version" not in node.data:
        return Problem(file, *node.place, "missing key 'version'; the first line of a document is 'version: 1'")
    if not knows_version(node):
        message = f"version {_shown(node.data['version'])} is not known here; this swarmgit reads version 1"
        return Problem(file, *node.at(("version",)), message)
    return None


class _Validator(Protocol):
    def iter_errors(self, instance: object) -> Iterator[ValidationError]: ...


@cache
def _validator(kind: str) -> _Validator:
    # imported here: with everything in the cache no command needs it, and it takes longer than most commands
    from jsonschema import Draft202012Validator, validators
    from jsonschema.exceptions import ValidationError

    def pattern(_validator: object, expression: str, instance: object, _schema: object) -> Iterator[ValidationError]:
        # re's $ also matches before a final newline; a name with a newline in it is no name
        if isinstance(instance, str) and ("\n" in instance or not re.search(expression, instance)):
            yield ValidationError(f"{instance!r} does not match {expression!r}")

    extend: Any = validators.extend
    validator: _Validator = extend(Draft202012Validator, {"pattern": pattern})(json.loads(text(kind)))
    return validator


def _explain(error: ValidationError, node: Node) -> Iterable[tuple[Place, str]]:
    """Return places and sentences for one error of the validator."""
    path = tuple(error.absolute_path)
    name = _dotted(path)
    value: Any = error.instance
    limit: Any = error.validator_value
    schema: Any = error.schema
    if "propertyNames" in error.absolute_schema_path:
        return [(node.key_at(path, value), f"'{value}' is not a valid name: use {NAME_WORDS}")]
    if error.validator == "additionalProperties":
        known = sorted(schema.get("properties", {}))
        unknown = [key for key in value if key not in known]
        return [(node.key_at(path, key), f"unknown key '{key}'{did_you_mean(key, known)}") for key in unknown]
    if error.validator == "required":
        inside = f" in '{name}'" if name else ""
        return [(node.at(path), f"missing key '{key}'{inside}") for key in limit if key not in value]
    return [(node.at(path), _sentence(error, name))]


def _sentence(error: ValidationError, name: str) -> str:
    value: Any = error.instance
    limit: Any = error.validator_value
    match error.validator:
        case "enum":
            words = not_one_of(value, limit)
        case "type":
            wanted = " or ".join(_TYPE_WORDS[kind] for kind in ([limit] if isinstance(limit, str) else limit))
            return f"'{name}': expected {wanted}, found {_kind_words(value)}"
        case "uniqueItems":
            words = f"has {_shown(next((item for item in value if value.count(item) > 1), None))} more than once"
        case "pattern" if limit.startswith("^(?!"):
            return f"'{name}': {_shown(value)} is not a valid name: use {NAME_WORDS}"
        case str(rule) if rule in _LIMIT_WORDS:
            words = _LIMIT_WORDS[rule].format(limit=limit, value=_shown(value))
        case _:
            return f"'{name}': {error.message}"
    return f"'{name}' {words}"


def not_one_of(value: object, allowed: Sequence[object]) -> str:
    """Return the words for a value that is not one of a few: "must be one of a or b, not 'c'; did you mean 'b'?"."""
    words = [_shown(item, quote="") for item in allowed]
    listed = words[0] if len(words) == 1 else f"one of {', '.join(words[:-1])} or {words[-1]}"
    return f"must be {listed}, not {_shown(value)}{did_you_mean(value, words)}"


def _dotted(path: Sequence[str | int]) -> str:
    """Return ('gates', 0, 'run') as 'gates[0].run'."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(parts).removeprefix(".")


def _shown(value: object, quote: str = "'") -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"{quote}{value if len(value) <= 60 else value[:57] + '…'}{quote}"
    if isinstance(value, list | dict):
        return _kind_words(value)
    return str(value)


def _kind_words(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return _shown(value)
        case str():
            return f"the text {_shown(value)}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "'key: value' lines"
