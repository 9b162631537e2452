"""Worlds in which a test gives some of the parts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, TypeVar, cast

from swarmgit.ports.world import World

Any_ = TypeVar("Any_")


def with_parts(world: Any_, **parts: Any) -> Any_:
    """Return a world, or one of its parts, with these parts in place of the real ones."""
    vars(world).update(parts)
    return world


def world_of(**parts: Any) -> World:
    """Return a world that has these parts alone; what asks for another fails."""
    return cast(World, SimpleNamespace(**parts))
