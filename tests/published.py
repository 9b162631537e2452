"""Real state against the published schemas: every file that a scenario has left behind, at every commit."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "tasks": "status",
    "merge-queue": "entry",
    "agents": "identity",
    "gates": "gate-history",
    "convoys": "convoy-status",
    "followed": "followed",
    "failures": "failures",
    "mail": "mail",
    "reviews": "verdict",
    "incidents": "incident",
    "control/tasks": "control",
    "control/queue": "entry-control",
    "control/mail": "mail-control",
    "control/incidents": "incident-control",
    "control/landings": "landing-control",
    "control/acknowledged": "acknowledgement",
}
FILES = {"control/freeze.yaml": "freeze", "control/queue.yaml": "queue-control"}
FREE = ("events/", "reports/", "allowed_signers")
"""No documents of a kind: lines of JSON, an agent's own words, keys."""


def kind_of(path: str) -> str | None:
    """Return the kind of a state file, None for what is no document."""
    if path in FILES or path.startswith(FREE):
        return FILES.get(path)
    place = path.split("/", 3)[3] if path.startswith("archive/") else path
    return next((kind for folder, kind in FOLDERS.items() if place.startswith(f"{folder}/")), "status")


def problems(top: Path, branch: str = "swarm/state") -> list[str]:
    """Return what is wrong with any version of any state file by its published schema."""
    listing = git(top, "log", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=", branch)
    fields = [each for each in listing.split("\0") if each]
    blobs = {(path, change.split(" ")[3]) for change, path in zip(fields[::2], fields[1::2], strict=True)}
    found = [(path, oid, kind) for path, oid in sorted(blobs) if oid.strip("0") and (kind := kind_of(path))]
    return [problem for path, oid, kind in found for problem in check(path, kind, git(top, "cat-file", "blob", oid))]


def check(path: str, kind: str, text: str) -> list[str]:
    facts = text.split("---\n")[1] if path.endswith(".md") else text
    errors = validator(kind).iter_errors(plain(yaml.safe_load(facts)))
    return [f"{path}: {'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def plain(value: Any) -> Any:
    """Return YAML's values as JSON has them: what reads like a date there is text."""
    return json.loads(json.dumps(value, default=str))


@cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / f"{kind}.json").read_text("utf-8")))


def git(top: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=top, capture_output=True, text=True, check=True).stdout
