"""What tokens cost: the prices of `swarm.yaml` first, then the table in genai-prices, which needs no net."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from swarmgit.model.desired import Price
from swarmgit.model.usage import Usage

MILLION = 1_000_000
KNOWN_MAX = 512


def price(models: tuple[str, ...], usage: Usage, prices: Mapping[str, Price]) -> float | None:
    """Return what `usage` costs in US dollars; None where nobody knows, which is not the same as nothing.

    `models`: names of the model, the most exact first. A name such as `openai/gpt-5.5` is looked up without its
    provider too.
    """
    names = tuple(dict.fromkeys(name for model in models for name in (model, model.rpartition("/")[2]) if name))
    for name in names:
        if name in prices:
            return _by_price(prices[name], usage)
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    return next((found for name in names if (found := _by_table(name, counts)) is not None), None)


def window(models: tuple[str, ...]) -> int | None:
    """Return how many tokens the first of these models that the table knows can take in; None where it knows none."""
    return next((found for name in models if (found := _window(name)) is not None), None)


@lru_cache(maxsize=KNOWN_MAX)
def _window(model: str) -> int | None:
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    for name in (model, model.rpartition("/")[2]):
        try:
            return calc_price(Counted(input_tokens=1), model_ref=name).model.context_window
        except (LookupError, ValueError):
            continue
    return None


def _by_price(known: Price, usage: Usage) -> float:
    read = known.input if known.cache_read is None else known.cache_read
    write = known.input if known.cache_write is None else known.cache_write
    total = usage.input_tokens * known.input + usage.output_tokens * known.output
    return (total + usage.cache_read_tokens * read + usage.cache_write_tokens * write) / MILLION


@lru_cache(maxsize=KNOWN_MAX)
def _by_table(model: str, counts: tuple[int, int, int, int]) -> float | None:
    # imported here: it takes a third of a second, and only what has used tokens needs it
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    fresh, written, cache_read, cache_write = counts
    used = Counted(
        input_tokens=fresh + cache_read + cache_write,
        output_tokens=written,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
    )
    try:
        return float(calc_price(used, model_ref=model).total_price)
    except (LookupError, ValueError):
        return None
