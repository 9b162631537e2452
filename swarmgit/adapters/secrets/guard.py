"""The guard of all that is written down: it knows the values that sessions were given and the forms of well-known ones.

What it takes out it notes in a folder of its own before anything is written, so that the next tick sees it, whoever
wrote. A note names the place and the kind, never the value.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from swarmgit.adapters.git.beneath import open_beneath
from swarmgit.adapters.notes import Notes
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.model.secrets import Leak, Secret

if TYPE_CHECKING:
    from swarmgit.adapters.secrets.rules import Match

FILE_BYTES_MAX = 64 << 20
"""More than capture takes in as one file."""
SEARCHED_BYTES_MAX = 64 << 20
"""Of all files of one change, by the rules, which take 0.1 s for each MB; given values are looked for everywhere."""
PIECE_BYTES = 4 << 20
OVERLAP_BYTES = 16 << 10
"""Longer than the longest value that a rule finds."""
TOO_LARGE = "text too large to be searched for secrets"
FOUND_MAX = 50


class Guard:
    """ports.Secrets. `notes` is a folder of ours outside of what sessions see."""

    def __init__(self, vault: Vault, notes: Path) -> None:
        self._vault = vault
        self._notes = Notes(notes, Leak)

    def redact(self, content: bytes, place: str) -> bytes:
        """Return a text without its secrets; what there was is noted under `place`."""
        from swarmgit.adapters.secrets import rules  # a table of expressions that most commands do not need

        known, names = self._vault.redacted(content)
        clean, kinds = rules.redact(known)
        for kind in (*(f"value of {name}" for name in names), *kinds):
            self._notes.add(Leak(place, kind))
        return clean

    def added(
        self,
        tree: Path,
        paths: Sequence[str],
        before: Callable[[str], bytes],
        allow: Sequence[str],
        links: Mapping[str, str],
    ) -> tuple[Secret, ...]:
        """Return the secrets that stand in these files, names and links and did not before, but for what is allowed.

        Text that is too much to be searched counts as one: what nobody has looked at does not pass.
        """
        from swarmgit.adapters.secrets import rules
        from swarmgit.documents.rules import expression

        allowed = [expression(pattern) for pattern in allow]
        values = self._vault.values()
        found: list[Secret] = []
        left = SEARCHED_BYTES_MAX
        for path in paths:
            name = path.encode("utf-8", "backslashreplace")
            found += [Secret(path, 1, f"{kind} in a file's name") for _, kind in _given(name, values)]
            named = (match.kind for match in rules.find(name) if not _is_allowed(path, match, allowed))
            found += [Secret(path, 1, f"{kind} in a file's name") for kind in named]
            content = _content(tree, path, links)
            if content is None:
                found.append(Secret(path, 1, TOO_LARGE))
                continue
            found += [Secret(path, content.count(b"\n", 0, at) + 1, kind) for at, kind in _given(content, values)]
            left -= len(content)
            if left < 0:
                found += [] if b"\0" in content[:8000] else [Secret(path, 1, TOO_LARGE)]
                continue
            matches = [match for match in _pieces(rules.find, content) if not _is_allowed(path, match, allowed)]
            old = before(path) if matches else b""
            found += [
                Secret(path, content.count(b"\n", 0, match.start) + 1, match.kind)
                for match in matches
                if match.value not in old
            ]
            if len(found) >= FOUND_MAX:
                break
        return tuple(sorted(set(found), key=lambda secret: (secret.path, secret.line)))[:FOUND_MAX]

    def noticed(self) -> tuple[Leak, ...]:
        """Return what was taken out and not reported yet."""
        return self._notes.all()

    def forget(self, leaks: Sequence[Leak]) -> None:
        """Drop the notes of what was reported."""
        self._notes.drop(leaks)


def _content(tree: Path, path: str, links: Mapping[str, str]) -> bytes | None:
    """Return what a file holds or where a link leads; None where it is too large, b'' where there is nothing."""
    if path in links:
        return links[path].encode("utf-8", "backslashreplace")
    try:
        opened = open_beneath(tree, path)
    except (OSError, ValueError):
        return b""
    with os.fdopen(opened, "rb") as file:
        facts = os.fstat(opened)
        if not stat.S_ISREG(facts.st_mode):
            return b""
        return file.read(FILE_BYTES_MAX) if facts.st_size <= FILE_BYTES_MAX else None


def _pieces(find: Callable[[bytes], Iterator[Match]], content: bytes) -> Iterator[Match]:
    """Yield what `find` yields for a long text, a piece at a time; what lies in an overlap may come twice."""
    for start in range(0, max(1, len(content)), PIECE_BYTES):
        for match in find(content[start : start + PIECE_BYTES + OVERLAP_BYTES]):
            yield replace(match, start=start + match.start, end=start + match.end)


def _given(content: bytes, values: Sequence[tuple[bytes, str]]) -> list[tuple[int, str]]:
    return [(content.index(value), f"value of {name}") for value, name in values if value in content]


def _is_allowed(path: str, match: Match, allowed: Sequence[re.Pattern[str]]) -> bool:
    text = f"{path}:{match.value.decode('utf-8', 'replace')}"
    return any(pattern.search(text) for pattern in allowed)
