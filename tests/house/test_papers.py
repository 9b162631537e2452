"""What is written about swarmgit agrees with swarmgit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from swarmgit.cli import COMMANDS
from swarmgit.documents import schemas
from swarmgit.state import ledger

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAPERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS]
COVERED = ("P1", "P2", "P3", "P4", "P5", "P7", "P8", "P9")
"""The promises that this version keeps; P6 comes with the sandbox."""

LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_has_the_two_commands() -> None:
    assert "pip install . && swarmgit demo" in read("README.md")
    assert "pip install '.[dev]' && pytest" in read("README.md")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert f"swarmgit {command}" in read("docs/commands.md")


def test_no_command_is_documented_that_does_not_exist() -> None:
    for path in PAPERS:
        shown = set(re.findall(r"(?:^|`|\$ )swarmgit ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert shown <= set(COMMANDS), path.name


@pytest.mark.parametrize("kind", schemas.kinds())
def test_every_kind_of_document_is_described(kind: str) -> None:
    assert f"`{kind}`" in read("docs/formats.md")


def test_the_table_of_events_of_the_ledger_has_each_kind_with_exactly_its_keys() -> None:
    table = read("docs/formats.md").partition("### Events of the ledger")[2].partition("\n`evidence`")[0]
    rows = (line.split("|") for line in table.splitlines() if line.startswith("| `"))
    described = {kind.strip(" `"): set(re.findall(r"`(\w+)`", data)) for _, kind, data, *_ in rows}
    assert described == {name: set(ledger.keys_of(kind)) for name, kind in ledger.TYPES.items()}


def test_the_architecture_shows_the_layers_of_the_contract_in_their_order() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    named = [{part.strip().removeprefix("swarmgit.") for part in layer.split("|")} for layer in layers]
    block = read("docs/architecture.md").partition("## Layers\n\n```\n")[2].partition("```")[0].splitlines()
    assert len(block) == len(named)
    assert [names - set(re.findall(r"[a-z]+", line)) for names, line in zip(named, block, strict=True)] == [set()] * 9


def test_links_between_papers_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in PAPERS
        for link in LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]
    assert broken == []


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{PROJECT['project']['version']}]" in read("CHANGELOG.md") or "## [Unreleased]" in read("CHANGELOG.md")


@pytest.mark.parametrize("promise", COVERED)
def test_every_promise_that_this_version_keeps_has_its_tests(promise: str) -> None:
    assert list((ROOT / "tests").rglob(f"test_{promise.lower()}_*.py")), f"no test file is named after {promise}"


def test_schemas_and_template_reach_the_wheel_where_they_are_looked_for() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"schemas": "swarmgit/_data/schemas", ".swarm-template": "swarmgit/_data/template"}
    assert schemas.folder("schemas") == ROOT / "schemas"
    assert schemas.folder("template") == ROOT / ".swarm-template"


def test_every_dependency_is_used() -> None:
    modules = {
        "tree-sitter": "tree_sitter",
        "tree-sitter-bash": "tree_sitter_bash",
        "genai-prices": "genai_prices",
        "gitpython": "git",
        "pyyaml": "yaml",
    }
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "swarmgit").rglob("*.py"))
    for requirement in PROJECT["project"]["dependencies"]:
        name = re.split(r"[<>=!~\[ ]", requirement)[0]
        module = modules.get(name, name)
        if name not in LATER:
            assert re.search(rf"^\s*(import|from) {module}\b", sources, re.MULTILINE), name


LATER: dict[str, str] = {}


@pytest.mark.slow
def test_the_import_contracts_are_kept() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    found = str(program) if program.exists() else shutil.which("lint-imports")
    assert found, "pip install '.[dev]' brings lint-imports"
    done = subprocess.run([found], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
