"""The pool of worktrees: which slot exists, who has it, and how one is thrown away.

`<store>/<pool>/<slot>/` holds `tree/` (the files), `index` (the engine's private index) and `slot.json`. A slot
whose filling was interrupted, or that cannot be trusted, is moved to `<store>/trash/` whole and deleted later.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from swarmgit.adapters.deletion import delete
from swarmgit.documents.paths import VIEWS

SlotState = Literal["free", "filling", "leased"]
RECORD = "slot.json"
TRASH = "trash"


class Slot(Struct, frozen=True):
    """`slot.json`. `commit`: what it was filled with. `included`, `shared`, `outputs`: paths that are never captured.

    `only`: patterns of what is checked out, none for everything; such a partly filled slot serves one session.
    `setup_hash`: of the set-up whose `outputs` are here; `setup_wanted`: of the set-up that the present lease needs.
    `setup_commit`: what set-up runs on, where that is not `commit`.
    `carried`: something else may lie over that, so what set-up makes here is of no use to anybody else.
    """

    folder: Path
    state: SlotState
    commit: str
    session: str | None = None
    setup_hash: str | None = None
    setup_wanted: str | None = None
    setup_commit: str | None = None
    included: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    recyclable: bool = True
    only: tuple[str, ...] = ()
    carried: bool = False

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def index(self) -> Path:
        return self.folder / "index"

    @property
    def name(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def kept(self) -> tuple[str, ...]:
        """Return every path, '/'-separated below `tree`, that is not the session's work."""
        return (*self.included, *self.shared, *self.outputs)


class SlotStore:
    """Only one process uses a store at a time (the reconciler's lock); its threads share this object."""

    def __init__(
        self, root: Path, fault: Callable[[str], None], resists: Callable[[Path, str], None] = lambda *_: None
    ) -> None:
        """`resists` is told of what cannot be deleted or read, and why."""
        self._root = root
        self._resists = resists
        self._fault = fault
        self._choice = threading.Lock()
        self._sweeping = threading.Lock()
        self._filling: set[Path] = set()
        self._hints: dict[str, Path] = {}

    def all(self) -> list[Slot]:
        """Return every slot with a readable record, by pool and name."""
        folders = sorted(self._root.glob(f"[!.]*/[!.]*/{RECORD}"))
        return [slot for path in folders if path.parts[-3] != TRASH and (slot := _read(path.parent))]

    def find(self, session: str) -> Slot | None:
        """Return the slot that a session has or was about to get."""
        hint = self._hints.get(session)
        slot = _read(hint) if hint else None
        if slot is None or slot.session != session:
            slot = next((slot for slot in self.all() if slot.session == session), None)
        if slot:
            self._hints[session] = slot.folder
        return slot

    def claim(self, wanted: Slot, pool: str, rank: Callable[[Slot], int], *, new: bool = False) -> tuple[Slot, Slot]:
        """Give the session of `wanted` the free slot with the lowest rank, or a new one, and record it as filling.

        Return what the slot was before (state filling: it is new) and what it is now.
        """
        with self._choice:
            self._close()
            slots = self._sound()
            free = [slot for slot in slots if slot.state == "free" and slot.folder.parent.name == pool and not new]
            before = min(free, key=rank) if free else self._made(pool, wanted)
            after = replace(
                before, state="filling", session=wanted.session, commit=wanted.commit, setup_wanted=wanted.setup_wanted
            )
            self.write(after)
            self._filling.add(after.folder)
            self._hints[str(wanted.session)] = after.folder
        return before, after

    def _close(self) -> None:
        """Make the store, for this user alone: what agents write there is nobody else's to run or read."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._root.stat().st_mode & 0o077:
            self._root.chmod(0o700)

    def _sound(self) -> list[Slot]:
        """Return every slot but those a killed process was filling: a git that outlived it may still write there.

        What this process fills is asked for first: a slot that is filled in between has a record that says so, and
        would look abandoned the other way round.
        """
        ours = set(self._filling)
        slots = self.all()
        for slot in slots:
            if slot.state == "filling" and slot.folder not in ours:
                self.discard(slot)
        return slots

    def _made(self, pool: str, wanted: Slot) -> Slot:
        """Return a new slot; where there is no room for one, what was thrown away goes first."""
        try:
            return self._make(pool, wanted)
        except OSError:
            self.sweep()
            return self._make(pool, wanted)

    def _make(self, pool: str, wanted: Slot) -> Slot:
        folder = self._root / pool
        folder.mkdir(parents=True, exist_ok=True)
        taken = {path.name for path in folder.iterdir()}
        name = next(name for number in range(1, len(taken) + 2) if (name := f"{number:04d}") not in taken)
        fresh = folder / f".new-{secrets.token_hex(8)}"
        (fresh / "tree").mkdir(parents=True)
        self.write(replace(wanted, folder=fresh, state="filling"))
        self._fault("slot:made")
        fresh.rename(folder / name)
        return replace(wanted, folder=folder / name, state="filling")

    def write(self, slot: Slot) -> None:
        """Record a slot by rename. Not flushed: no session survives a power cut anyway."""
        facts = {"version": 1, **asdict(slot)}
        del facts["folder"]
        temporary = slot.folder / f".{RECORD}.{secrets.token_hex(4)}"
        temporary.write_text(json.dumps(facts), "utf-8")
        temporary.replace(slot.folder / RECORD)
        if slot.state != "filling":
            self._filling.discard(slot.folder)

    def discard(self, slot: Slot) -> None:
        """Take a slot out of the pool at once; its files are deleted in the background."""
        self._filling.discard(slot.folder)
        self.trash(slot.folder)

    def trash(self, path: Path) -> None:
        """Move a file or folder of the store, whatever it is, out of the way at once and delete it later."""
        folder = self._root / TRASH
        folder.mkdir(parents=True, exist_ok=True)
        try:
            path.rename(folder / f"{path.name[:40]}-{secrets.token_hex(8)}")
        except FileNotFoundError:
            return
        self._fault("slot:trashed")
        threading.Thread(target=self.sweep, name="swarmgit-sweep", daemon=True).start()

    def sweep(self) -> None:
        """Delete what is in the trash; what resists stays there and is tried again next time."""
        with self._sweeping:
            for path in (self._root / TRASH).glob("*"):
                reason = delete(path)
                if reason:
                    self._resists(path, reason)

    def gc(self, keep: int) -> None:
        """Delete the trash, what a killed process left half made, and the oldest free slots of a pool beyond `keep`."""
        with self._choice:
            for folder in self._root.glob("[!.]*/[!.]*"):
                if folder.parent.name != TRASH and _read(folder) is None:
                    self._resists(folder, f"its {RECORD} cannot be read, so nobody knows whose work is in it")
            for stray in (*self._root.glob("[!.]*/.new-*"), *self._root.glob(f"{VIEWS}/*")):
                self.trash(stray)
            slots = self._sound()
            for pool in {slot.folder.parent for slot in slots}:
                free = [slot for slot in slots if slot.state == "free" and slot.folder.parent == pool]
                free.sort(key=lambda slot: (slot.folder / RECORD).stat().st_mtime_ns, reverse=True)
                for slot in free[keep:]:
                    self.discard(slot)
        self.sweep()


def _read(folder: Path) -> Slot | None:
    """Return a slot's record; None where it is gone or unreadable, and then nobody touches that folder."""
    try:
        facts: dict[str, Any] = json.loads((folder / RECORD).read_bytes())
        if facts.pop("version") != 1:
            return None
        facts.update({name: tuple(facts[name]) for name in ("included", "shared", "outputs", "only") if name in facts})
        return Slot(folder=folder, **facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
