"""The world a use case works in; the values are in `ports`, where the steps of the tick see them too."""

from swarmgit.ports import Repository, World

__all__ = ["Repository", "World"]
