"""Two agents change the same imports; both land, and the ledger says how."""

from __future__ import annotations

from tests.conftest import Repo

START = "import os\nimport re\n\nprint(os.name, re.I)\n"


def test_a_conflict_among_imports_lands_as_tier_auto(repo: Repo) -> None:
    repo.start({"app.py": START})
    for name, module in (("left", "sys"), ("right", "time")):
        script = f'sed -i "s/^import re$/import re\\nimport {module}/" app.py; echo {name} > {name}.txt; sleep 0.3'
        repo.task(name, script, shares=["app.py"])
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert sorted(repo.landed()) == ["left", "right"]
    assert set(repo.show("app.py").split("\n")[:4]) == {f"import {name}" for name in ("os", "re", "sys", "time")}
    assert all(len(repo.status(name).attempts) == 1 for name in ("left", "right"))
    entries = sorted(repo.entries(), key=lambda entry: entry.tier)
    assert [entry.tier for entry in entries] == ["auto", "clean"]
    landing = next(event for event in entries[0].events if event.kind == "landing")
    assert landing.data["tier"] == "auto"
    assert landing.data["resolution"][0]["path"] == "app.py"
    assert "resolution" not in next(event for event in entries[1].events if event.kind == "landing").data


def test_only_the_configured_tiers_are_tried(repo: Repo) -> None:
    repo.swarm["merge"] = {"tiers": ["clean"]}
    repo.start({"app.py": START})
    for name, module in (("left", "sys"), ("right", "time")):
        script = f'grep -q {module} app.py || sed -i "s/^import re$/import re\\nimport {module}/" app.py; sleep 0.3'
        repo.task(name, f"{script}; echo {name} > {name}.txt", shares=["app.py"])
    repo.commit()

    repo.reconcile()

    assert sorted(repo.landed()) == ["left", "right"]
    assert {entry.tier for entry in repo.entries()} == {"clean"}
    assert sorted(a.outcome for n in ("left", "right") for a in repo.status(n).attempts) == [
        "conflict", "landed", "landed",
    ]  # fmt: skip
