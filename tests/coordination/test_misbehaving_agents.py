"""Agents that misbehave in every way we know, and some that only look so, in one run with real processes."""

from __future__ import annotations

import json
import sys

import pytest

from tests.conftest import Repo

PYTHON = f'"{sys.executable}" -c'
STUCK = {
    "stalls": "echo begun; sleep 100",
    "mentions": "echo 'I will now implement the rate limiter (HTTP 429)'; sleep 100",
    "loops": "echo begun; sleep 1.5; n=0; while [ $n -lt 40000 ]; do echo same; n=$((n+1)); [ $((n % 50)) = 0 ] && sleep 0.1; done",
    "counts": "echo begun; sleep 1.5; n=0; while [ $n -lt 4000 ]; do n=$((n+1)); echo retry $n: connection refused; sleep 0.01; done",
    "moans": "echo begun; sleep 1.5; n=0; while [ $n -lt 4000 ]; do n=$((n+1)); echo same >&2; sleep 0.01; done",
    "asks_aside": "echo begun; printf 'Overwrite? [y/N] ' >&2; sleep 100",
    "asks": "printf 'Overwrite? [y/N] '; sleep 100",
    "leaks": f"echo begun; {PYTHON} 'import time; held = bytearray(300 << 20)\nfor n in range(100): print(time.ctime(), flush=True); time.sleep(1)'",
    "deaf": "trap '' TERM; echo begun; sleep 100 & wait; sleep 100",
}
SHARES = """import os, time
held = bytearray(b"1") * (110 << 20)
children = [os.fork() for _ in range(2)]
for step in range(5):
    print("step", step, flush=True)
    time.sleep(1)
"""
FINE = {
    "forks": f"{PYTHON} '{SHARES}'; echo f > forks.txt",
    "thinker": "echo thinking; sleep 2.2; echo thinker > thinker.txt",
    "computes": f'{PYTHON} "import time; end = time.monotonic() + 6\nwhile time.monotonic() < end: sum(range(10000))"; echo c > computes.txt',
    "table": f"echo begun; sleep 1.5; for i in $(seq 600); do echo 0,; done; {PYTHON} 'import time; end = time.monotonic() + 5\nwhile time.monotonic() < end: sum(range(10000))'; echo t > table.txt",
    "tests": "echo begun; sleep 1; for i in $(seq 10); do for j in $(seq 100); do echo PASS; done; sleep 0.2; done; sleep 1; echo t > tests.txt",
    "limited": """echo '{"type": "rate_limit", "wait_s": 300}'; sleep 9; echo l > limited.txt""",
    "talks": "n=0; while [ $n -lt 12 ]; do echo still waiting; sleep 0.5; n=$((n+1)); done; echo t > talks.txt",
}
ODD = {"nothing": "exit 0", "crashes": "no-such-program", "nonsense": "printf '\\377\\001\\033[2J{{{\\n'; exit 7"}


@pytest.mark.slow
def test_each_is_known_for_what_it_is_and_answered_and_the_healthy_ones_are_left_alone(repo: Repo) -> None:
    repo.start()
    repo.swarm |= {
        "agents_max": 16,
        "attempts_max": 1,
        "watchdog": {
            "silence_minutes": 0.06,
            "prompt_minutes": 0.03,
            "patience_minutes": 0.02,
            "repeat_lines": 100,
            "repeat_minutes": 0.06,
            "memory_mb": 200,
        },
    }
    repo.configure()
    for name, script in {**STUCK, **FINE, **ODD}.items():
        # a wait for a provider is added to the minutes
        repo.task(name, script, **({"budget": {"minutes": 0.1}} if name == "limited" else {}))
    repo.commit()

    assert repo.reconcile(timeout_s=90).code == 4

    phases = repo.phases()
    assert {name for name, phase in phases.items() if phase == "landed"} == FINE.keys()
    assert {name for name, phase in phases.items() if phase == "failed"} == {*STUCK, *ODD}
    reasons = {name: repo.status(name).attempts[-1].reason for name in (*STUCK, *ODD)}
    assert "said nothing for" in reasons["stalls"]
    assert "said nothing for" in reasons["mentions"]
    for name in ("loops", "counts", "moans"):
        assert "printed the same for" in reasons[name], name
    for name in ("asks", "asks_aside"):
        assert "it waits for an answer to 'Overwrite? [y/N]'" in reasons[name]
    assert "MB of memory, more than 200" in reasons["leaks"]
    assert "said nothing for" in reasons["deaf"]
    assert repo.status("nothing").attempts[-1].outcome == "rejected"
    assert {repo.status(name).attempts[-1].outcome for name in ("crashes", "nonsense")} == {"failed"}

    incidents = json.loads(repo.swarmgit("incident", "list", "--json").stdout)["incidents"]
    by_verdict = {i["signature"].split("/")[1]: i for i in incidents if i["signature"].startswith("watchdog/")}
    # silence for twice as long counts as a zombie: on a busy machine one look comes that late
    silent = [by_verdict.pop(name, {"tasks": []}) for name in ("stalled", "zombie")]
    assert by_verdict.keys() == {"confused", "prompt_blocked", "over-limit"}
    assert sorted(task for each in silent for task in each["tasks"]) == ["deaf", "mentions", "stalls"]
    assert (by_verdict["over-limit"]["tasks"], by_verdict["over-limit"]["title"]) == (
        ["leaks"],
        "a session used more memory than it may, and was stopped",
    )
    text = repo.swarmgit("incident", "show", by_verdict["prompt_blocked"]["id"]).stdout
    for part in (
        "# a session was prompt-blocked",
        "Agents: ",
        "## Detection\n\ntriage\n",
        "It waited for a person at a prompt",
        "swarmgit logs",
    ):
        assert part in text
    mailed = json.loads(repo.swarmgit("mail", "list", "--json").stdout)["mails"]
    assert sorted(mail["task"] for mail in mailed if mail["type"] == "escalation") == sorted([*STUCK, *ODD])
