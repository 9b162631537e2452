"""What a tick does beside what it is for: a failure of it is an incident, and costs the tick and its report nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct, field

from swarmgit.act import failing
from swarmgit.app.worker import Left
from swarmgit.errors import SwarmError, TryLater
from swarmgit.model.incidents import Alert, facts
from swarmgit.ports.world import World


class Beside(Struct):
    """`told`: the failure of each thing that an incident tells of already, until it works again."""

    told: dict[str, str] = field(default_factory=dict)

    def do(self, world: World, what: str, work: Callable[[], object]) -> None:
        """Do it; it is asked for again by a later tick. `what`: what it is about, in words."""
        try:
            work()
        except (MemoryError, Left):
            raise
        except TryLater:
            return
        except Exception as error:  # noqa: BLE001  nothing that anybody waits for depends on it
            self._tell(world, what, error)
        else:
            self.told.pop(what, None)

    def _tell(self, world: World, what: str, error: Exception) -> None:
        message, hint, _ = failing.words(what, error, world)
        signature = failing.signature(message)
        if self.told.get(what) == signature:
            return
        self.told[what] = signature
        with suppress(SwarmError, OSError):  # a full disk: what it keeps from being done, others tell
            known = facts(what=what, kind=signature, reason=message, hint=hint)
            world.notices.add(Alert("beside", facts=known))
