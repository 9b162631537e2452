"""Parts that are made when they are first needed: what they load is not loaded before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from swarmgit.adapters.git.discover import FoundRepository
from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.memory import Memory
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.voices import Voices
from swarmgit.adapters.live_cache import FileCache
from swarmgit.adapters.notes import Notes
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.documents import paths
from swarmgit.model.incidents import Alert, facts
from swarmgit.model.runtimes import Command
from swarmgit.model.work import Push
from swarmgit.ports.engine import Conflicts, Signatures, Upkeep
from swarmgit.ports.repository import Landing
from swarmgit.ports.store import Transcripts
from swarmgit.ports.worktrees import Worktrees


def landing(
    found: FoundRepository,
    objects: GitObjects,
    engine: GitEngine,
    environ: Mapping[str, str],
    fault: Callable[[str], None],
) -> Landing:
    from swarmgit.adapters.git.landing import GitLanding

    return GitLanding(objects, engine.transfer, found.live, environ, fault)


def transcripts(objects: GitObjects) -> Transcripts:
    from swarmgit.adapters.git.transcripts import GitTranscripts

    return GitTranscripts(objects)


def conflicts(engine: GitEngine, voices: Voices, memory: Memory) -> Conflicts:
    from swarmgit.adapters.git.conflicts import GitConflicts

    return GitConflicts(engine, voices, memory)


def signatures(found: FoundRepository, engine: GitEngine) -> Signatures:
    from swarmgit.adapters.git.signing import GitSignatures

    return GitSignatures(engine, found.live / paths.KEYS)


def worktrees(
    found: FoundRepository,
    places: tuple[GitEngine, GitObjects],
    target: str | None,
    fault: Callable[[str], None],
    notices: Notes[Alert],
    environ: Mapping[str, str] | None,
) -> Worktrees:
    """Return the worktrees. `environ`: what says where the person's own ignore patterns are; None: read before."""
    from swarmgit.adapters.git.excludes import write_excludes
    from swarmgit.adapters.git.history import Target
    from swarmgit.adapters.git.persons import Person
    from swarmgit.adapters.git.worktrees import GitWorktrees

    engine, objects = places
    branch = Target(Git(found.common_dir), paths.branch_ref(target or ""))
    excludes = found.live / paths.EXCLUDES
    if environ is not None:
        write_excludes(excludes, found.common_dir, environ)
    has = partial(_has_commit, objects)
    person = Person(found.common_dir / "objects", found.top, found.algorithm, branch, has, excludes)

    def note(place: Path, reason: str) -> None:
        notices.add(Alert("worktree/leftover", facts=facts(place=place, reason=reason)))

    return GitWorktrees(engine.git, found.store, person, engine.code_tree, fault, note)


def _has_commit(objects: GitObjects, rev: str) -> bool:
    return objects.kind(rev) == "commit"


def confiner(
    found: FoundRepository, cache: FileCache, vault: Vault, environ: Mapping[str, str], sandboxes: Sequence[str]
) -> object:
    """Return what wraps sessions by policy. It never shows the repository's settings, other sessions, the home."""
    from swarmgit.adapters.sandbox.confine import Confiner

    home = Path(environ["HOME"]) if environ.get("HOME") else None
    secret = (found.common_dir, found.live, found.store, *((home,) if home else ()))
    objects = found.common_dir / "objects"
    hidden = tuple(path.resolve() for path in secret)
    return Confiner(cache, vault, objects, found.live.resolve(), hidden, environ, tuple(sandboxes))


def push_command(found: FoundRepository, environ: Mapping[str, str], push: Push) -> Command:
    from swarmgit.adapters.git.push import push_command

    return push_command(found.common_dir, environ, push)


def upkeep(objects: GitObjects, engine: GitEngine) -> Upkeep:
    from swarmgit.adapters.git.upkeep import GitUpkeep

    return GitUpkeep(objects, engine)
