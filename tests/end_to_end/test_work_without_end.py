"""One agent's work can take git for ever; then everybody else's goes on, and that work is refused and saved."""

import pytest

from tests.conftest import Repo

STARS = "**/" * 30 + "*?b"
DEEP = "/".join("a" * 90)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_ignore_rules_without_end_stop_nobody_else(repo: Repo) -> None:
    # given a task whose agent writes an ignore file that git cannot evaluate, and another one
    repo.start({"README.md": "hello\n"})
    deep = DEEP.rpartition("/")[0]
    script = f"for n in 1 2 3 4 5 6 7 8 9 10; do echo '{STARS}'; done > trap/.gitignore; mkdir -p trap/{deep}; echo x > trap/{DEEP}"
    repo.task("trap", f"mkdir -p trap; {script}", owns=["trap/**"], budget={"attempts": 1})
    repo.task("good", "echo good > good.txt")
    repo.commit(message="tasks")
    # when the swarm runs
    phases: list[dict[str, str]] = []
    result = repo.reconcile(
        timeout_s=300, on_tick=lambda tick: phases.append({t: v.phase for t, v in tick.look.plan.views.items()})
    )
    # then the other task lands, while this one is still looked at, and this one is refused with the reason
    assert result.code == 4
    assert repo.landed() == ["good"]
    assert repo.status("trap").phase == "failed"
    attempt = repo.status("trap").attempts[-1]
    assert "trap/.gitignore has patterns" in attempt.reason
    assert attempt.salvage is not None
    assert repo.git("cat-file", "-p", f"{attempt.salvage}:trap/{DEEP}") == "x"
    assert any(seen.get("good") in {"verifying", "queued"} and seen.get("trap") == "running" for seen in phases)
