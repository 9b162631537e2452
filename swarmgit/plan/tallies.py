"""Who wrote how much to whom in the last hour, for the limits."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct, field

from swarmgit.model.mail import DEAD, sent_at_ms
from swarmgit.plan.letters import box
from swarmgit.plan.situation import Situation
from swarmgit.plan.times import is_ahead

HOUR = timedelta(hours=1)
SENDER_PER_HOUR = 1000
"""Messages an hour from one agent to all others together; one to a group counts for each member."""


class Tally(Struct):
    """Counts by recipient and sender; what is sent in this tick is added as it is recorded."""

    situation: Situation
    by_recipient: dict[str, dict[str, int]] = field(default_factory=dict)
    _added: int = 0
    _recent: int | None = None
    _totals: dict[str, int] | None = None

    def to(self, recipient: str) -> dict[str, int]:
        """Return how many messages each sender has in a mailbox since an hour ago."""
        if recipient not in self.by_recipient:
            counts = self.by_recipient[recipient] = {}
            recorded = box(self.situation, recipient)
            since_ms = self._since_ms()
            for id_ in recorded:
                mail = recorded.get(id_) if sent_at_ms(id_) > since_ms else None
                if mail is not None and not is_ahead(mail.created, self.situation.now):
                    counts[mail.sender] = counts.get(mail.sender, 0) + 1
        return self.by_recipient[recipient]

    def add(self, sender: str, recipient: str) -> None:
        counts = self.to(recipient)
        counts[sender] = counts.get(sender, 0) + 1
        if recipient != DEAD:
            self._added += 1
            if self._totals is not None:
                self._totals[sender] = self._totals.get(sender, 0) + 1

    def is_spent(self, sender: str) -> bool:
        """Return whether a sender has sent all that it may in an hour."""
        if self._totals is None:
            self._recent = self._count_names() if self._recent is None else self._recent
            if self._recent + self._added < SENDER_PER_HOUR:
                return False  # the names of messages alone say that nobody can have
            self._totals = {}
            for name in {*self.situation.observed.mail, *self.by_recipient} - {DEAD}:
                for each, count in self.to(name).items():
                    self._totals[each] = self._totals.get(each, 0) + count
        return self._totals.get(sender, 0) >= SENDER_PER_HOUR

    def _count_names(self) -> int:
        since_ms, boxes = self._since_ms(), self.situation.observed.mail
        return sum(sent_at_ms(id_) > since_ms for name in boxes if name != DEAD for id_ in boxes[name])

    def _since_ms(self) -> float:
        return (self.situation.now - HOUR).timestamp() * 1000
