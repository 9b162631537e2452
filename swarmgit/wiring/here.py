"""This machine, and the person's own git on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.drafts import drafts
from swarmgit.adapters.git.discover import FoundRepository
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.surroundings import Surroundings, surroundings
from swarmgit.documents import paths
from swarmgit.model.desired import Desired
from swarmgit.model.runtimes import Command
from swarmgit.model.work import Push
from swarmgit.ports.machine import Doorbell
from swarmgit.wiring.part import Part

PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ")
"""What sessions and gates get of the person's environment: where programs are, and how people write here.

Their home folder is one of their own.
"""


class HereMachine:
    """ports.Machine. `place`: the surroundings of who led last. `bells`: the folders that ring."""

    def __init__(self, environ: Mapping[str, str], place: Surroundings | None, bells: list[Path]) -> None:
        self._environ = environ
        self._place = place
        self._bells = bells

    @Part
    def environment(self) -> str:
        return self._place.fingerprint if self._place else surroundings(self._environ)

    @Part
    def host_env(self) -> Mapping[str, str]:
        return {name: self._environ[name] for name in PASSED_ON if name in self._environ}

    def port_is_free(self, port: int) -> bool:
        from swarmgit.adapters.loopback import is_free

        return is_free(port)

    def doorbell(self) -> Doorbell:
        from swarmgit.adapters.doorbell import WatchdogDoorbell

        return WatchdogDoorbell(self._bells)


class PersonsGit(Struct, frozen=True):
    """ports.Person."""

    found: FoundRepository
    objects: GitObjects
    environ: Mapping[str, str]

    def drafts(self, desired: Desired) -> tuple[str, ...]:
        """Return them where the target is checked out here; on another branch differences mean nothing."""
        found, objects = self.found, self.objects
        if found.top is None or desired.commit is None or objects.resolve("HEAD^{commit}") is None:
            return ()
        head = (found.git_dir / "HEAD").read_text("utf-8", "surrogateescape").strip()
        if desired.swarm is None or head != f"ref: {paths.branch_ref(desired.swarm.target)}":
            return ()
        tree = objects.resolve(f"{desired.commit}:{paths.SWARM}")
        return drafts(found.top, objects.walk(tree, paths.SWARM) if tree else {})

    def settings(self) -> Mapping[str, str]:
        from swarmgit.adapters.tamper import fingerprint

        return fingerprint(self.found.common_dir)

    def push_command(self, push: Push) -> Command:
        from swarmgit.adapters.git.push import push_command

        return push_command(self.found.common_dir, self.environ, push)
