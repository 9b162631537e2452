"""Agents that fill what others have to empty: the flood is their own fault, and nobody waits for it."""

from __future__ import annotations

import json

import pytest

from tests.attacks.stage import Stage

FLOODS = {
    "letters": "open(OUT + f'/n{n}.json', 'w').write('{}')",
    "junk": "open(OUT + f'/n{n}', 'w').close()",
    "folders": "os.mkdir(OUT + f'/n{n}')",
    "receipts": "open(OUT + f'/read/n{n}', 'w').close()",
    "pipes": "os.mkfifo(OUT + f'/n{n}.json')",
}


def flood(stage: Stage, how: str, then: str = "") -> None:
    stage.attacker(f"""
        import os, time
        os.makedirs(OUT + '/read', exist_ok=True)
        open('evil.txt', 'w').write('done')
        for n in range(20000):
            {FLOODS[how]}
        {then}
    """)


def incidents(stage: Stage) -> list[str]:
    listed = json.loads(stage.swarmgit("incident", "list", "--json").stdout)["incidents"]
    return [each["title"] for each in listed if "flooded" in each["title"]]


@pytest.mark.default_cases("*letters")
@pytest.mark.parametrize("how", FLOODS)
def test_a_flood_holds_nobody_up_and_is_told_once(judged: Stage, how: str) -> None:
    judged.open()
    judged.task("good")
    (judged.agents / "good.py").write_text("open('good.txt', 'w').write('x')")
    flood(judged, how)
    judged.run(timeout_s=120)
    assert "good" in judged.landed()
    assert judged.phases()["evil"] in {"landed", "failed"}, "it has ended, or was stopped while it was at it"
    seen = incidents(judged)
    assert len(seen) == 1 or (how in {"letters", "pipes", "receipts"} and not seen), (
        "what is taken in as fast as it comes is no flood"
    )
    judged.reconcile()
    assert incidents(judged) == seen


def test_a_flood_of_one_at_work_stops_it(judged: Stage) -> None:
    judged.swarm["attempts_max"] = 1
    judged.open()
    flood(judged, "junk", "time.sleep(600)")
    judged.run(timeout_s=120)
    assert (judged.phases(), len(incidents(judged))) == ({"evil": "failed"}, 1)
    assert "outbox" in judged.status("evil").attempts[-1].reason
    assert judged.status("evil").attempts[-1].salvage
