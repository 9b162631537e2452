"""The values of credentials that sessions were given, so that none of them is ever written down.

They are kept beside the sessions, for this user's eyes only, because a token may turn up long after its session: in the
output of a gate, in a message, in a change. The newest are kept.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

VALUES_MAX = 2000
VALUE_CHARS_MIN = 8
"""Shorter values would be found by chance in the middle of anything."""


class Vault:
    """Safe in several threads; `path` is a file of ours outside of what sessions see."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._names: dict[str, str] | None = None

    def remember(self, values: Mapping[str, str]) -> None:
        """Keep values by the name of their variable."""
        with self._lock:
            names = self._load()
            new = {value: name for name, value in values.items() if len(value) >= VALUE_CHARS_MIN}
            if new.items() <= names.items():
                return
            names.update(new)
            for value in list(names)[:-VALUES_MAX]:
                del names[value]
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = self._path.with_name(f"{self._path.name}.new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
                json.dump(names, file)
            fresh.replace(self._path)

    def redact(self, content: bytes) -> bytes:
        """Return a text with the variable's name in the place of each value, as it is or as JSON and YAML write it."""
        return self.redacted(content)[0]

    def redacted(self, content: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Return a text with its values replaced, and the variables whose values there were."""
        found: dict[str, None] = {}
        with self._lock:
            names = self._load()
            for value in sorted(names, key=len, reverse=True):
                for form in dict.fromkeys((value, json.dumps(value)[1:-1])):
                    if form.encode() in content:
                        found[names[value]] = None
                        content = content.replace(form.encode(), f"REDACTED-{names[value]}".encode())
        return content, tuple(found)

    def values(self) -> list[tuple[bytes, str]]:
        """Return every value with its variable."""
        with self._lock:
            return [(value.encode(), name) for value, name in self._load().items()]

    def _load(self) -> dict[str, str]:
        if self._names is None:
            self._names = {}
            with suppress(OSError, ValueError):
                read = json.loads(self._path.read_text("utf-8"))
                self._names = {str(value): str(name) for value, name in read.items()}
        return self._names
