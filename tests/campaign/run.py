"""`python -m tests.campaign.run`: kill a swarm thousands of times and judge each end by the world.

A run is one repository: waves of tasks, and reconcilers that are killed one after the other until all is settled. Its
result is one file, so that a campaign that was cut off goes on where it stopped. `--report` sums what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.campaign import judge, lives
from tests.campaign.stage import Stage

WAVES = 3
RUN_S_MAX = 480.0
LIVES_PER_WAVE = 120
SETTLE_TRIES = 6
LOCK_AGE_S = 5.2


@dataclass(frozen=True)
class Run:
    """One run's result. `kills`: those that hit, by way."""

    seed: int
    kills: dict[str, int]
    seconds: float
    violations: list[str]
    box: str


def run(seed: int, root: Path, *, waves: int = WAVES) -> Run:
    """Play one repository to its end and judge it."""
    dice = random.Random(seed)
    began = time.monotonic()
    box = "preferred" if seed % 4 == 3 else "off"
    stage = Stage(root, box=box, branch="topic" if seed % 3 == 2 else "").begin()
    kills = lives.Kills()
    violations: list[str] = []
    try:
        for _ in range(waves):
            stage.ask()
            before = judge.person(stage)
            for _ in range(LIVES_PER_WAVE):
                code = lives.live(stage, lives.choose(dice), kills, dice)
                if code in lives.SETTLED:
                    break
            violations += _settle(stage)
            excused = [task for task, count in kills.by_task.items() if count > lives.KILLS_PER_TASK]
            violations += judge.judge(stage, before, excused)
            violations += _again(stage)
            if violations:
                break
    finally:
        lives.end_all(stage)
    seconds = time.monotonic() - began
    if seconds > RUN_S_MAX:
        violations.append(f"the run took {seconds:.0f} s, more than {RUN_S_MAX:.0f}")
    return Run(seed, dict(kills.by_way), round(seconds, 1), violations, box)


def _settle(stage: Stage) -> list[str]:
    """Let reconcilers that nobody kills come to the end. A lock counts as left by a killed git after a while only."""
    time.sleep(LOCK_AGE_S)
    for _ in range(SETTLE_TRIES):
        if _reconcile(stage) in lives.SETTLED:
            return []
    log = (stage.root / "lives.log").read_text(errors="replace").splitlines()
    return [f"it did not settle in {SETTLE_TRIES} runs; the last words: {' | '.join(log[-3:])}"]


def _again(stage: Stage) -> list[str]:
    """A further pass is quiet: nothing is left to do."""
    before = judge.quiet(stage)
    code = _reconcile(stage)
    after = judge.quiet(stage)
    found = [] if code in lives.SETTLED else [f"a further pass ended with {code}"]
    changed = sorted(set(before[0].splitlines()) ^ set(after[0].splitlines())) if before != after else []
    return found + ([f"a further pass changed things: {changed[:6] or 'the checkout'}"] if before != after else [])


def _reconcile(stage: Stage) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(lives.fork(stage), 0)[1])


def shard(out: Path, asked: argparse.Namespace) -> None:
    """Play the seeds of one shard until it has its part of the kills, or its time is over."""
    out.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + asked.minutes * 60
    shard_number, shards = map(int, asked.shard.split("/"))
    seed = asked.seed + shard_number
    kills = 0
    while kills < asked.kills / shards and time.monotonic() < deadline:
        path = out / f"run-{seed:06d}.json"
        if path.exists():
            done = json.loads(path.read_text())
        else:
            root = Path(tempfile.mkdtemp(prefix=f"swarmgit-campaign-{seed}-"))
            result = run(seed, root, waves=asked.waves)
            done = asdict(result)
            if result.violations:
                done["kept"] = str(root)
            else:
                shutil.rmtree(root, ignore_errors=True)
            scratch = path.with_suffix(".tmp")
            scratch.write_text(json.dumps(done, indent=1) + "\n")
            scratch.replace(path)
        kills += sum(done["kills"].values())
        print(f"seed {seed}: {sum(done['kills'].values())} kills, {done['seconds']} s, "
              f"{len(done['violations'])} violations; shard {shard_number}: {kills}", flush=True)  # fmt: skip
        seed += shards


def report(out: Path) -> int:
    """Print the sum of all runs; return 1 where a promise was broken."""
    runs = [json.loads(path.read_text()) for path in sorted(out.glob("run-*.json"))]
    ways: Counter[str] = Counter()
    for done in runs:
        ways.update(done["kills"])
    violations = [(done["seed"], text, done.get("kept", "")) for done in runs for text in done["violations"]]
    print(f"{sum(ways.values())} kills in {len(runs)} runs, {len(violations)} violations, "
          f"longest run {max((done['seconds'] for done in runs), default=0)} s")  # fmt: skip
    for way, count in sorted(ways.items()):
        print(f"  {way:12} {count}")
    for seed, text, kept in violations:
        print(f"  seed {seed}: {text} {kept}")
    return int(bool(violations))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.run", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("campaign"), help="where the results are kept")
    parser.add_argument("--kills", type=int, default=10_000, help="of all shards together")
    parser.add_argument("--shard", default="0/1", metavar="K/N", help="play the K-th of N shards, from 0")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--waves", type=int, default=WAVES, help="of tasks in each run")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no further run after so long")
    parser.add_argument("--report", action="store_true", help="only print the sum of what is there")
    asked = parser.parse_args(arguments)
    if not asked.report:
        shard(asked.out, asked)
    return report(asked.out)


if __name__ == "__main__":
    sys.exit(main())
