"""The day's budget as `status`, `plan` and `cost` show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmgit.plan.budget import Books, purse

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def budget_row(look: Look) -> dict[str, Any] | None:
    """Return what today has cost (UTC), of what; None where nothing limits a day and nothing was spent.

    `alert`: '', 'low' from `alert_at` on, 'empty' when no new work starts. `unpriced`: sessions at no known price.
    """
    swarm = look.desired.swarm
    if swarm is None:
        return None
    known = {**look.observed.statuses, **look.plan.views}
    day = purse(swarm, Books(known.values(), look.observed.sessions.values(), look.observed.entries.values()), look.now)
    if day.limit_usd is None and not day.spent_usd and not day.unpriced:
        return None
    return {
        "spent_usd": round(day.spent_usd, 6),
        "limit_usd": day.limit_usd,
        "alert": "empty" if day.is_empty else "low" if day.is_low else "",
        "unpriced": day.unpriced,
    }


def budget_text(row: dict[str, Any] | None) -> str:
    """Return the row as one sentence for people; '' when there is nothing to say."""
    if row is None:
        return ""
    of = f" of {row['limit_usd']:.2f}" if row["limit_usd"] is not None else ""
    unknown = f", and {row['unpriced']} sessions whose price is not known" if row["unpriced"] else ""
    words = {"low": " (nearly used up)", "empty": " (used up: nothing new starts)", "": ""}
    return f"today: {row['spent_usd']:.2f}{of} USD{words[row['alert']]}{unknown}"
