"""Experiments: a comparison of models, runtimes or role texts over tasks that are given to one arm or another."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.model.ids import ExperimentId


class Arm(Struct, frozen=True):
    """One of the things compared. None: as without the experiment. `role`: whose text its prompts begin with."""

    name: str
    runtime: str | None = None
    model: str | None = None
    role: str | None = None
    weight: float = 1.0


class Experiment(Struct, frozen=True):
    """`share`: of the tasks that match. `types` empty: of every type. The first arm is what the others stand beside."""

    id: ExperimentId
    title: str
    arms: tuple[Arm, ...]
    description: str = ""
    share: float = 1.0
    types: tuple[str, ...] = ()
