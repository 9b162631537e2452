"""What waits for a person's verdict before it lands, and giving one: a request on the state branch, as a cancel is."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.app.control import write_requests
from swarmgit.app.look import Look, look
from swarmgit.app.names import find
from swarmgit.errors import PersonMustAct
from swarmgit.model.control import TaskControl, Verdict
from swarmgit.model.ids import CommitId, EntryId, TreeId
from swarmgit.model.queue import Entry, Held, Released
from swarmgit.model.renames import other_names
from swarmgit.plan import verdicts
from swarmgit.ports.world import ReadWorld, World
from swarmgit.state import kinds


class OpenReview(Struct, frozen=True):
    """An entry that waits for a verdict. `old` and `new`: what the verdict is about; `tree`: a merge made to land."""

    entry: Entry
    title: str
    why: str
    old: CommitId
    new: CommitId
    tree: TreeId | None
    round: int
    since: datetime


def held(seen: Look) -> tuple[OpenReview, ...]:
    """Return what waits for a verdict, the oldest question first."""
    situations = [_question(seen, entry) for entry in seen.observed.entries.values()]
    return tuple(sorted((each for each in situations if each is not None), key=_asked_at))


def find_held(seen: Look, name: str) -> OpenReview:
    """Return what waits under a task's name or an entry's, or its beginning."""
    waiting = {each.entry.id: each for each in held(seen)}
    by_task: dict[str, OpenReview] = {each.entry.task: each for each in waiting.values()}
    for each in (name, *other_names(seen.observed.statuses, name)):
        if each in by_task:
            return by_task[each]
    known: dict[str, object] = {**dict.fromkeys(seen.observed.statuses), **dict.fromkeys(seen.desired.tasks)}
    if EntryId(name) not in waiting and (name in known or name in seen.observed.entries):
        raise PersonMustAct(f"nothing of {name} waits for a review", f"see where it stands: swarmgit why {name}")
    return waiting[find(EntryId(name), waiting, "entry that waits for a review")]


class Answer(Struct, frozen=True):
    """What a person says. `text` is the reason that an agent gets; with `drop` the task is cancelled too."""

    passed: bool
    by: str
    how: Literal["terminal", "web", "signed"]
    text: str = ""
    drop: bool = False


def give(world: World, held_: OpenReview, given: Answer) -> Verdict:
    """Write a person's verdict about what was shown; raise PersonMustAct where something else waits by now."""
    seen = look(world)
    now = find_held(seen, held_.entry.id)
    if (now.old, now.new, now.round) != (held_.old, held_.new, held_.round):
        raise PersonMustAct(
            f"what waits of {held_.entry.task} is not what was shown any more",
            f"look again: swarmgit review show {held_.entry.task}",
        )
    entry = now.entry
    verdict = Verdict(
        entry=entry.id,
        task=entry.task,
        verdict="pass" if given.passed else "fail",
        by=given.by,
        how=given.how,
        at=seen.now,
        round=now.round,
        head=entry.head,
        difference=world.engine.difference(now.old, now.new, entry.guarded),
        policy=verdicts.policy_key(seen.desired.policy),
        tree=now.tree,
        text=given.text,
    )
    changes: dict[str, Struct | None] = {kinds.VERDICTS.path(verdict): verdict}
    if given.drop:
        control = seen.observed.controls.get(entry.task, TaskControl())
        cancelled = replace(control, cancelled=True, by=given.by, reason=given.text, at=seen.now)
        changes[kinds.TASK_CONTROL.file(entry.task)] = cancelled
    write_requests(world, changes, f"Review {entry.task}: {verdict.verdict}", seen.now)
    return verdict


def difference_text(world: ReadWorld, held_: OpenReview) -> str:
    """Return the difference that a verdict is about, as git shows it."""
    return world.engine.diff(held_.old, held_.new)


def _asked_at(each: OpenReview) -> tuple[str, str]:
    return each.since.isoformat(), each.entry.id


def _question(seen: Look, entry: Entry) -> OpenReview | None:
    """Return the open question about an entry; None where there is none, or a person has answered it."""
    number, asked = verdicts.asked(entry), entry.last(Held, Released)
    if entry.state not in {"queued", "gating"} or not number or not isinstance(asked, Held):
        return None
    verdict = seen.observed.verdicts.get(entry.id)
    if verdict is not None and verdict.round == number and _is_current(seen, verdict):
        return None
    task = seen.desired.tasks.get(entry.task)
    return OpenReview(
        entry=entry,
        title=task.title if task else "",
        why=asked.why,
        old=asked.base or entry.base,
        new=asked.commit or entry.head,
        tree=asked.tree,
        round=number,
        since=asked.at,
    )


def _is_current(seen: Look, verdict: Verdict) -> bool:
    return verdict.verdict == "fail" or verdict.policy == verdicts.policy_key(seen.desired.policy)
