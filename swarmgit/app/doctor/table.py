"""Every check, in the order in which they are told. A check is a generator; its name names its failures."""

from __future__ import annotations

from swarmgit.app.doctor.ground import hooks, owners, programs, stale, worktrees
from swarmgit.app.doctor.intent import freeze, gates, intent, leftovers, policy, push, room, runtimes, signing
from swarmgit.app.doctor.live import behind, disk, engine, failing, heard, live, locks, sessions
from swarmgit.app.doctor.machine import git, inotify, python, sandbox
from swarmgit.app.doctor.objects import mirrors, refs, work
from swarmgit.app.doctor.report import Check, MachineCheck
from swarmgit.app.doctor.state import checkout, state

MACHINE_CHECKS: tuple[MachineCheck, ...] = (git, python, sandbox, inotify)

REPOSITORY_CHECKS: tuple[Check, ...] = (
    room,
    state,
    checkout,
    live,
    engine,
    disk,
    owners,
    stale,
    worktrees,
    sessions,
    heard,
    failing,
    behind,
    locks,
    intent,
    leftovers,
    work,
    refs,
    mirrors,
    policy,
    runtimes,
    programs,
    hooks,
    gates,
    push,
    freeze,
    signing,
)
