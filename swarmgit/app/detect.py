"""What a project is made of and which of its own commands check it. Reads files, runs nothing."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.desired import Gate
from swarmgit.model.ids import GateName

FOLDERS_MAX = 6
_NO_TEST = "no test specified"
_TEST_FILE = re.compile(r"tests?/(test_\w+|conftest)\.py|test_\w+\.py")
_MARKERS: Mapping[str, tuple[str, ...]] = {
    "python": (
        "pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "requirements.txt", "requirements-dev.txt",
    ),
    "node": ("package.json",),
    "go": ("go.mod",),
    "rust": ("Cargo.toml",),
}  # fmt: skip


class Project(Struct, frozen=True):
    """`names`: the paths of the files in the root and one folder down; `read` returns a file's content."""

    names: frozenset[str]
    read: Callable[[str], bytes | None]

    def text(self, path: str) -> str:
        found = self.read(path) if path in self.names else None
        return found.decode("utf-8", "replace") if found else ""

    def below(self, folder: str) -> Project:
        """Return the part of the project in one folder, as a project of its own."""
        start = f"{folder}/"
        names = frozenset(name.removeprefix(start) for name in self.names if name.startswith(start))
        return Project(names, lambda path: self.read(start + path))


class Findings(Struct, frozen=True):
    """`languages` in the words of `_MARKERS`; `setup` makes a fresh checkout ready, again when `setup_key` changes."""

    languages: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    setup: tuple[str, ...] = ()
    setup_key: tuple[str, ...] = ()


def detect(project: Project) -> Findings:
    """Return the languages of a project and the commands that check it; several where it is mixed."""
    parts = [("", language) for language in _MARKERS if _has(project, language)]
    if not parts:
        folders = sorted({name.split("/")[0] for name in project.names if "/" in name and not name.startswith(".")})
        parts = [
            (folder, language) for folder in folders for language in _MARKERS if _has(project.below(folder), language)
        ]
    found = [
        (part, _DETECTORS[part[1]](project.below(part[0]) if part[0] else project)) for part in parts[:FOLDERS_MAX]
    ]
    if not any(findings.gates for _, findings in found) and re.search(
        r"^test:", project.text("Makefile"), re.MULTILINE
    ):
        found.append((("", "make"), Findings((), (Gate(GateName("test"), "make test"),))))
    return _together(found)


def _has(project: Project, language: str) -> bool:
    has_tests = language == "python" and any(re.fullmatch(r"tests?/test_\w+\.py", name) for name in project.names)
    return has_tests or any(marker in project.names for marker in _MARKERS[language])


def _together(found: list[tuple[tuple[str, str], Findings]]) -> Findings:
    """Join the findings of each part; a gate's name gets its folder or language where it would not be unique."""
    with_gates = [part for part, findings in found if findings.gates]
    gates: list[Gate] = []
    setup: list[str] = []
    keys: list[str] = []
    for (folder, language), findings in found:
        label = re.sub(r"[^a-z0-9]+", "-", (folder or language).lower()).strip("-") or language
        for gate in findings.gates:
            name = gate.name if len(with_gates) == 1 else f"{label}-{gate.name}"
            if any(other.name == name for other in gates):
                name = f"{label}-{language}-{gate.name}"
            gates.append(replace(gate, name=GateName(name), run=_inside(folder, gate.run)))
        setup += [_inside(folder, command) for command in findings.setup]
        keys += [f"{folder}/{key}" if folder else key for key in findings.setup_key]
    languages = tuple(dict.fromkeys(language for (_, language), _ in found if language in _MARKERS))
    return Findings(languages, tuple(gates), tuple(setup), tuple(keys))


def _inside(folder: str, command: str) -> str:
    return f"cd {_shell(folder)} && {command}" if folder else command


def _shell(word: str) -> str:
    return word if re.fullmatch(r"[\w./-]+", word) else "'" + word.replace("'", "'\\''") + "'"


def _python(project: Project) -> Findings:
    settings = _toml(project.text("pyproject.toml"))
    tool: Mapping[str, Any] = _mapping(settings.get("tool"))
    listed = [
        name for name in project.names if re.fullmatch(r"requirements[\w.-]*\.txt|setup\.(py|cfg)|tox\.ini", name)
    ]
    wanted = "\n".join([project.text("pyproject.toml"), *map(project.text, sorted(listed))])
    gates = []
    if "ruff" in tool or {"ruff.toml", ".ruff.toml"} & project.names or _asks_for("ruff", wanted):
        gates.append(Gate(GateName("lint"), "ruff check ."))
    if "mypy" in tool or {"mypy.ini", ".mypy.ini"} & project.names or "[mypy]" in project.text("setup.cfg"):
        has_files = bool({"files", "packages", "modules"} & _mapping(tool.get("mypy")).keys())
        names_files = re.search(r"^\s*(files|packages|modules)\s*=", project.text("mypy.ini"), re.MULTILINE)
        gates.append(Gate(GateName("types"), "mypy" if has_files or names_files else "mypy ."))
    has_tests = any(_TEST_FILE.fullmatch(name) for name in project.names)
    if (
        "pytest" in tool
        or "pytest.ini" in project.names
        or "conftest.py" in project.names
        or _asks_for("pytest", wanted)
        or any(_is_for_pytest(project.text(name)) for name in sorted(project.names) if _TEST_FILE.fullmatch(name))
    ):
        gates.append(Gate(GateName("test"), "python3 -m pytest -q", min_tests=1))
    elif has_tests:
        gates.append(Gate(GateName("test"), _discovery(project), min_tests=1))
    if "uv.lock" not in project.names:
        return Findings(("python",), tuple(gates))
    # with a lock file of uv the tools live in the environment that uv makes
    through_uv = tuple(replace(gate, run=f"uv run --frozen {gate.run.removeprefix('python3 -m ')}") for gate in gates)
    return Findings(("python",), through_uv, ("uv sync --frozen",), ("uv.lock",))


def _is_for_pytest(text: str) -> bool:
    """Tell whether a file of tests needs pytest: it imports it, or has tests that are plain functions."""
    return re.search(r"^(import pytest\b|from pytest\b|(async )?def test)", text, re.MULTILINE) is not None


def _discovery(project: Project) -> str:
    """Return unittest's command; a folder of tests that is no package is only searched when it is named."""
    for folder in ("tests", "test"):
        if any(name.startswith(f"{folder}/test_") for name in project.names) and (
            f"{folder}/__init__.py" not in project.names
        ):
            return f"python3 -m unittest discover -s {folder}"
    return "python3 -m unittest discover"


def _asks_for(tool: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){tool}(?![\w-])", text) is not None


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _node(project: Project) -> Findings:
    try:
        package = _mapping(json.loads(project.text("package.json")))
    except ValueError:
        package = {}
    manager, lock, install = _node_manager(project, package)
    scripts = {name: run for name, run in _mapping(package.get("scripts")).items() if isinstance(run, str)}
    gates = []
    for script, gate in (("lint", "lint"), ("typecheck", "types"), ("test", "test")):
        if script in scripts and _NO_TEST not in scripts[script]:
            command = f"{manager} test" if script == "test" else f"{manager} run {script}"
            gates.append(Gate(GateName(gate), command))
    needs_packages = package.get("dependencies") or package.get("devDependencies")
    return Findings(("node",), tuple(gates), (install,) if needs_packages else (), (lock,) if needs_packages else ())


def _node_manager(project: Project, package: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return (program, the file that pins its packages, the command that installs them)."""
    named = str(package.get("packageManager", "")).partition("@")[0]
    if "pnpm-lock.yaml" in project.names or named == "pnpm":
        return "pnpm", "pnpm-lock.yaml", "pnpm install --frozen-lockfile"
    if "yarn.lock" in project.names or named == "yarn":
        return "yarn", "yarn.lock", "yarn install --frozen-lockfile"
    if "package-lock.json" in project.names:
        return "npm", "package-lock.json", "npm ci"
    return "npm", "package.json", "npm install"


def _go(_: Project) -> Findings:
    return Findings(("go",), (Gate(GateName("vet"), "go vet ./..."), Gate(GateName("test"), "go test ./...")))


def _rust(_: Project) -> Findings:
    lint = Gate(GateName("lint"), "cargo clippy --all-targets -- -D warnings")
    return Findings(("rust",), (lint, Gate(GateName("test"), "cargo test")))


_DETECTORS: Mapping[str, Callable[[Project], Findings]] = {"python": _python, "node": _node, "go": _go, "rust": _rust}

PROGRAMS: Mapping[str, str] = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "aider": "aider",
    "qwen": "qwen",
    "copilot": "copilot",
}
"""Agent programs by the name of their command, in the order in which they are preferred."""

_MODELS: Mapping[str, tuple[str, str, str]] = {"claude-code": ("opus", "sonnet", "haiku")}
TIERS = ("frontier", "standard", "fast")


def agent_programs(find_program: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the runtimes whose program is on PATH, the preferred one first."""
    return tuple(runtime for program, runtime in PROGRAMS.items() if find_program(program))


def tiers_for(runtimes: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the model tiers for the agent programs found: the preferred one does all three; none: no tiers."""
    chosen = next(iter(runtimes), None)
    if chosen is None:
        return {}
    models = _MODELS.get(chosen)
    return {
        tier: {"runtime": chosen, **({"model": models[index]} if models else {})} for index, tier in enumerate(TIERS)
    }
