"""A session over a conflict is watched as well: what hangs is stopped, and the conflict goes to the next tier."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from specs import spec_of

from swarmgit.model.desired import WatchdogConfig, WatchdogLimits
from swarmgit.model.events import Limited, Stream
from swarmgit.model.health import Repetition, Vigil, Vitals
from swarmgit.model.sessions import MergeSpec, Session
from swarmgit.plan.incidents.catalogue import CATALOGUE
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.watchdog import watch_merger
from swarmgit.state import text
from tests.conftest import Repo
from tests.plan.values import START, life, never_ends, task

NOW = START + timedelta(hours=1)
LIMITS = WatchdogLimits(silence_minutes=10, memory_mb=500)


def watched(limits: WatchdogLimits = LIMITS, **fields: Any) -> tuple[str | None, list[str]]:
    """Return why a merger is stopped, and the signatures of the incidents."""
    made = life(task("a"), ends=never_ends, swarm={"watchdog": WatchdogConfig(limits)})
    made.tick()
    (agent,) = made.working()
    spec = spec_of(MergeSpec, agent.spec.id, started=agent.spec.started, agent="merger-01")
    merger = Session.of(spec, "running")
    situation = Situation.of(made.desired, made.swarm, made.observed, NOW, frozenset(), apply_now=False)
    draft = Draft()
    reason = watch_merger(situation, draft, task("a"), replace(merger, **{"last_output": NOW, **fields}))
    return reason, [CATALOGUE[alert.kind].incident(alert, NOW).signature for alert in draft.alerts]


@pytest.mark.parametrize(
    ("fields", "reason", "verdict"),
    [
        ({"last_output": NOW - timedelta(minutes=11)}, "it has said nothing for 11 minutes", "stalled"),
        ({"repetition": Repetition(9000, NOW - timedelta(minutes=5))}, "it has printed the same", "confused"),
        (
            {"last_output": NOW - timedelta(minutes=4), "stream": Stream(text_tail="Sure? [y/N]")},
            "it waits for an answer",
            "prompt_blocked",
        ),
        ({"vitals": Vitals(NOW, 600.0, 1.0)}, "it uses 600 MB of memory, more than 500", "over-limit/memory"),
    ],
)
def test_one_that_is_stuck_or_takes_too_much_is_stopped_with_an_incident(
    fields: dict[str, Any], reason: str, verdict: str
) -> None:
    stopped, incidents = watched(**fields)
    assert stopped is not None
    assert stopped.text.startswith(f"watchdog: {reason}")
    assert [name.startswith(f"watchdog/{verdict}/") and name.endswith("/merge") for name in incidents] == [True]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"last_output": NOW - timedelta(minutes=50), "stream": Stream(limited=Limited(3600))},
        {"last_output": NOW - timedelta(minutes=50), "vitals": Vitals(NOW, 10.0, 10.0, 0.9)},
        {"vigil": Vigil(NOW, 0.0, None, NOW - timedelta(minutes=11), since=NOW)},
        {"limits": replace(LIMITS, is_on=False), "last_output": START},
    ],
)
def test_one_that_is_at_work_goes_on(fields: dict[str, Any]) -> None:
    assert watched(**fields) == (None, [])


@pytest.mark.slow
def test_a_conflict_does_not_wait_for_a_merger_that_hangs(repo: Repo) -> None:
    program = repo.agents / "merger.sh"
    program.write_text("echo begun; sleep 100\n")
    repo.swarm["runtimes"]["merger"] = {"adapter": "command", "run": ["/bin/sh", str(program)]}
    repo.swarm["tiers"]["merging"] = {"runtime": "merger"}
    repo.swarm |= {"routing": {"merge": "merging"}, "watchdog": {"silence_minutes": 0.06}}
    repo.start({"words.txt": "one\ntwo\nthree\n"})
    for name in ("left", "right"):
        clash = f"grep -q {name} words.txt || sed -i 's/^two.*/two {name}/' words.txt; echo {name} > {name}.txt"
        repo.task(name, clash, shares=["words.txt"])
    repo.commit()

    assert repo.reconcile(timeout_s=90).code == 0

    assert set(repo.phases().values()) == {"landed"}, "at last the task is made again"
    ended = [text.facts(event) for entry in repo.entries() for event in entry.events if event.kind == "unresolved"]
    assert [data["outcome"] for data in ended if data["way"] == "ai"] == ["failed", "failed"]
    incidents = json.loads(repo.swarmgit("incident", "list", "--json").stdout)["incidents"]
    stuck = [i for i in incidents if i["signature"].startswith("watchdog/")]
    assert sum(incident["count"] for incident in stuck) == 2
    assert all(incident["signature"].endswith("/merge") for incident in stuck)
