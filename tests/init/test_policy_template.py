"""The policy that init writes shows every key there is, and what it shows is what holds where nothing is written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from swarmgit.documents import intent, schemas
from swarmgit.model.ids import BlobId
from swarmgit.model.policy import Policy
from tests.conftest import Repo

TEMPLATE = (Path(__file__).parents[2] / ".swarm-template" / "policy.yaml").read_text(encoding="utf-8")
EXAMPLES = {"commands"}
"""Keys that are shown with a value because leaving them out has no value of its own."""


def shown() -> str:
    """Return the template with what it shows in comments switched on."""
    return re.sub(r"^# (?=[a-z_ ]+:)", "", TEMPLATE, flags=re.MULTILINE)


def keys_of(node: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the keys that a schema names, at any depth, as `a.b`; those of lists and of free names are not ours."""
    found = set()
    for name, inner in node.get("properties", {}).items():
        found |= {f"{prefix}{name}"} | keys_of(inner, f"{prefix}{name}.")
    return found


def keys_in(value: object, prefix: str = "") -> set[str]:
    if not isinstance(value, dict):
        return set()
    return {f"{prefix}{name}" for name in value}.union(
        *(keys_in(each, f"{prefix}{name}.") for name, each in value.items())
    )


def test_the_template_shows_every_key_of_the_schema() -> None:
    assert keys_in(yaml.safe_load(shown())) == keys_of(json.loads(schemas.text("policy")))
    for word in ("from", "to", "types", "max_per_hour", "mint", "run", "as", "env"):  # of lists and runtimes
        assert f"{word}:" in TEMPLATE


def test_what_it_shows_is_what_holds_where_nothing_is_written() -> None:
    parsed = intent.policy("policy.yaml", BlobId("0" * 40), shown().encode())
    assert parsed.problems == ()
    given = parsed.value
    assert given is not None
    unlike = {name for name in Policy.__slots__ if getattr(given, name) != getattr(Policy(), name)}
    assert unlike == EXAMPLES


def test_init_writes_the_template(repo: Repo) -> None:
    repo.commit({"README.md": "hello\n"})
    repo.swarmgit("init")
    assert repo.show(".swarm/policy.yaml") == TEMPLATE.rstrip()
