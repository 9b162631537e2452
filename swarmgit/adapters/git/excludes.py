"""What a person's own git ignores besides the `.gitignore` files: read once by the host, never from an agent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from swarmgit.adapters.git.loose import write_file
from swarmgit.adapters.git.run import Git, persons_environment

BYTES_MAX = 256 << 10


def write_excludes(file: Path, common_dir: Path, environ: Mapping[str, str]) -> None:
    """Write the patterns of the person's `core.excludesFile` and of the repository's `info/exclude` to a file.

    Where both speak of a path the repository's come later and hold.
    """
    text = b"\n".join(_content(place) for place in (_global(common_dir, environ), common_dir / "info" / "exclude"))
    if not file.exists() or file.read_bytes() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, text)


def _global(common_dir: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the person's `core.excludesFile`, by default where git looks for it."""
    asked = Git(common_dir, base=persons_environment(environ)).call("config", "--type=path", "core.excludesFile")
    if asked.returncode == 0:
        return Path(os.fsdecode(asked.stdout.rstrip(b"\n")) or os.devnull)
    if environ.get("XDG_CONFIG_HOME"):
        return Path(environ["XDG_CONFIG_HOME"], "git", "ignore")
    return Path(environ["HOME"], ".config", "git", "ignore") if environ.get("HOME") else None


def _content(place: Path | None) -> bytes:
    """Return what a file of patterns holds; nothing where there is none, or it is no file of a sane size."""
    try:
        if place is None or not place.is_file() or place.stat().st_size > BYTES_MAX:
            return b""
        return place.read_bytes()
    except OSError:
        return b""
