"""The guard of all that is written down: it knows the values that sessions were given and the forms of well-known ones.

What it takes out it notes in a folder of its own before anything is written, so that the next tick sees it, whoever
wrote. A note names the place and the kind, never the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swarmgit.adapters.git.beneath import read_beneath
from swarmgit.adapters.notes import Notes
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.model.secrets import Leak, Secret

if TYPE_CHECKING:
    from swarmgit.adapters.secrets.rules import Match

FILE_BYTES_MAX = 8 << 20
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
        self, tree: Path, paths: Sequence[str], before: Callable[[str], bytes], allow: Sequence[str]
    ) -> tuple[Secret, ...]:
        """Return the secrets that stand in these files and did not before; what `allow` matches is let through."""
        from swarmgit.adapters.secrets import rules

        allowed = [re.compile(pattern) for pattern in allow]
        values = self._vault.values()
        found: list[Secret] = []
        for path in paths:
            content = read_beneath(tree, path, FILE_BYTES_MAX) or b""
            found += [Secret(path, content.count(b"\n", 0, at) + 1, kind) for at, kind in _given(content, values)]
            matches = [match for match in rules.find(content) if not _is_allowed(path, match, allowed)]
            old = before(path) if matches else b""
            found += [
                Secret(path, content.count(b"\n", 0, match.start) + 1, match.kind)
                for match in matches
                if match.value not in old
            ]
            if len(found) >= FOUND_MAX:
                break
        return tuple(sorted(found, key=lambda secret: (secret.path, secret.line)))[:FOUND_MAX]

    def noticed(self) -> tuple[Leak, ...]:
        """Return what was taken out and not reported yet."""
        return self._notes.all()

    def forget(self, leaks: Sequence[Leak]) -> None:
        """Drop the notes of what was reported."""
        self._notes.drop(leaks)


def _given(content: bytes, values: Sequence[tuple[bytes, str]]) -> list[tuple[int, str]]:
    return [(content.index(value), f"value of {name}") for value, name in values if value in content]


def _is_allowed(path: str, match: Match, allowed: Sequence[re.Pattern[str]]) -> bool:
    text = f"{path}:{match.value.decode('utf-8', 'replace')}"
    return any(pattern.search(text) for pattern in allowed)
