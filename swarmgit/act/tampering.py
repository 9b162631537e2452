"""The tamper alarm: what of the person's git changed while a session without walls could reach it.

Settings and hooks decide what the person's git runs, so a change there also refuses the work. Refs are different:
people commit, fetch and make branches while agents work, so only what loses or replaces something is told: a branch or
tag that is gone or does not contain what it did, a stash that is gone, a replacement of objects.
"""

from __future__ import annotations

from contextlib import suppress

from swarmgit.documents import paths
from swarmgit.documents.as_json import from_json
from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.work import TAMPERED
from swarmgit.ports.world import World

WATCHED = ("refs/heads/", "refs/tags/", "refs/stash", "refs/replace/")
REPLACED = "refs/replace/"
SETTINGS_ONLY = "settings only"
TOLD_MAX = 20
SETTINGS_BYTES_MAX = 16 << 20


def before(world: World, strength: str) -> dict[str, str] | None:
    """Return what to compare with when a session has ended; None where its walls leave nothing to watch.

    A reduced sandbox keeps sessions from writing there, but not from changing modes and owners; refs it guards.
    """
    if strength == "full":
        return None
    return watched(world) if strength == "none" else {**world.person.settings(), SETTINGS_ONLY: ""}


def watched(world: World) -> dict[str, str]:
    """Return what the alarm watches by name: settings with a hash, refs with their object.

    Refs that swarmgit moves have guards of their own.
    """
    own = {paths.branch_ref(world.repository.state_branch), paths.branch_ref(world.repository.target or "")}
    refs = {name: oid for prefix in WATCHED for name, oid in world.objects.refs(prefix).items() if name not in own}
    known = {**world.person.settings(), **refs}
    return {name.encode("utf-8", "backslashreplace").decode(): what for name, what in known.items()}


def found(session: SessionId, world: World) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the settings that changed, each as an objection, and the refs that lost something, in words."""
    raw = world.executor.read(session, paths.SETTINGS_FILE, 0, SETTINGS_BYTES_MAX)
    if not raw:
        return (), ()
    try:
        known = from_json(raw, dict[str, str])
    except ValueError:
        return (f"the record of what the repository's own git settings were {TAMPERED}",), ()
    now = {**world.person.settings(), SETTINGS_ONLY: ""} if SETTINGS_ONLY in known else watched(world)
    changed = sorted(name for name in {*known, *now} if known.get(name) != now.get(name))
    settings = tuple(
        f"the repository's own '.git/{name}' {TAMPERED}" for name in changed if not name.startswith("refs/")
    )
    moved = (_told(name, known.get(name), now.get(name), world) for name in changed if name.startswith("refs/"))
    return settings, tuple(words for words in moved if words)[:TOLD_MAX]


def _told(name: str, old: str | None, new: str | None, world: World) -> str:
    """Return what happened to a ref in words, '' where people do that every day."""
    if name.startswith(REPLACED):
        return f"{name} was made, moved or removed: it shows one object in place of another"
    if old is None:
        return ""
    if new is None:
        return f"{name} is gone; it was at {old}"
    if name.startswith("refs/tags/"):
        return f"{name} was moved; it was at {old}"
    with suppress(SwarmError):  # the old commit may be gone as well
        if name == "refs/stash" or world.objects.is_ancestor(CommitId(old), CommitId(new)):
            return ""
    return f"{name} does not contain {old} any more"
