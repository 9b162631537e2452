"""What rings for the loop: folders that are watched, and a file that work in the background writes."""

from __future__ import annotations

from pathlib import Path

from swarmgit import ports
from swarmgit.adapters.git.discover import FoundRepository
from swarmgit.documents import paths

STATE_BRANCH = "swarm/state"


def doorbell(found: FoundRepository, target: str | None) -> ports.Doorbell:
    """Return what wakes the loop in a repository."""
    from swarmgit.adapters.doorbell import WatchdogDoorbell

    return WatchdogDoorbell(_bells(found, target))


def _bells(found: FoundRepository, target: str | None) -> list[Path]:
    """Return the folders that ring: sessions that end, the target's and the state's refs, and packed refs."""
    heads = found.common_dir / "refs" / "heads"
    refs = [heads / branch for branch in (target, STATE_BRANCH) if branch]
    return [found.live / paths.BELL, *(ref.parent for ref in refs)]


def ring(live: Path) -> None:
    """Ring as the end of a session does: a file of that folder is written."""
    (live / paths.BELL).mkdir(parents=True, exist_ok=True, mode=0o700)
    (live / paths.BELL / paths.BACKGROUND).write_bytes(b"")
