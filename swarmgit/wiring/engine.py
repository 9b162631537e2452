"""The engine with what works on it."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.adapters.background import Threads
from swarmgit.adapters.git.discover import FoundRepository
from swarmgit.adapters.git.engine import GitEngine, engine_git, mend
from swarmgit.adapters.git.integrity import GitIntegrity
from swarmgit.adapters.git.memory import Memory
from swarmgit.adapters.git.mergeprograms import merge_program
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.readonly import engine_to_read
from swarmgit.adapters.git.voices import Voices
from swarmgit.documents import paths
from swarmgit.ports.engine import Conflicts, Signatures, Upkeep
from swarmgit.wiring.part import Part


class Access(Struct, frozen=True):
    """What a process may do. `keeps`: write. `is_leader`: it holds the reconciler's lock, with the open files `fds`."""

    keeps: bool = False
    is_leader: bool = False
    fds: tuple[int, ...] = ()


class Engine(GitEngine):
    """ports.Engine. `search`: where programs that merge are looked for."""

    def __init__(
        self, found: FoundRepository, person: GitObjects, background: Threads, search: str | None, access: Access
    ) -> None:
        self._found = found
        self._person = person
        self._background = background
        self._access = access
        self._merging = Voices(str(found.live / paths.RESOLUTIONS), merge_program(search))
        place = (found.live, found.common_dir, found.algorithm)
        git = engine_git(*place, access.fds) if access.keeps else engine_to_read(*place)
        super().__init__(git, person, self._merging, keeps=access.keeps)

    @Part
    def integrity(self) -> GitIntegrity:
        found = self._found
        return GitIntegrity(
            self.objects,
            lambda: mend(found.live / paths.ENGINE, found.common_dir, found.algorithm),
            self._background,
            is_leader=self._access.is_leader,
        )

    @Part
    def conflicts(self) -> Conflicts:
        from swarmgit.adapters.git.conflicts import GitConflicts

        return GitConflicts(self, self._merging, Memory(self._found.live / paths.RESOLUTIONS))

    @Part
    def signatures(self) -> Signatures:
        from swarmgit.adapters.git.signing import GitSignatures

        return GitSignatures(self, self._found.live / paths.KEYS)

    @Part
    def upkeep(self) -> Upkeep:
        from swarmgit.adapters.git.upkeep import GitUpkeep

        return GitUpkeep(self._person, self)
