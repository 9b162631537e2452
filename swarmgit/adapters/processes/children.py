"""The processes that this one works with: git, mostly. Sessions are not among them: each leads a session of its own."""

from __future__ import annotations

import os
import signal
import time

from swarmgit.adapters.processes import identity, tree
from swarmgit.errors import SwarmError

GRACE_S, LOOK_S = 0.15, 0.01


def end_own(grace_s: float = GRACE_S) -> None:
    """End every child of this process that is in its session: asked first, so that a git takes its locks away.

    A child that has a process group of its own ends with all in it: a git with a filter that hangs. Only who was
    asked is killed: one that an action has started since is asked as well, and has its time.
    """
    asked: set[int] = set()
    groups: set[int] = set()
    until = time.monotonic() + grace_s
    try:
        while found := _own(groups):
            is_over = time.monotonic() >= until
            for process in found if is_over else [each for each in found if each.pid not in asked]:
                tree.send(process, signal.SIGKILL if process.pid in asked else signal.SIGTERM)
            if is_over:
                return
            asked |= {process.pid for process in found}
            groups |= {process.pid for process in found if process.group == process.pid}
            time.sleep(LOOK_S)
    except (SwarmError, OSError):  # nobody can tell: then they end by themselves, and their locks are healed
        return


def _own(groups: set[int]) -> list[tree.Process]:
    """Return our children, and who is in their process groups or in these."""
    table = tree.table_by_proc() if identity.HAS_PROC else tree.table_by_ps()
    me, session = os.getpid(), os.getsid(0)
    has_sessions = identity.HAS_PROC  # ps does not know them: there, its process group tells a session of ours
    ours = [p for p in table.values() if p.parent == me and not p.is_dead]
    if not has_sessions:
        return [p for p in ours if not _leads(p, table)]
    children = [p for p in ours if p.leader == session]
    groups = groups | {p.pid for p in children if p.group == p.pid}
    others = [p for p in table.values() if p.group in groups and p not in children and not p.is_dead]
    return [*children, *others]


def _leads(process: tree.Process, table: dict[int, tree.Process]) -> bool:
    """Return whether a process leads a group with others in it, as a session's wrapper does."""
    return any(other.group == process.pid and other.pid != process.pid for other in table.values())
