"""The schemas that are published and the values that are stored say the same, at every depth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from swarmgit.model import mail, queue
from swarmgit.state import ledger
from swarmgit.state.kinds import KINDS

SCHEMAS = Path(__file__).parents[2] / "schemas"
STORED = {kind.schema: kind.value for kind in KINDS if kind.schema}
FILE_NAMES = {"sender": "from"}


@pytest.mark.parametrize("kind", STORED)
def test_a_schema_has_the_keys_and_the_words_of_its_value_at_every_depth(kind: str) -> None:
    schema = json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))
    assert list(differences(schema, STORED[kind], schema, kind)) == []


def differences(schema: dict[str, Any], hint: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array" and "items" in schema:
        yield from differences(schema["items"], hint, root, f"{path}[]")
        return
    value, words = struct_in(hint), words_in(hint)
    if value is not None and "properties" in schema:
        names = FILE_NAMES if value is mail.Mail else {}
        fields = {names.get(each.name, each.name): each.name for each in msgspec.structs.fields(value)}
        hints = get_type_hints(value)
        yield from (f"{path}: {name}" for name in fields.keys() ^ (schema["properties"].keys() - {"version"}))
        for key in fields.keys() & schema["properties"].keys():
            yield from differences(schema["properties"][key], hints[fields[key]], root, f"{path}.{key}")
    elif words and "enum" in schema and words != set(schema["enum"]):
        yield f"{path}: {sorted(words ^ set(schema['enum']))}"


def struct_in(hint: Any) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return ledger.Line if issubclass(hint, queue.Event) else hint
    return next((found for found in map(struct_in, get_args(hint)) if found is not None), None)


def words_in(hint: Any) -> set[str]:
    literals = [each for each in (hint, *get_args(hint)) if get_origin(each) is Literal]
    return {word for each in literals for word in get_args(each)}
