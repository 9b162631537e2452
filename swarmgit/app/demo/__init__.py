"""`swarmgit demo`: a small project, eight tasks and eight scripted agents, by the same code as everybody's work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from swarmgit.app.demo.stage import TARGET, Stage, intent, prepare, project
from swarmgit.app.demo.story import Scene, scenes
from swarmgit.app.fsck import Report, check
from swarmgit.app.run import NEEDS_PERSON, Options, Result, TickReport, reconcile
from swarmgit.app.views.status import status_document
from swarmgit.app.views.tasks import statuses
from swarmgit.ports.world import World

__all__ = ["Ending", "Repository", "Scene", "Stage", "play", "prepare", "set_up"]

TIMEOUT_S = 120.0


class Repository(Protocol):
    """The scratch repository, as its person sees it."""

    def make(self, branch: str) -> None:
        """Make it, with an identity of its own."""

    def commit(self, files: Mapping[str, bytes], message: str) -> None:
        """Write files and commit them."""


class Ending(Struct, frozen=True):
    """What came of it. `status` is the document of `status --json`."""

    stage: Stage
    result: Result
    scenes: tuple[Scene, ...]
    promises: Report
    status: Mapping[str, object]

    @property
    def is_as_expected(self) -> bool:
        """Every scene has happened, the history keeps its promises, and only the refused task needs a person."""
        has_all = all(scene.has_happened for scene in self.scenes)
        return has_all and self.promises.is_ok and self.result.code == NEEDS_PERSON


def set_up(stage: Stage, repository: Repository) -> None:
    """Do what a person does before `swarmgit reconcile`: a project, then the tasks, both committed."""
    repository.make(TARGET)
    repository.commit(project(), "Count lines")
    repository.commit(intent(stage), "Ask the swarm for eight things")


def play(world: World, stage: Stage, on_tick: Callable[[TickReport], None], interrupted: threading.Event) -> Ending:
    """Reconcile until everything is settled, and judge what is recorded."""
    result = reconcile(world, Options(timeout_s=TIMEOUT_S), on_tick, interrupted)
    try:
        promises = check(world)
    finally:
        world.close()
    status = status_document(result.look, world.sandbox.describe(result.look.desired.policy).text)
    return Ending(stage, result, scenes(statuses(result.look)), promises, status)
