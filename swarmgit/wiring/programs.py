"""Agent programs: which are here, what they need, what is known of them, and whether one truly works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from swarmgit import ports, runtimes
from swarmgit.adapters import prices
from swarmgit.errors import PersonMustAct, SwarmError

if TYPE_CHECKING:
    from swarmgit.app.init import Opened
    from swarmgit.app.runtimes import Checked, Installed

PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ")
"""What sessions and gates get of the person's environment: where programs are, and how people write here.

Their home folder is one of their own.
"""


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


def check_runtime(
    cwd: Path, environ: Mapping[str, str], asked: tuple[str, str | None], folder: Path | None, timeout_s: float
) -> Checked:
    """Let a runtime do a tiny real task in a scratch repository, by the same code as everybody's work."""
    from swarmgit.adapters.git.scratch import ScratchRepository
    from swarmgit.app.check_stage import stage
    from swarmgit.app.look import loader
    from swarmgit.app.runtimes import check, intent
    from swarmgit.runtimes.base import message_file
    from swarmgit.wiring import open_world

    try:
        here = open_world(cwd, environ)
        known = loader(here)()
        here.close()
    except SwarmError:
        known = None
    named = known.swarm.runtimes.get(asked[0]) if known and known.swarm else None
    adapter = runtimes.adapter(named.adapter if named else asked[0])
    program = named.run[0] if named and named.run else next(iter(adapter.needs.programs), "")
    if program and "/" not in program and which(program, path=environ.get("PATH")) is None:
        raise PersonMustAct(f"{asked[0]} is not here: no program {program} on PATH", "swarmgit runtime list")
    scene = stage(asked, known, adapter.needs, folder, environ)
    repository = ScratchRepository(scene.repository, scene.environ)
    repository.make("main")
    repository.commit(intent(scene, timeout_s / 60), "Check a runtime")
    return check(open_world(scene.repository, scene.environ, lead=True), scene, adapter, message_file, timeout_s)


def outlook(adapter: str, models: tuple[str, ...], windows: Mapping[str, int]) -> ports.Outlook:
    """Return what is known of an adapter's sessions: the smaller of its own window and its model's, where none is set.

    A program may use less of a window than its model has, and a model have less than a program would use.
    """
    try:
        can = runtimes.adapter(adapter).capabilities
    except SwarmError:
        return ports.Outlook()
    known = next((windows[name] for name in models if name in windows), None)
    if known is None:
        found = [window for window in (can.context_window, prices.window(models)) if window]
        known = min(found, default=None)
    return ports.Outlook(known, can.takes_messages)
