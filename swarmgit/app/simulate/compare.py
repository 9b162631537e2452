"""The chooser beside its peers, and the table of MERGE-QUEUE.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from swarmgit.app.simulate.model import Figures, Setting, Truth
from swarmgit.app.simulate.peers import batch_and_bisect, one_at_a_time
from swarmgit.app.simulate.queue import Simulation


def this_queue(setting: Setting) -> Figures:
    return Simulation(setting, Truth.of(setting)).run()


def this_queue_trusting(setting: Setting) -> Figures:
    """The same with a gate that is known never to lie, so that nothing runs twice (`flaky_retries: 0`)."""
    return this_queue(replace(setting, retries=0))


ALGORITHMS: Mapping[str, Callable[[Setting], Figures]] = {
    "one at a time": one_at_a_time,
    "batch 32 + bisect": batch_and_bisect,
    "this queue, flaky_retries 0": this_queue_trusting,
    "this queue": this_queue,
}
COLUMNS: tuple[tuple[float, int], ...] = ((0.02, 1), (0.02, 8), (0.1, 1), (0.1, 8), (0.3, 1), (0.3, 8))


def compare(setting: Setting) -> dict[str, Figures]:
    """Return each algorithm's figures; the one with `flaky_retries: 0` only where no run lies."""
    return {
        name: algorithm(setting)
        for name, algorithm in ALGORITHMS.items()
        if not (setting.flaky and algorithm is this_queue_trusting)
    }


def standard_table(setting: Setting) -> dict[str, dict[tuple[float, int], Figures]]:
    """Return the table of MERGE-QUEUE.md: algorithm → (chance of a bad entry, slots) → figures."""
    return {
        name: {(bad, slots): algorithm(replace(setting, bad=bad, slots=slots)) for bad, slots in COLUMNS}
        for name, algorithm in ALGORITHMS.items()
    }
