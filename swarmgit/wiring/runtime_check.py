"""Whether an agent program truly works here: `swarmgit runtime check`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shutil import which

from swarmgit import runtimes
from swarmgit.adapters.git.scratch import ScratchRepository
from swarmgit.app.check_stage import stage
from swarmgit.app.look import loader
from swarmgit.app.runtimes import Checked, check, intent
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.runtimes.base import message_file
from swarmgit.wiring import open_world


def check_runtime(
    cwd: Path, environ: Mapping[str, str], asked: tuple[str, str | None], folder: Path | None, timeout_s: float
) -> Checked:
    """Let a runtime do a tiny real task in a scratch repository, by the same code as everybody's work."""
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
