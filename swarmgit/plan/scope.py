"""Judge a session's captured work by what its task may change. Built in and always on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from swarmgit.model.desired import Scope, Task
from swarmgit.model.ids import GateName
from swarmgit.model.policy import Policy
from swarmgit.model.status import Rejection
from swarmgit.model.work import Capture, Change
from swarmgit.plan import proposals
from swarmgit.plan.file_kinds import ABSENT, GITLINK, LINK, kinds_of_file
from swarmgit.plan.guarded import guarded_paths
from swarmgit.plan.nametable import fold
from swarmgit.plan.patterns import matches, meet
from swarmgit.plan.protected import is_granted, protected_rule
from swarmgit.plan.refusal import PATHS_MAX, is_unseen, refusal, some_of, things, visible

GUARDED_MAX = 200
"""Nobody reads more files of this kind in one review."""

INNER = frozenset({".git", ".swarm"})


def judge(capture: Capture, task: Task, policy: Policy, obeyed: Sequence[str] = ()) -> tuple[Rejection, ...]:
    """Return every reason why this work may not land, one for each rule. `obeyed`: names that are protected too."""
    if task.is_read_only:
        return tuple(_changes_by_reader(capture, task))
    return (
        *_objections(capture),
        *_outside(capture, task),
        *_protected(capture, task, policy, obeyed),
        *proposals.judge(capture, policy, obeyed),
        *_unreadable(guarded_paths(capture.changes, policy, obeyed)),
        *_hostile(capture),
        *_twins(capture),
        *kinds_of_file(capture, task),
        *_links(capture),
        *_markers(capture),
        *_secrets(capture),
    )


def overlap(a: Scope, b: Scope) -> bool:
    """Return whether two tasks can own a common path; True also where that cannot be told."""
    return any(meet(left, right) for left in a.owns for right in b.owns)


def is_inside(path: str, scope: Scope) -> bool:
    """Return whether a task of this scope may change `path`, protection aside."""
    return matches(path, scope.owns) or matches(path, scope.shares)


def owned_paths(changes: Iterable[Change], scope: Scope, extra: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the changed paths that lie in scope and are not protected: those worth carrying into the next attempt.

    `extra`: protected patterns of the policy.
    """
    return tuple(
        change.path
        for change in changes
        if is_inside(change.path, scope)
        and protected_rule(change.path, extra) is None
        and GITLINK not in {change.old_mode, change.new_mode}
        and not (_is_kept(change) and _is_hostile(change.path))
    )


def _changes_by_reader(capture: Capture, task: Task) -> Iterable[Rejection]:
    if capture.changes or capture.objections:
        yield refusal(
            "scope",
            [change.path for change in capture.changes],
            f"the role {task.role} only reads, but {{count}} changed",
            "Put every file back as it was and give the result as a report.",
            output="\n".join(capture.objections[:PATHS_MAX]),
        )


def _objections(capture: Capture) -> Iterable[Rejection]:
    if capture.objections:
        shown = capture.objections[:PATHS_MAX]
        count = things(len(capture.objections), "thing")
        yield Rejection(
            kind="scope",
            summary=f"the worktree holds {count} that cannot be taken in: {shown[0]}",
            next_step="Remove or rename what is listed, then submit again.",
            output="\n".join(shown),
        )


def _outside(capture: Capture, task: Task) -> Iterable[Rejection]:
    paths = [change.path for change in capture.changes if not is_inside(change.path, task.scope)]
    if paths:
        may = ", ".join((*task.scope.owns, *task.scope.shares)) or "nothing"
        yield refusal(
            "scope",
            paths,
            f"{{count}} outside the task's scope ({may}) changed: {some_of(paths)}",
            "Undo the changes to these files and do the task within its scope; if it cannot be done there, say why.",
        )


def _protected(capture: Capture, task: Task, policy: Policy, obeyed: Sequence[str]) -> Iterable[Rejection]:
    rules: dict[str, list[str]] = {}
    for change in capture.changes:
        rule = protected_rule(change.path, policy.protected_paths, obeyed)
        if rule is None or (task.review == "full" and is_granted(change.path, rule, task.scope.owns)):
            continue
        rules.setdefault(rule, []).append(change.path)
    if rules:
        paths = [path for held in rules.values() for path in held]
        yield refusal(
            "protected",
            paths,
            f"{{count}} protected by {', '.join(rules)} changed: {some_of(paths)}",
            "Undo the changes to these files; they are not part of this task.",
        )


def _unreadable(paths: Sequence[str]) -> Iterable[Rejection]:
    """More files that need a person's verdict than a person would look at."""
    if len(paths) > GUARDED_MAX:
        yield refusal(
            "protected",
            paths,
            f"{{count}} that a person has to review changed, more than {GUARDED_MAX}",
            "Change fewer of these files: they steer people's tools, and a person reads each of them.",
        )


def _hostile(capture: Capture) -> Iterable[Rejection]:
    paths = [change.path for change in capture.changes if _is_kept(change) and _is_hostile(change.path)]
    if paths:
        yield refusal(
            "scope",
            [visible(path) for path in paths],
            "{count} with a name that tools misread (control or invisible characters, a leading dash, a backslash, "
            "'.' or '..' as a part)",
            "Rename these files to plain names.",
        )


def _is_hostile(path: str) -> bool:
    if "\\" in path or any(part in {"", ".", ".."} or part[0] == "-" for part in path.split("/")):
        return True
    return not path.isprintable() or (not path.isascii() and any(map(is_unseen, path)))


def _twins(capture: Capture) -> Iterable[Rejection]:
    """Two names that one file system keeps apart and another does not; folders count as well as files."""
    spelled: dict[str, str] = {}
    paths: dict[str, None] = dict.fromkeys(capture.twins)
    for change in capture.changes:
        if not _is_kept(change):
            continue
        folded, plain = "", ""
        for part in change.path.split("/"):
            folded, plain = f"{folded}/{fold(part)}", f"{plain}/{part}"
            first = spelled.setdefault(folded, plain)
            if first != plain:
                paths[first[1:]] = paths[plain[1:]] = None
    if paths:
        yield refusal(
            "scope",
            list(paths),
            "{count} whose names differ only in case or in how characters are written",
            "Give each of them a name of its own.",
        )


def _links(capture: Capture) -> Iterable[Rejection]:
    paths = [
        change.path
        for change in capture.changes
        if change.new_mode == LINK and _leaves(change.path, capture.links.get(change.path))
    ]
    if paths:
        yield refusal(
            "scope",
            paths,
            "{count} with a target outside the repository or inside its .git or .swarm",
            "Use links with a relative target inside the repository, or plain files.",
        )


def _leaves(path: str, target: str | None) -> bool:
    """Return whether a link's target may lie outside the tree, or among what git and swarmgit keep for themselves.

    `..` counts only in front: behind a name, that name may itself be a link, and then `..` goes elsewhere.
    """
    if not target or target.startswith("/") or "\\" in target or not target.isprintable():
        return True
    parts = [part for part in target.split("/") if part not in {"", "."}]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    down = parts[up:]
    return up > path.count("/") or ".." in down or any(fold(part) in INNER for part in down)


def _markers(capture: Capture) -> Iterable[Rejection]:
    if capture.markers:
        yield refusal(
            "markers",
            list(capture.markers),
            "{count} with conflict markers (<<<<<<< … >>>>>>>)",
            "Resolve the conflicts in these files and remove the marker lines.",
        )


def _secrets(capture: Capture) -> Iterable[Rejection]:
    if capture.secrets:
        shown = [f"{visible(secret.path)}:{secret.line}: {secret.kind}" for secret in capture.secrets]
        yield Rejection(
            kind="secret",
            summary=f"the change adds {things(len(shown), 'thing')} that looks like a secret: {', '.join(shown[:3])}",
            next_step="Take the secret out, read it from the environment instead, and leave no copy of it in any file.",
            gate=GateName("secrets"),
            places=tuple(
                {"file": visible(secret.path), "line": secret.line, "message": secret.kind}
                for secret in capture.secrets
            ),
            paths=tuple(dict.fromkeys(visible(secret.path) for secret in capture.secrets))[:PATHS_MAX],
        )


def _is_kept(change: Change) -> bool:
    return change.new_mode != ABSENT
