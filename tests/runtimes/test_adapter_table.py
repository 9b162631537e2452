"""The one table of agent programs holds what their modules say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from swarmgit import runtimes
from swarmgit.model.adapters import ADAPTERS, PROVIDER_HOSTS, provider_of


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_row_names_the_adapter_and_the_provider_that_it_reaches(name: str) -> None:
    adapter, provider = runtimes.adapter(name), ADAPTERS[name].provider
    assert adapter.name == name
    assert set(PROVIDER_HOSTS.get(provider, ())) <= set(adapter.needs.hosts)


def test_a_program_that_nobody_knows_has_an_account_of_its_own() -> None:
    assert [provider_of(name) for name in ("codex", "aider", "another")] == ["openai", "aider", "another"]


def test_the_table_is_read_without_loading_any_program() -> None:
    told = "import sys, swarmgit.runtimes; print([m for m in sys.modules if m.startswith('swarmgit.runtimes.')])"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['swarmgit.runtimes.base']"
