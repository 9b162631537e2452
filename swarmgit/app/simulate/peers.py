"""What other queues do, in the same model: one change at a time; a batch of 32 that is cut in halves when it is red."""

from __future__ import annotations

from swarmgit.app.simulate.model import Figures, Setting, Truth
from swarmgit.model.ids import EntryId

BATCH = 32


class _OneSlot:
    """A queue that runs one gate at a time and believes each answer."""

    def __init__(self, setting: Setting) -> None:
        self.truth = Truth.of(setting)
        self._minutes = setting.gate_minutes
        self.tree: list[EntryId] = []
        self._landed: list[float] = []
        self._evicted = self._innocent = self._runs = 0

    def gate(self, group: list[EntryId]) -> bool:
        self._runs += 1
        return self.truth.run([*self.tree, *group])

    def land(self, group: list[EntryId]) -> None:
        self.tree += group
        self._landed += [self._runs * self._minutes] * len(group)

    def evict(self, entry: EntryId) -> None:
        self._evicted += 1
        self._innocent += self.truth.is_green([*self.tree, entry])

    def figures(self) -> Figures:
        minutes = self._runs * self._minutes
        return Figures(len(self._landed), self._evicted, self._innocent, self._runs, minutes, tuple(self._landed))


def one_at_a_time(setting: Setting) -> Figures:
    queue = _OneSlot(setting)
    for entry in queue.truth.entries:
        if queue.gate([entry]):
            queue.land([entry])
        else:
            queue.evict(entry)
    return queue.figures()


def batch_and_bisect(setting: Setting) -> Figures:
    queue = _OneSlot(setting)
    entries = list(queue.truth.entries)
    for start in range(0, len(entries), BATCH):
        todo = [entries[start : start + BATCH]]
        while todo:  # each step lands a group, evicts one, or halves: at most twice the batch
            group = todo.pop()
            if queue.gate(group):
                queue.land(group)
            elif len(group) == 1:
                queue.evict(group[0])
            else:
                middle = len(group) // 2
                todo += [group[middle:], group[:middle]]
    return queue.figures()
