"""Checks of the machine: they need no repository."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.app.doctor.report import Finding, MachineFacts

GIT_MIN = (2, 38)
PYTHON_MIN = (3, 11)
WATCHES_FEW = 8192


def git(machine: MachineFacts) -> Iterator[Finding]:
    """Git is there and new enough."""
    words = f"git {'.'.join(map(str, machine.git))}" if any(machine.git) else "there is no git on PATH"
    is_new = machine.git >= GIT_MIN
    yield Finding("git", "ok" if is_new else "fail", words, "" if is_new else "install git 2.38 or newer")


def python(machine: MachineFacts) -> Iterator[Finding]:
    """Python is new enough."""
    is_new = machine.python >= PYTHON_MIN
    words = f"Python {'.'.join(map(str, machine.python))}"
    yield Finding("python", "ok" if is_new else "fail", words, "" if is_new else "use Python 3.11 or newer")


def sandbox(machine: MachineFacts) -> Iterator[Finding]:
    """Which sandbox there is, and how strong it is."""
    found = machine.sandbox
    is_full = found.strength == "full"
    repair = "" if is_full else "install bubblewrap and allow user namespaces, as docs/security.md says"
    yield Finding("sandbox", "ok" if is_full else "warn", found.text, repair)


def inotify(machine: MachineFacts) -> Iterator[Finding]:
    """Files can be watched."""
    limits = machine.inotify
    watches = limits.get("max_user_watches", WATCHES_FEW) if limits else None
    if watches is None:
        yield Finding("inotify", "ok", "this system watches files in another way")
    elif watches < WATCHES_FEW:
        yield Finding("inotify", "warn", f"only {watches} watches a user", "sysctl fs.inotify.max_user_watches=65536")
    else:
        yield Finding("inotify", "ok", f"{watches} watches a user")
