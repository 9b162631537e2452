"""What it costs to keep what set-up made, and to see at a lease that nobody has changed it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.machine import timed
from swarmgit.adapters.git import pristine


def measure(*, quick: bool) -> list[Figure]:
    """Return milliseconds for a slot whose set-up has made 20,000 files of 3 kB."""
    files, rounds = (500, 2) if quick else (20_000, 5)
    with tempfile.TemporaryDirectory() as made:
        slot = Path(made)
        for number in range(files):
            folder = slot / "tree" / "node_modules" / str(number // 100)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / str(number)).write_bytes(b"x" * 3000)
        facts = {"included": [], "shared": [], "setup_wanted": "s", "commit": "c"}
        (slot / "slot.json").write_text(json.dumps(facts))
        (slot / "listing").write_bytes(b"done\0node_modules/\0")
        kept = timed(lambda: pristine.keep(slot, slot / "listing"))
        looks = tuple(timed(lambda: pristine.put_back(slot, set)) for _ in range(rounds))
        for number in range(0, files, files // 100):
            (slot / "tree" / "node_modules" / str(number // 100) / str(number)).write_bytes(b"changed")
        back = timed(lambda: pristine.put_back(slot, set))
    size = f"{files:,} files made by set-up"
    return [
        Figure(f"a copy of {size}, once", "ms", (kept,)),
        Figure(f"a lease's look at {size}", "ms", looks),
        Figure(f"a look at {size}, 100 of them put back", "ms", (back,)),
    ]
