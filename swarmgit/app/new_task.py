"""A new task's file, written for a person to finish and to commit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from swarmgit.documents import paths, schemas
from swarmgit.errors import PersonMustAct, WrongUsage
from swarmgit.ports.world import World

SCHEMA_LINE = "# yaml-language-server: $schema=../run/schemas/task.json"
ID = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


class Draft(Struct, frozen=True):
    id: str
    title: str
    description: str = ""
    owns: tuple[str, ...] = ()
    type: str | None = None
    depends_on: tuple[str, ...] = ()


def write_task(world: World, draft: Draft) -> Path:
    """Write `.swarm/tasks/<id>.yaml` in the working tree and return its path; never overwrite, never commit."""
    top = world.repository.top
    if top is None:
        raise PersonMustAct("a bare repository has no working tree to write a task into", "use a clone with a checkout")
    if not ID.fullmatch(draft.id):
        raise WrongUsage(f"{draft.id!r} is no id for a task", "use lower-case letters, digits, '-', '_' and '.'")
    folder = top / paths.TASKS
    taken = [path for path in folder.rglob("*.yaml") if path.stem == draft.id]
    if taken:
        raise PersonMustAct(
            f"task {draft.id} exists already: {taken[0].relative_to(top)}", f"edit that file: {taken[0]}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{draft.id}.yaml"
    with path.open("x", encoding="utf-8") as file:
        file.write(task_text(draft))
    install_schemas(world)
    return path


def install_schemas(world: World) -> None:
    """Put the schemas where the documents' first lines say that editors find them: `.swarm/run/schemas/`."""
    schemas.install(world.repository.live / "schemas")
    world.state.link_run()


def task_text(draft: Draft) -> str:
    """Return the file's text: what was given, and a comment where a person has to go on."""
    return "".join(f"{line}\n" for line in _lines(draft))


def _lines(draft: Draft) -> Iterator[str]:
    yield SCHEMA_LINE
    yield "version: 1"
    yield f"title: {quoted(draft.title)}"
    yield "description: |"
    for line in (draft.description or draft.title).splitlines():
        yield f"  {line}".rstrip()
    if draft.type:
        yield f"type: {quoted(draft.type)}"
    if draft.depends_on:
        yield f"depends_on: [{', '.join(map(quoted, draft.depends_on))}]"
    yield "scope:"
    if draft.owns:
        yield f"  owns: [{', '.join(map(quoted, draft.owns))}]"
    else:
        yield '  owns: []   # what this task may change, such as ["src/api/**", "tests/api/**"]'
    yield "# acceptance:"
    yield "#   - run: the command that proves that it is done"


def quoted(text: str) -> str:
    """Return a YAML scalar: JSON strings are YAML, and nothing in them is read as anything but text."""
    return json.dumps(text, ensure_ascii=False)
