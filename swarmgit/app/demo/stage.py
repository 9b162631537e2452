"""Where the demo plays: a folder of its own with the repository, the agents' scripts, and an environment for them."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from swarmgit.documents import paths, schemas
from swarmgit.errors import PersonMustAct

TARGET = "main"
PREFIX = "swarmgit-demo-"
PROPS = Path(__file__).resolve().parents[2] / "_demo"
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TMPDIR", "TZ")
PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin"


class Stage(Struct, frozen=True):
    """`root` holds everything of the demo. `environ` is all that its processes get of the machine."""

    root: Path
    repository: Path
    agents: Path
    environ: Mapping[str, str]


def prepare(folder: Path | None, environ: Mapping[str, str]) -> Stage:
    """Make the folders and put the agents' scripts there; below the temporary folder unless `folder` says where."""
    root = Path(tempfile.mkdtemp(prefix=PREFIX)) if folder is None else folder
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    if any(root.iterdir()):
        raise PersonMustAct(f"the folder {root} is not empty", "swarmgit demo --dir NEW-FOLDER")
    stage = Stage(root, root / "tally", root / "agents", _environ(root, environ))
    for path in (stage.repository, root / "home", root / "worktrees"):
        path.mkdir()
    for name, content in _props("agents").items():
        path = stage.agents / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return stage


def _environ(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which nothing leads to the person's own repository, settings or home."""
    return {
        "PATH": PATH_DEFAULT,
        **{name: environ[name] for name in KEPT if environ.get(name)},
        "HOME": str(root / "home"),
        "XDG_STATE_HOME": str(root / "worktrees"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }


def project() -> dict[str, bytes]:
    """Return the files of the project before any agent has touched it."""
    files = _props("project")
    return {".gitignore": files.pop("gitignore"), **files}


def intent(stage: Stage) -> dict[str, bytes]:
    """Return what the person commits to have the work done: settings, gates, roles and eight tasks."""
    template = schemas.folder("template")
    names = (".gitignore", "policy.yaml", *(f"roles/{path.name}" for path in (template / "roles").glob("*.md")))
    files = {name: (template / name).read_bytes() for name in names}
    files.update({name: _filled(content, stage) for name, content in _props("swarm").items()})
    return {f"{paths.SWARM}/{name}": content for name, content in files.items()}


def _filled(content: bytes, stage: Stage) -> bytes:
    """Return a file with the places of this machine in it; JSON text is YAML too, whatever the path contains."""
    python = shlex.quote(sys.executable)
    words = {
        "@PYTHON@": sys.executable,
        "@AGENT@": str(stage.agents / "agent.py"),
        "@AGENTS@": str(stage.agents),
        "@LINT@": f"{python} -B tools/lint.py",
        "@TEST@": f"PYTHONPATH=src {python} -B -m unittest discover -s tests",
    }
    text = content.decode()
    for mark, value in words.items():
        text = text.replace(mark, json.dumps(value, ensure_ascii=False))
    return text.encode()


def _props(folder: str) -> dict[str, bytes]:
    """Return the files of one folder of ours by their path in it."""
    top = PROPS / folder
    found = sorted(path for path in top.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in found}
