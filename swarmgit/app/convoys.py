"""Convoys as files of the intent: written and added to in the working tree, for a person to commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from swarmgit.app.look import Look
from swarmgit.app.names import find
from swarmgit.app.new_task import ID, install_schemas, quoted
from swarmgit.documents import intent, paths, places
from swarmgit.errors import PersonMustAct, WrongUsage
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.ids import BlobId, ConvoyId
from swarmgit.plan.convoys import status_of
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.wallets import members
from swarmgit.ports.world import ReadWorld, World

SCHEMA_LINE = "# yaml-language-server: $schema=../run/schemas/convoy.json"


def statuses(look: Look) -> dict[ConvoyId, ConvoyStatus]:
    """Return how far every convoy of the intent is now."""
    if look.desired.swarm is None:
        return dict(look.observed.convoys)
    situation = Situation.of(look.desired, look.desired.swarm, look.observed, look.now, frozenset(), apply_now=False)
    draft = Draft(views=dict(look.plan.views))
    convoys = look.desired.convoys
    return {
        name: status_of(situation, draft, convoys[name], tasks) for name, tasks in sorted(members(look.desired).items())
    }


def status_named(look: Look, name: str) -> ConvoyStatus:
    """Return how far one convoy is."""
    known = statuses(look)
    return known[find(ConvoyId(name), known, "convoy")]


def write(world: World, name: str, title: str, tasks: Sequence[str], on_failure: str) -> Path:
    """Write `.swarm/convoys/<id>.yaml` in the working tree and return its path; never overwrite, never commit."""
    if not ID.fullmatch(name):
        raise WrongUsage(f"{name!r} is no id for a convoy", "use lower-case letters, digits, '-', '_' and '.'")
    path = _path(world, name)
    if path.exists():
        raise PersonMustAct(f"convoy {name} exists already", f"add to it: swarmgit convoy add {name} TASK")
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [SCHEMA_LINE, "version: 1", f"title: {quoted(title)}", _listed(tasks), f"on_failure: {on_failure}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    install_schemas(world)
    return path


def add(world: ReadWorld, name: str, tasks: Sequence[str]) -> Path:
    """Add tasks to a convoy's file in the working tree and return its path; the rest of the file stays as it is."""
    path = _path(world, name)
    missing = [task for task in tasks if not (path.parents[1] / "tasks" / f"{task}.yaml").is_file()]
    if missing:
        raise PersonMustAct(f"there is no task {missing[0]!r} in the working tree", f"swarmgit task new {missing[0]}")
    if not path.exists():
        raise PersonMustAct(f"there is no convoy {name!r} in the working tree", f"swarmgit convoy new {name} --title …")
    before = path.read_text(encoding="utf-8")
    node, problems = places.read(str(path), before.encode())
    if node is None or problems:
        raise PersonMustAct("; ".join(map(str, problems)), "swarmgit validate")
    known = [str(task) for task in node.data.get("tasks", ())]
    new = [task for task in dict.fromkeys(tasks) if task not in known]
    after = _with_tasks(before, node, [*known, *new]) if new else before
    checked = intent.convoy(f"{paths.CONVOYS}/{name}.yaml", BlobId(""), after.encode())
    if checked.problems:
        raise PersonMustAct("; ".join(map(str, checked.problems)), f"edit that file: {path}")
    fresh = path.with_suffix(".new")
    fresh.write_text(after, encoding="utf-8")
    fresh.replace(path)
    return path


def _path(world: ReadWorld, name: str) -> Path:
    top = world.repository.top
    if top is None:
        raise PersonMustAct("a bare repository has no working tree to write into", "use a clone with a checkout")
    return top / paths.CONVOYS / f"{name}.yaml"


def _listed(tasks: Sequence[str]) -> str:
    return f"tasks: [{', '.join(map(quoted, tasks))}]"


def _with_tasks(text: str, node: places.Node, tasks: Sequence[str]) -> str:
    """Return the text with another list of tasks, in one line where the old one stood, else at the end."""
    lines = text.splitlines()
    if "tasks" not in node.keys:
        return "\n".join([*lines, _listed(tasks), ""])
    first = node.keys["tasks"].line
    later = [place.line for place in node.keys.values() if place.line > first]
    last = min(later, default=len(lines) + 1) - 1
    kept = [line for line in lines[first:last] if line.lstrip().startswith("#")]
    return "\n".join([*lines[: first - 1], _listed(tasks), *kept, *lines[last:], ""])
