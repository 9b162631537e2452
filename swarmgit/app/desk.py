"""Mail as an agent has it inside its session: it writes into the outbox and reads the inbox, and needs nothing else.

Nothing is imported here that is not needed: agents call this often, and wait for it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarmgit.errors import PersonMustAct

SHOWN_MAX = 10
"""Messages that one `check` shows; the next one shows the next."""

FILE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Desk:
    inbox: Path
    outbox: Path

    def send(self, letter: Mapping[str, Any]) -> str:
        """Put a letter into the outbox, whole, and return its file's name. Names sort as they were written."""
        name = f"{time.monotonic_ns():020d}-{os.getpid()}.json"
        new = self.outbox / f".{name}"
        new.write_text(json.dumps(letter, ensure_ascii=False), encoding="utf-8", errors="replace")
        new.rename(self.outbox / name)
        return name

    def check(self) -> tuple[list[dict[str, Any]], int]:
        """Return what nobody has read yet, oldest first and a few at a time, and how many are left.

        Each message is claimed by making its receipt, so that of several readers at once one gets it.
        """
        read = self.outbox / "read"
        read.mkdir(exist_ok=True)
        claimed = set(os.listdir(read))  # noqa: PTH208 - names only, and there may be many
        new = [name for name in _ids(self.inbox) if name not in claimed]
        shown: list[dict[str, Any]] = []
        for position, name in enumerate(new):
            if len(shown) == SHOWN_MAX:
                return shown, len(new) - position
            if _claim(read / name):
                mail = _load(self.inbox / f"{name}.yaml")  # gone: it was read, and has just been put away
                shown += [mail] if mail is not None else []
        return shown, 0

    def listed(self) -> list[dict[str, Any]]:
        """Return every message of this session, oldest first, with `read` true or false."""
        claimed = {*_ids(self.inbox / "read"), *os.listdir(self.outbox / "read")}  # noqa: PTH208 - as above
        names = sorted({*_ids(self.inbox), *_ids(self.inbox / "read")})
        mails = [(name, self._find(name)) for name in names]
        return [{**mail, "read": name in claimed} for name, mail in mails if mail is not None]

    def read(self, name: str) -> dict[str, Any]:
        """Return one message by its id or the end or start of it, and note that it was read."""
        known = sorted({*_ids(self.inbox), *_ids(self.inbox / "read")})
        found = [id_ for id_ in known if id_ == name] or [id_ for id_ in known if id_.startswith(name)]
        found = found or [id_ for id_ in known if id_.endswith(name)]
        mail = self._find(found[0]) if len(found) == 1 else None
        if mail is None:
            raise PersonMustAct(f"there is no message {name!r} in this session's inbox", "swarmgit mail list")
        if (self.inbox / f"{found[0]}.yaml").exists():
            (self.outbox / "read").mkdir(exist_ok=True)
            _claim(self.outbox / "read" / found[0])
        return mail

    def thread(self, name: str) -> list[dict[str, Any]]:
        """Return the messages of the conversation that a message belongs to, as far as this session has them."""
        thread = self.read(name)["thread"]
        return [mail for mail in self.listed() if mail.get("thread") == thread]

    def _find(self, name: str) -> dict[str, Any] | None:
        return _load(self.inbox / f"{name}.yaml") or _load(self.inbox / "read" / f"{name}.yaml")


def desk_of(environ: Mapping[str, str]) -> Desk | None:
    """Return the desk of the session that this process runs in, None outside of sessions."""
    inbox, outbox = environ.get("SWARM_INBOX"), environ.get("SWARM_OUTBOX")
    if not environ.get("SWARM_SESSION") or not inbox or not outbox:
        return None
    return Desk(Path(inbox), Path(outbox))


def _ids(folder: Path) -> list[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names only, and there may be many
    except OSError:
        return []
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml") and name[0] != ".")


def _claim(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    except FileExistsError:
        return False
    return True


def _load(path: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        with path.open("rb") as file:
            found = json.loads(file.read(FILE_BYTES_MAX))
        return found if isinstance(found, dict) else None
    return None


def letter_of(to: Sequence[str], subject: str, **fields: object) -> dict[str, Any]:
    """Return a letter as data; what is empty is left out."""
    return {"version": 1, "to": list(to), "subject": subject, **{k: v for k, v in fields.items() if v}}
