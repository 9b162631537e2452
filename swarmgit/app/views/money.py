"""The day's budget as `status`, `plan` and `cost` show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmgit.plan.books import Books
from swarmgit.plan.budget import purse
from swarmgit.plan.wallets import wallets

if TYPE_CHECKING:
    from swarmgit.app.look import Look

ALERTS = {"low": " (nearly used up)", "empty": " (used up: nothing new starts)", "": ""}


def budget_row(look: Look) -> dict[str, Any] | None:
    """Return what today has cost (UTC), of what; None where nothing limits a day and nothing was spent.

    `alert`: '', 'low' from `alert_at` on, 'empty' when no new work starts. `unpriced`: sessions at no known price.
    """
    swarm = look.desired.swarm
    if swarm is None:
        return None
    day = purse(swarm, books_of(look), look.now)
    if day.limit_usd is None and not day.spent_usd and not day.unpriced:
        return None
    return {
        "spent_usd": round(day.spent_usd, 6),
        "limit_usd": day.limit_usd,
        "alert": "empty" if day.is_empty else "low" if day.is_low else "",
        "unpriced": day.unpriced,
    }


def books_of(look: Look) -> Books:
    """Return where it stands what sessions have used, as the plan sees it."""
    known = {**look.observed.statuses, **look.plan.views}
    return Books(known.values(), look.observed.programs, look.observed.entries.values())


def convoy_budget_rows(look: Look) -> list[dict[str, Any]]:
    """Return what each convoy that has a budget has used of it.

    `alert`: '', 'low' from `alert_at` on, 'empty' when no session of a member starts any more.
    """
    found = wallets(look.desired, books_of(look))
    return [
        {
            "convoy": name,
            "spent_usd": round(wallet.spent_usd, 6),
            "limit_usd": wallet.limit_usd,
            "tokens": wallet.tokens,
            "limit_tokens": wallet.limit_tokens,
            "alert": "empty" if wallet.is_empty else "low" if wallet.is_low else "",
            "unpriced": wallet.unpriced,
            "text": wallet.sentence() + ALERTS["empty" if wallet.is_empty else "low" if wallet.is_low else ""],
        }
        for name, wallet in sorted(found.items())
    ]


def budget_text(row: dict[str, Any] | None) -> str:
    """Return the row as one sentence for people; '' when there is nothing to say."""
    if row is None:
        return ""
    of = f" of {row['limit_usd']:.2f}" if row["limit_usd"] is not None else ""
    unknown = f", and {row['unpriced']} sessions whose price is not known" if row["unpriced"] else ""
    return f"today: {row['spent_usd']:.2f}{of} USD{ALERTS[row['alert']]}{unknown}"
