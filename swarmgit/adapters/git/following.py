"""A checkout follows the target: a step of its own after the landing, tried again until it has worked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from swarmgit.adapters.git.behind import Note, Notes
from swarmgit.adapters.git.checkouts import Checkout
from swarmgit.adapters.git.follow import Step
from swarmgit.adapters.git.pathdiff import Change
from swarmgit.errors import SwarmError
from swarmgit.model.checkouts import Behind
from swarmgit.model.ids import CommitId

Changes = Mapping[str, Change]
WORDS_MAX = 400


class Following:
    """Brings checkouts along, and keeps what could not be. Nothing that goes wrong in a checkout leaves this class.

    `changes`: the files that differ between two commits. `environ`: the person's.
    """

    def __init__(
        self, live: Path, environ: Mapping[str, str], changes: Callable[[CommitId, CommitId], Changes]
    ) -> None:
        self._notes = Notes(live)
        self._environ = environ
        self._changes = changes

    def bring(self, step: Step) -> bool:
        """Bring a locked checkout along, or note what is behind; return whether it shows the landing now."""
        failing = _told(lambda: step.follow(self._changes(step.old, step.new)))
        if not failing:
            return True
        since = datetime.fromtimestamp(step.lock_path.stat().st_mtime, UTC)
        paths, why = _summed(failing)
        place = (str(step.checkout.git_dir), str(step.checkout.top), step.checkout.head)
        self._notes.add(Note(*place, step.old, step.new, paths, why, since, due=since))
        return False

    def behind(self) -> tuple[Behind, ...]:
        return tuple(note.value() for note in self._notes.all())

    def hurry(self) -> None:
        """Let everything be due at once."""
        for note in self._notes.all():
            if note.due > note.since:
                self._notes.keep(replace(note, due=note.since))

    def catch_up(self, now: datetime, checkouts: Callable[[], list[Checkout]]) -> None:
        """Try again what is due. A checkout that is gone, or on another branch, is nobody's concern any more."""
        due = [note for note in self._notes.all() if note.due <= now]
        there = {str(each.git_dir): each for each in checkouts()} if due else {}
        for note in due:
            checkout = there.get(note.git_dir)
            failing: dict[str, str] = {}
            if checkout is not None and checkout.head == note.head:
                failing = _told(partial(self._again, note, checkout))
            if failing:
                self._notes.keep(note.later(now, *_summed(failing)))
            else:
                self._notes.drop(note)

    def _again(self, note: Note, checkout: Checkout) -> dict[str, str]:
        step = Step(checkout, self._environ, note.old, note.new)
        changes = self._changes(note.old, note.new)
        if not step.lock():
            return dict.fromkeys(note.paths, note.why) or {"": "its index is locked"}
        try:
            if note.paths:
                return step.catch_up(changes, note.paths)
            if edited := step.in_the_way(changes, is_late=True):
                return {"": f"edits are in the way in {', '.join(edited[:5])}"}
            return step.follow(changes)
        finally:
            step.unlock()


def _told(follow: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return what fails, by file; '' for the whole checkout."""
    try:
        return follow()
    except (SwarmError, OSError) as error:
        return {"": str(error)}
    except Exception as error:  # noqa: BLE001  a bug that one checkout brings out is that checkout's
        return {"": f"{type(error).__name__}: {error}"}


def _summed(failing: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    why = next(iter(failing.values())).strip()[-WORDS_MAX:]
    return (() if "" in failing else tuple(sorted(failing))), " ".join(why.split())
