"""Mail as an agent has it inside its session: it writes into the outbox and reads the inbox, and needs nothing else.

Nothing is imported here that is not needed, not even of the standard library: agents call this often, and wait for it.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

SHOWN_MAX = 10
"""Messages that one `check` shows; the next one shows the next."""

FILE_BYTES_MAX = 1 << 20
TYPES = (
    *("task_complete", "merge_ready", "rework_request", "help_request", "question", "answer"),
    *("status_update", "handoff", "dispatch", "escalation", "broadcast"),
)
PRIORITIES = ("low", "normal", "high", "urgent")
"""The words of `swarmgit.model.mail`, which takes longer to import than a message to send."""


class Desk:
    """A session's inbox and outbox, folders."""

    __slots__ = ("inbox", "outbox")

    def __init__(self, inbox: str, outbox: str) -> None:
        self.inbox = inbox
        self.outbox = outbox

    def send(self, letter: Mapping[str, Any]) -> str:
        """Put a letter into the outbox, whole, and return its file's name. Names sort as they were written."""
        import json

        name = f"{time.monotonic_ns():020d}-{os.getpid()}.json"
        new = f"{self.outbox}/.{name}"
        with open(new, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            file.write(json.dumps(letter, ensure_ascii=False))
        os.rename(new, f"{self.outbox}/{name}")  # noqa: PTH104
        return name

    def has_new(self) -> bool:
        """Return whether there is something that nobody has read yet."""
        inbox = _ids(self.inbox)
        return bool(inbox) and not set(inbox) <= set(_names(f"{self.outbox}/read"))

    def check(self) -> tuple[list[dict[str, Any]], int]:
        """Return what nobody has read yet, oldest first and a few at a time, and how many are left.

        Each message is claimed by making its receipt, so that of several readers at once one gets it.
        """
        read = f"{self.outbox}/read"
        os.makedirs(read, exist_ok=True)  # noqa: PTH103
        claimed = set(_names(read))
        new = [name for name in _ids(self.inbox) if name not in claimed]
        shown: list[dict[str, Any]] = []
        for position, name in enumerate(new):
            if len(shown) == SHOWN_MAX:
                return shown, len(new) - position
            if _claim(f"{read}/{name}"):
                mail = _load(f"{self.inbox}/{name}.yaml")  # gone: it was read, and has just been put away
                shown += [mail] if mail is not None else []
        return shown, 0

    def listed(self) -> list[dict[str, Any]]:
        """Return every message of this session, oldest first, with `read` true or false."""
        claimed = {*_ids(f"{self.inbox}/read"), *_names(f"{self.outbox}/read")}
        names = self._all()
        mails = [(name, self._find(name)) for name in names]
        return [{**mail, "read": name in claimed} for name, mail in mails if mail is not None]

    def read(self, name: str) -> dict[str, Any]:
        """Return one message by its id or the end or start of it, and note that it was read."""
        known = self._all()
        found = [id_ for id_ in known if id_ == name] or [id_ for id_ in known if id_.startswith(name)]
        found = found or [id_ for id_ in known if id_.endswith(name)]
        mail = self._find(found[0]) if len(found) == 1 else None
        if mail is None:
            from swarmgit.errors import PersonMustAct

            raise PersonMustAct(f"there is no message {name!r} in this session's inbox", "swarmgit mail list")
        if os.path.exists(f"{self.inbox}/{found[0]}.yaml"):  # noqa: PTH110
            os.makedirs(f"{self.outbox}/read", exist_ok=True)  # noqa: PTH103
            _claim(f"{self.outbox}/read/{found[0]}")
        return mail

    def thread(self, name: str) -> list[dict[str, Any]]:
        """Return the messages of the conversation that a message belongs to, as far as this session has them."""
        thread = self.read(name)["thread"]
        return [mail for mail in self.listed() if mail.get("thread") == thread]

    def _find(self, name: str) -> dict[str, Any] | None:
        return _load(f"{self.inbox}/{name}.yaml") or _load(f"{self.inbox}/read/{name}.yaml")

    def _all(self) -> list[str]:
        return sorted({*_ids(self.inbox), *_ids(f"{self.inbox}/read")})


def desk_of(environ: Mapping[str, str]) -> Desk | None:
    """Return the desk of the session that this process runs in, None outside of sessions."""
    inbox, outbox = environ.get("SWARM_INBOX"), environ.get("SWARM_OUTBOX")
    if not environ.get("SWARM_SESSION") or not inbox or not outbox:
        return None
    return Desk(inbox, outbox)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names only, and there may be many
    except OSError:
        return []


def _ids(folder: str) -> list[str]:
    names = _names(folder)
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml") and name[0] != ".")


def _claim(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    except FileExistsError:
        return False
    return True


def _load(path: str) -> dict[str, Any] | None:
    import json

    try:
        with open(path, "rb") as file:  # noqa: PTH123
            found = json.loads(file.read(FILE_BYTES_MAX))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def letter_of(to: Sequence[str], subject: str, **fields: object) -> dict[str, Any]:
    """Return a letter as data; what is empty is left out."""
    return {"version": 1, "to": list(to), "subject": subject, **{k: v for k, v in fields.items() if v}}
