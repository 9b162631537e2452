"""From a path as people write it to what must be visible for it to work: symbolic links and where they end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct, field

LINKS_MAX = 40


def trail(path: str) -> tuple[dict[str, str], str]:
    """Return the links on the way to an absolute path (path → target as it stands there) and where it really ends."""
    links: dict[str, str] = {}
    steps = 0
    here, parts = "/", [part for part in path.split("/") if part not in {"", "."}]
    while parts and steps <= LINKS_MAX:
        part = parts.pop(0)
        if part == "..":
            here = os.path.dirname(here)  # noqa: PTH120 - text, many times a start
            continue
        step = f"{here.rstrip('/')}/{part}"
        try:
            target = os.readlink(step)  # noqa: PTH115
        except OSError:
            here = step
            continue
        links[step] = target
        steps += 1
        if target.startswith("/"):
            here = "/"
        parts = [part for part in target.split("/") if part not in {"", "."}] + parts
    return links, here


class Seen(Struct):
    """Collects what is to be visible."""

    paths: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)

    def add(self, *paths: str | Path) -> None:
        """Make paths visible, each with the links that lead to it; what is not there is left out."""
        for path in paths:
            links, real = trail(str(path))
            if os.path.lexists(real):
                self.links.update(links)
                self.paths.add(real)

    def has(self, path: str) -> bool:
        """Return whether a path is visible already, by itself or below a folder that is."""
        return _is_below(path, self.paths)

    def reduced(self) -> tuple[tuple[Path, ...], tuple[tuple[str, str], ...]]:
        """Return the paths that are below no other, and the links that do not lie inside them; both sorted."""
        outer = sorted(path for path in self.paths if not _is_below(os.path.dirname(path), self.paths))  # noqa: PTH120
        links = {path: target for path, target in self.links.items() if not _is_below(path, self.paths)}
        return tuple(map(Path, outer)), tuple(sorted(links.items()))


def _is_below(path: str, tops: Iterable[str]) -> bool:
    here = path
    known = tops if isinstance(tops, set) else set(tops)
    while here not in known:
        if here == "/":
            return False
        here = os.path.dirname(here)  # noqa: PTH120
    return True
