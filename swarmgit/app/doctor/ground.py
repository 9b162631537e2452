"""Checks of what everything stands on here: programs, owners, locks, hooks, refs and worktrees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from swarmgit.app.doctor.report import Facts, Finding, Level
from swarmgit.app.views.words import counted
from swarmgit.documents import paths
from swarmgit.ports.world import ReadWorld, World

PLAIN = re.compile(r"[A-Za-z0-9_.+/-]+")
BUILT_IN = frozenset({"test", "true", "false", "cd", "set", "export", "exec", "eval", "if", "for", "while", "case"})
"""What the shell does itself."""

NAMED_MAX = 5


def programs(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """The programs of gates and agents are here."""
    desired, ground = facts.seen.desired, facts.machine.ground
    swarm = desired.swarm
    if swarm is None:
        return
    for gate in desired.gates:
        word = next(iter(gate.run.split()), "")
        if _is_missing(facts, word):
            words = f"gate {gate.name}: there is no program {word} on PATH, so it can never pass"
            level: Level = "warn" if swarm.worktree.setup else "fail"  # set-up may bring it
            yield Finding("programs", level, words, f"install {word}, or correct run: in {paths.GATES_YAML}")
    asked = {tier.runtime for tier in swarm.tiers.values()} | {t.runtime for t in desired.tasks.values() if t.runtime}
    for name in sorted(asked):
        runtime = swarm.runtimes.get(name)
        known = tuple(ground.programs_of(runtime.adapter if runtime else name))
        wanted = runtime.run[:1] if runtime and runtime.run else known
        missing = [word for word in wanted if _is_missing(facts, word)]
        if missing:
            words = f"runtime {name}: there is no program {', '.join(missing)} here, so its agents cannot start"
            repair = f"install it, or change {paths.SWARM_YAML}; then: swarmgit runtime list"
            yield Finding("programs", "fail", words, repair)


def _is_missing(facts: Facts, word: str) -> bool:
    """Return whether a program is certainly not here; what lies in the tree is for the gate itself to find."""
    is_plain = PLAIN.fullmatch(word) is not None and word not in BUILT_IN
    return is_plain and (word.startswith("/") or "/" not in word) and not facts.machine.ground.finds(word)


def owners(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """What swarmgit writes into belongs to who runs it."""
    repository = world.repository
    for place in (repository.common_dir, repository.common_dir / "objects", repository.live, repository.store):
        found = facts.machine.ground.owner_of(place)
        if found is not None and not found.is_ours:
            words = f"{place} belongs to {found.name}, and not to who runs this"
            yield Finding("owners", "warn", words, f"sudo chown -R $(id -un) {quote(str(place))}")
        elif found is not None and found.is_on_read_only_disk:
            yield Finding("owners", "fail", f"{place} is on a file system that is read-only", "mount it for writing")
        elif found is not None and not found.is_writable:
            yield Finding("owners", "fail", f"{place} cannot be written", f"ls -ld {quote(str(place))}")


def stale(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """No dead git has left a lock on a ref."""
    common = world.repository.common_dir
    target = world.repository.target or "main"
    names = ("HEAD.lock", "packed-refs.lock", "packed-refs.new", "config.lock", f"refs/heads/{target}.lock")
    theirs = [common / name for name in names]
    state = f"refs/heads/{world.repository.state_branch}.lock"
    ours = [common / state, *sorted((common / "refs/swarm").glob("**/*.lock"))]
    for lock in (*theirs, *ours):
        if facts.machine.ground.is_stale(lock):
            fix = partial(_drop, facts, lock) if lock in ours else None
            words = f"a git command that is not there any more left {lock}"
            yield Finding("stale", "fail", words, f"rm {quote(str(lock))}", fix)


def _drop(facts: Facts, lock: Path, _world: World) -> str:
    facts.machine.ground.drop_lock(lock)
    return f"removed {lock}"


def worktrees(world: ReadWorld, _facts: Facts) -> Iterator[Finding]:
    """Every worktree has its session."""
    live = world.executor.poll(None)
    stray = sorted(str(place) for session, place in world.worktrees.leases().items() if session not in live)
    if stray:
        words = f"{counted(len(stray), 'worktree')} without a session: {', '.join(stray[:NAMED_MAX])}"
        yield Finding("worktrees", "warn", f"{words}; the next reconcile saves what is in them", "swarmgit reconcile")


def hooks(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Landings run no hooks, so what hooks guard has to be a gate."""
    found = facts.machine.ground.hooks(world.repository.common_dir)
    if found:
        words = f"landings do not run the hooks {', '.join(found)}"
        yield Finding("hooks", "warn", words, f"make a gate of what they check: {paths.GATES_YAML}")
