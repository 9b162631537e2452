"""Runs that lied: red for a key that was green when it ran again. They are forgotten after two weeks. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.histories import GateHistory
from swarmgit.model.work import Evidence

EXPIRY = timedelta(days=14)
KEPT_MAX = 20


class Flakiness(Struct, frozen=True):
    """Of the last two weeks. `rate` None: nothing ran. `last` and `reason` are those of the newest flake."""

    runs: int
    flakes: int
    last: datetime | None = None
    reason: str = ""

    @property
    def rate(self) -> float | None:
        return round(min(1.0, self.flakes / self.runs), 4) if self.runs else None


def flakiness(history: GateHistory, now: datetime) -> Flakiness:
    """Return how often a gate's red answers were lies; what is older than two weeks does not count."""
    runs = sum(count for day, count in history.days.items() if day >= _day(now - EXPIRY))
    seen = [(_at(flake["at"]), str(flake.get("reason", ""))) for flake in history.flakes]
    fresh = [(at, reason) for at, reason in seen if at >= now - EXPIRY]
    if not fresh:
        return Flakiness(runs, 0)
    last, reason = max(fresh)
    return Flakiness(runs, len(fresh), last, reason)


def noted(history: GateHistory, evidence: Evidence, trusted_since: datetime | None) -> GateHistory:
    """Return the history with one more run in its days, and with a flake where the run shows that one before it lied.

    It was no lie where a person has started `reconcile` in between: they may have repaired something.
    """
    today = _day(evidence.at)
    days = {day: count for day, count in history.days.items() if day >= _day(evidence.at - EXPIRY)}
    days[today] = days.get(today, 0) + 1
    history = replace(history, days=days)
    if evidence.outcome != "pass":
        return history
    before = next((run for run in reversed(history.recent) if run.get("key") == evidence.key), None)
    if before is None or before["outcome"] == "pass" or _is_repaired(_at(before["at"]), evidence.at, trusted_since):
        return history
    reason = before.get("reason") or f"it answered {before['outcome']}"
    flake = {"at": before["at"], "key": evidence.key, "reason": reason}
    return replace(history, flakes=(*history.flakes, flake)[-KEPT_MAX:])


def _is_repaired(red: datetime, green: datetime, trusted_since: datetime | None) -> bool:
    return trusted_since is not None and red < trusted_since <= green


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
