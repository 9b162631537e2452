"""Agent programs: which are here, what they need, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from shutil import which
from typing import TYPE_CHECKING

from swarmgit import runtimes
from swarmgit.adapters import prices
from swarmgit.errors import SwarmError
from swarmgit.model.runtimes import Outlook
from swarmgit.wiring.here import PASSED_ON

if TYPE_CHECKING:
    from swarmgit.app.init import Opened
    from swarmgit.app.runtimes import Installed


def installed_runtimes(environ: Mapping[str, str]) -> tuple[Installed, ...]:
    """Return every agent program that an adapter knows, and what is here of it."""
    from swarmgit.adapters.programs import version_of
    from swarmgit.app.runtimes import installed

    search = environ.get("PATH")
    ask = {name: environ[name] for name in PASSED_ON if name in environ}
    return installed(
        runtimes.adapters, lambda name: which(name, path=search), lambda path: version_of(path, ask), environ
    )


def programs_of(adapter: str) -> tuple[str, ...]:
    """Return the programs that an adapter needs; none for one that nobody knows."""
    try:
        return tuple(runtimes.adapter(adapter).needs.programs)
    except SwarmError:
        return ()


def needs_of(runtime: str) -> Opened:
    """Return what the sessions of an agent program cannot do without."""
    from swarmgit.app.init import Opened

    needs = runtimes.adapter(runtime).needs
    return Opened(needs.hosts, needs.credentials)


class AgentPrograms:
    """ports.Runtimes."""

    names = staticmethod(runtimes.names)
    obeyed = staticmethod(runtimes.obeyed)
    command_for = staticmethod(runtimes.command_for)
    hosts_needed = staticmethod(runtimes.hosts_needed)
    stream_reader = staticmethod(runtimes.stream_reader)
    price = staticmethod(prices.price)

    def outlook(self, adapter: str, models: tuple[str, ...], windows: Mapping[str, int]) -> Outlook:
        """Return what is known: where no window is set, the smaller of the adapter's own and its model's.

        A program may use less of a window than its model has, and a model have less than a program would use.
        """
        try:
            can = runtimes.adapter(adapter).capabilities
        except SwarmError:
            return Outlook()
        known = next((windows[name] for name in models if name in windows), None)
        if known is None:
            found = [window for window in (can.context_window, prices.window(models)) if window]
            known = min(found, default=None)
        return Outlook(known, can.takes_messages)
