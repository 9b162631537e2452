"""Two agents define something in the same place; both land, and the ledger says how."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Repo

START = "def first():\n    return 1\n"
DEFINE = "grep -q {name} app.py || printf '\\n\\ndef {name}():\\n    return \"{name}\"\\n' >> app.py"


@pytest.mark.slow
def test_definitions_in_one_place_land_as_tier_auto(repo: Repo) -> None:
    repo.start({"app.py": START})
    for name in ("left", "right"):
        repo.task(name, f"{DEFINE.format(name=name)}; echo {name} > {name}.txt; sleep 0.3", shares=["app.py"])
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert sorted(repo.landed()) == ["left", "right"]
    assert {"first", "left", "right"} == set(re.findall(r"def (\w+)", repo.show("app.py")))
    assert all(len(repo.status(name).attempts) == 1 for name in ("left", "right"))
    entries = sorted(repo.entries(), key=lambda entry: entry.tier)
    assert [entry.tier for entry in entries] == ["auto", "clean"]
    landing = next(event for event in entries[0].events if event.kind == "landing")
    assert landing.tier == "auto"
    assert landing.resolution[0]["path"] == "app.py"
    assert next(event for event in entries[1].events if event.kind == "landing").resolution is None


def test_only_the_configured_tiers_are_tried(repo: Repo) -> None:
    repo.swarm["merge"] = {"tiers": ["clean", "reimagine"]}
    repo.start({"app.py": START})
    for name in ("left", "right"):
        repo.task(name, f"{DEFINE.format(name=name)}; echo {name} > {name}.txt; sleep 0.3", shares=["app.py"])
    repo.commit()

    repo.reconcile()

    assert sorted(repo.landed()) == ["left", "right"]
    assert {entry.tier for entry in repo.entries()} == {"clean", "reimagine"}
    assert sorted(a.outcome for n in ("left", "right") for a in repo.status(n).attempts) == [
        "conflict", "landed", "landed",
    ]  # fmt: skip
