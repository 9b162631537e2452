"""What the tick shares with work beside it: nothing is lost or doubled, whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

from swarmgit.adapters.background import WORKERS_MAX, Threads
from swarmgit.adapters.live_cache import FileCache
from swarmgit.adapters.notes import Notes
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import MergeTry

THREADS = 8


def together(work: Callable[[int], object]) -> None:
    barrier = Barrier(THREADS)

    def one(number: int) -> None:
        barrier.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, range(THREADS)))


def test_merges_that_are_kept_and_read_side_by_side_are_all_there_once(tmp_path: Path) -> None:
    cache = FileCache(tmp_path)
    tried = [MergeTry(CommitId(f"{number:040d}"), CommitId("0" * 40), None, None) for number in range(THREADS * 20)]

    def use(number: int) -> None:
        for each in tried[number::THREADS]:
            cache.keep_merges([each])
            assert (each.base, each.head) in cache.merges()

    together(use)
    assert sorted(each.base for each in cache.merges().values()) == [each.base for each in tried]
    assert len(cache._tries.values) == len(tried)


def test_work_that_is_asked_for_side_by_side_is_begun_within_the_bound() -> None:
    go = Event()
    background = Threads(lambda: None, patience_s=0)
    together(lambda number: [background.run(f"{number} {each}", None, go.wait) for each in range(50)])
    assert len(background._jobs) == WORKERS_MAX
    go.set()
    background.wait(5)


def test_the_same_note_from_many_threads_is_one(tmp_path: Path) -> None:
    for number in range(20):
        notes: Notes[str] = Notes(tmp_path / str(number), str)
        together(lambda _, notes=notes: notes.add("same"))  # type: ignore[misc]
        assert notes.all() == ("same",)
