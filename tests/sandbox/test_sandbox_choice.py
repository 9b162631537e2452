"""Which sandbox is taken, what is said about it, and what happens where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from swarmgit.adapters.live_cache import FileCache
from swarmgit.adapters.sandbox.landlock import abi
from swarmgit.adapters.sandbox.probe import CACHE_NAME, best, search
from swarmgit.model.policy import Policy
from tests.conftest import Repo

HAS_BUBBLEWRAP = search(("bubblewrap",)).kind == "bubblewrap"
with_bubblewrap = pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="this machine has no bubblewrap that works")


def record(repo: Repo, task: str) -> dict:
    session = repo.status(task).attempts[-1].session
    return json.loads((repo.root / ".git/swarmgit/sessions" / session / "session.yaml").read_text())


@pytest.mark.parametrize(
    ("kinds", "name", "strength"),
    [(("bubblewrap", "landlock"), "bubblewrap", "full"), (("landlock",), "landlock", "reduced"), ((), "", "none")],
)
def test_the_best_there_is_confines_and_is_named(repo: Repo, kinds: tuple[str, ...], name: str, strength: str) -> None:
    if strength == "full" and not HAS_BUBBLEWRAP:
        pytest.skip("this machine has no bubblewrap that works")
    if strength == "reduced" and not abi():
        pytest.skip("this kernel has no Landlock")
    repo.sandboxes = kinds
    repo.start()
    repo.task("it")
    repo.commit()
    assert repo.reconcile().code == 0
    world = repo.world()
    found = world.sandbox.describe(Policy())
    world.close()
    assert (found.name, found.strength) == (name, strength)
    assert record(repo, "it")["sandbox"] == found.text
    assert repo.landed() == ["it"]


def test_required_starts_nothing_where_there_is_no_sandbox(repo: Repo) -> None:
    repo.sandboxes = ()
    repo.policy["sandbox"] = "required"
    repo.start()
    repo.task("it")
    repo.commit()
    repo.reconcile()
    assert repo.status("it").attempts == ()
    assert "policy.yaml requires a sandbox" in repo.status("it").reason
    assert repo.landed() == []


def test_off_says_so(repo: Repo) -> None:
    repo.policy["sandbox"] = "off"
    repo.start()
    repo.task("it")
    repo.commit()
    repo.reconcile()
    assert record(repo, "it")["sandbox"].startswith("none: switched off by policy.yaml")
    assert json.loads(repo.swarmgit("status", "--json").stdout)["sandbox"].startswith("none: switched off")
    checks = json.loads(repo.swarmgit("doctor", "--json").stdout)["checks"]
    assert [check["level"] for check in checks if check["name"] == "policy"] == ["warn"]


@pytest.mark.slow
@with_bubblewrap
def test_inside_a_container_without_user_namespaces_it_is_reduced_and_says_why(repo: Repo) -> None:
    # given swarmgit itself in a sandbox that forbids user namespaces
    repo.start()
    repo.task("it", "cat /etc/shadow; echo it > it.txt")
    repo.commit()
    outer = [
        "bwrap",
        "--unshare-user",
        "--disable-userns",
        "--dev-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--die-with-parent",
    ]
    swarmgit = [sys.executable, "-m", "swarmgit"]
    # when it reconciles there
    done = subprocess.run([*outer, *swarmgit, "reconcile"], cwd=repo.root, capture_output=True, text=True, check=False)
    status = subprocess.run([*outer, *swarmgit, "status"], cwd=repo.root, capture_output=True, text=True, check=False)
    # then the work lands, and everything names the reduced sandbox and what was missing
    assert done.returncode == 0, done.stderr
    assert repo.landed() == ["it"]
    assert "landlock, reduced: bubblewrap does not work here" in record(repo, "it")["sandbox"]
    assert "landlock, reduced: bubblewrap does not work here" in status.stdout


def test_the_probe_is_made_once_a_boot(tmp_path: Path) -> None:
    cache = FileCache(tmp_path)
    first = best(cache, ("landlock",))
    kept = cache.read(CACHE_NAME)
    assert best(cache, ("landlock",)) == first
    assert cache.read(CACHE_NAME) == kept
    cache.write(CACHE_NAME, b"nonsense")
    assert best(cache, ("landlock",)) == first


def test_a_session_has_an_environment_of_its_own_and_a_home_of_its_own(repo: Repo, monkeypatch) -> None:
    monkeypatch.setenv("PERSONS_SECRET", "x")
    repo.start()
    repo.task(
        "it", "env | sort > $SWARM_OUTBOX/env; cd ~ && pwd > $SWARM_OUTBOX/home; touch ~/mine; cd - && echo it > it.txt"
    )
    repo.commit()
    repo.reconcile()
    folder = repo.root / ".git/swarmgit/sessions" / repo.status("it").attempts[-1].session
    names = {line.partition("=")[0] for line in (folder / "outbox/env").read_text().splitlines()}
    assert {name for name in names if not name.startswith("SWARM_")} <= {
        "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "HOME", "TMPDIR", "GIT_CONFIG_NOSYSTEM", "PWD", "OLDPWD", "_", "SHLVL",
    }  # fmt: skip
    assert (folder / "outbox/home").read_text().strip() == os.path.realpath(folder / "home")


def test_nothing_of_a_command_line_or_an_environment_is_in_the_process_table(repo: Repo) -> None:
    repo.swarm["runtimes"]["script"]["env"] = {"WORD": "kept-to-itself"}
    repo.start()
    repo.task("it", "sleep 0.6; echo it > it.txt")
    repo.commit()
    seen: list[str] = []

    def look(_: object) -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(path.read_text(errors="replace"))
            except OSError:
                continue

    repo.reconcile(on_tick=look)
    assert any("box.sh" in line or "run.sh" in line for line in seen)
    assert not any("kept-to-itself" in line for line in seen)
