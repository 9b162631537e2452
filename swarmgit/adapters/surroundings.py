"""What a gate's answer rests on besides the tree: the machine, its system, and the programs that gates find."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

NAME = "surroundings.json"
PLACES = ("PATH", "HOME", "XDG_STATE_HOME")
OS_RELEASE = Path("/etc/os-release")
DIGITS = 12


def surroundings(environ: Mapping[str, str], os_release: Path = OS_RELEASE) -> str:
    """Return the part of every evidence key that changes when answers given here before may not hold any more.

    That is: system and processor, the release of the system, and for each folder of PATH its name and when something
    was last installed into it. So an upgrade makes every gate run again.
    """
    machine = os.uname()
    digest = hashlib.sha256()
    try:
        digest.update(os_release.read_bytes())
    except OSError:
        digest.update(machine.release.encode())  # where there is no such file the kernel tells the release
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        try:
            changed = Path(folder or ".").stat().st_mtime_ns
        except OSError:
            continue
        digest.update(f"{folder}\0{changed}\0".encode("utf-8", "surrogateescape"))
    return f"{machine.sysname} {machine.machine} {digest.hexdigest()[:DIGITS]}"


class Surroundings(Struct, frozen=True):
    """What `reconcile` was started in, kept so that views see what it sees, whoever's shell asks.

    `fingerprint`: see `surroundings`. `store`: where its worktrees are. `environ`: where programs and the home are; of
    all other variables only that they are set, as '-'.
    """

    fingerprint: str
    store: str
    environ: Mapping[str, str]


def keep_surroundings(live: Path, environ: Mapping[str, str], store: Path) -> Surroundings:
    """Write down what `reconcile` is started in, and return it."""
    told = {name: value if name in PLACES else "-" for name, value in environ.items() if value}
    made = Surroundings(surroundings(environ), str(store), told)
    content = json.dumps(msgspec.to_builtins(made), sort_keys=True).encode()
    path = live / NAME
    if read_bytes(path) != content:
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_bytes(content)
        fresh.replace(path)
    return made


def seen_from(environ: Mapping[str, str], place: Surroundings | None) -> Mapping[str, str]:
    """Return the environment that says what sessions could have: places as recorded, and what is set there or here."""
    if place is None:
        return environ
    return {**place.environ, **environ, **{name: place.environ[name] for name in PLACES if name in place.environ}}


def recorded(live: Path) -> Surroundings | None:
    """Return what the last `reconcile` was started in; None where there was none, or it cannot be read."""
    try:
        return msgspec.convert(json.loads(read_bytes(live / NAME) or b""), Surroundings)
    except ValueError:
        return None


def read_bytes(path: Path) -> bytes | None:
    """Return a file's content, None where it cannot be had."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def has_entries(folder: Path) -> bool:
    """Return whether a folder is there and not empty."""
    try:
        return next(folder.iterdir(), None) is not None
    except OSError:
        return False
