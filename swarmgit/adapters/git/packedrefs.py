"""Whether refs were packed anew while a git process lives that has read them.

Such a process reads `packed-refs` again where its size, inode or time has changed, and takes times in whole seconds.
Who packs refs twice in a second may give the file its former inode back: then it answers, and compares, with values
that were true before. This looks closer.
"""

from __future__ import annotations

from pathlib import Path


class PackedRefs:
    """The packed refs of one git directory, as they were when somebody looked last."""

    def __init__(self, git_dir: Path) -> None:
        self._path = git_dir / "packed-refs"
        self._seen: tuple[int, ...] | None = None

    def have_changed(self) -> bool:
        """Return whether they are others than at the last look, and take this one for the next."""
        try:
            found = self._path.stat()
            now: tuple[int, ...] = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        except OSError:
            now = ()
        before, self._seen = self._seen, now
        return before is not None and before != now
