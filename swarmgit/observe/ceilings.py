"""The most that a session can have used in its time: what it says beyond that is believed of nobody."""

from __future__ import annotations

from collections.abc import Mapping

from swarmgit.model.desired import Price
from swarmgit.model.events import Stream
from swarmgit.model.jobs import Job
from swarmgit.model.sessions import ProgramSpec
from swarmgit.model.usage import Usage
from swarmgit.ports.runtimes import Runtimes

WINDOW, WINDOW_MAX = 200_000, 2_000_000
"""Tokens of a model that nobody knows; and of the largest window that a program may say it has."""

TURN_S, TURNS_MIN = 4.0, 4
OUTPUT_PER_S, OUTPUT_MIN = 500, 32_000
"""Every so often a whole window is sent; so many turns and tokens a session may say at once, however young it is."""

USD_IN, USD_OUT = 10.0, 50.0
"""US dollars for a million tokens of a model whose price nobody knows: those of the dearest one."""

USD_MARGIN = 1.5
"""What is put into a cache, and what is beyond a step of a price list, costs more than its plain price."""

MILLION = 1_000_000


class Ceilings:
    """Says how much a session can have used, by the models and windows that are configured, or its program's own."""

    def __init__(self, runtimes: Runtimes) -> None:
        self._runtimes = runtimes
        self.prices: Mapping[str, Price] = {}
        self.windows: Mapping[str, int] = {}

    def of(self, job: Job, spec: ProgramSpec, stream: Stream, adapter: str) -> Usage | None:
        """Return the most that a session can have used until it printed last; None where it says nothing of it."""
        if not stream.usage.tokens and stream.usage.usd is None:
            return None
        is_its_own = stream.speaks_for == "account"
        models = models_of(stream, spec) if is_its_own else (spec.model,) if spec.model else ()
        window = self._runtimes.outlook(adapter, models, self.windows).window or WINDOW
        if is_its_own:
            window = max(window, min(stream.context_window or 0, WINDOW_MAX))
        seconds = _seconds(job)
        sent = int((TURNS_MIN + seconds / TURN_S) * window)
        written = int(OUTPUT_MIN + OUTPUT_PER_S * seconds)
        return Usage(sent, written, usd=round(USD_MARGIN * self._usd(models, sent, written), 6))

    def _usd(self, models: tuple[str, ...], sent: int, written: int) -> float:
        known = (
            self._runtimes.price(models, Usage(input_tokens=MILLION), self.prices),
            self._runtimes.price(models, Usage(output_tokens=MILLION), self.prices),
        )
        usd_in, usd_out = (USD_IN if known[0] is None else known[0]), (USD_OUT if known[1] is None else known[1])
        return (sent * usd_in + written * usd_out) / MILLION


def models_of(stream: Stream, spec: ProgramSpec) -> tuple[str, ...]:
    """Return the names that a session's model goes by, the most exact first: what anybody can print comes last."""
    named = (stream.model, spec.model) if stream.speaks_for == "account" else (spec.model, stream.model)
    return tuple(name for name in named if name)


def _seconds(job: Job) -> float:
    """Return for how long it can have worked: its clock is a file's time, so its time limit bounds that."""
    spec = job.spec
    until = job.ended or job.last_output or spec.started
    return min(max(0.0, (until - spec.started).total_seconds()), spec.minutes_max * 60)
