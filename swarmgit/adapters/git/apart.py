"""Work on the content of conflicts, in a process of its own that the kernel ends at its limits.

What agents wrote decides how long that takes and how much memory, and deep enough it ends any parser. What was
answered before the end holds; the rest counts as not resolved.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct

from swarmgit.adapters.git.run import Bounds
from swarmgit.resolve.answer import Answer

SIDE_BYTES_MAX = 2_000_000
"""The rules look at nothing larger."""

ALL_BYTES_MAX = 64 << 20
CPU_S_MAX, WALL_S_MAX, MEMORY_KIB_MAX = 20, 60.0, 2 << 20
CHILD = "swarmgit.adapters.git.apart_child"
HEAD_BYTES = 4


class Limits(Struct, frozen=True):
    """What one process may use: seconds of processor and of time, KiB of memory."""

    cpu_s: int = CPU_S_MAX
    wall_s: float = WALL_S_MAX
    memory_kib: int = MEMORY_KIB_MAX


LIMITS = Limits()


class Resolve(Struct, frozen=True, tag=True):
    """Ask the rules for one file. `path` as bytes, because a name need not be text."""

    path: bytes
    base: bytes | None
    ours: bytes
    theirs: bytes


class Mark(Struct, frozen=True, tag=True):
    """Put markers around what both sides changed; `labels` name ours, the base and theirs."""

    base: bytes | None
    ours: bytes
    theirs: bytes
    labels: tuple[str, str, str]


class Learn(Struct, frozen=True, tag=True):
    """Say what stands in the result in place of each conflict."""

    base: bytes | None
    ours: bytes
    theirs: bytes
    result: bytes


class Settings(Struct, frozen=True):
    """What the rules are asked with. `memory`: the folder of what was resolved before; `merger`: a merge program."""

    union: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    memory: bytes | None = None
    merger: bytes | None = None


class Asked(Struct, frozen=True):
    """What the process gets on its standard input, as MessagePack."""

    settings: Settings
    files: tuple[Resolve | Mark | Learn, ...]


class Said(Struct, frozen=True):
    """What it says of one file, after four bytes with the length."""

    number: int
    answer: Answer | None = None
    marked: bytes | None = None
    learned: Mapping[str, bytes] = {}


def ask(
    files: Sequence[Resolve | Mark | Learn], settings: Settings | None = None, limits: Limits = LIMITS
) -> list[Said]:
    """Return what is said of each file; of one that was too much for the limits, nothing."""
    found = {number: Said(number) for number in range(len(files))}
    sent = _bearable(files)
    if sent:
        asked = Asked(settings or Settings(), tuple(files[number] for number in sent))
        for said in _answers(_run(msgspec.msgpack.encode(asked), limits)):
            number = sent[said.number]
            found[number] = msgspec.structs.replace(said, number=number)
    return list(found.values())


def _bearable(files: Sequence[Resolve | Mark | Learn]) -> list[int]:
    """Return the numbers of the files that are small enough to be looked at, as far as all of them together are."""
    sent: list[int] = []
    left = ALL_BYTES_MAX
    for number, file in enumerate(files):
        sides = [file.base or b"", file.ours, file.theirs]
        if max(map(len, sides)) <= SIDE_BYTES_MAX and sum(map(len, sides)) <= left:
            sent.append(number)
            left -= sum(map(len, sides))
    return sent


def _run(asked: bytes, limits: Limits) -> bytes:
    """Return what the process has written by its end."""
    bounds = Bounds(limits.cpu_s, time.monotonic() + limits.wall_s, limits.memory_kib)
    env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as made:
        given.write(asked)
        given.seek(0)
        child = subprocess.Popen(
            [*bounds.around(), sys.executable, "-B", "-m", CHILD],
            stdin=given,
            stdout=made,
            stderr=subprocess.DEVNULL,
            env=env,
            cwd="/",
            process_group=0,
        )
        try:
            with suppress(subprocess.TimeoutExpired):
                child.wait(limits.wall_s)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        made.seek(0)
        return made.read()


def _answers(output: bytes) -> list[Said]:
    found: list[Said] = []
    at = 0
    while at + HEAD_BYTES <= len(output):
        end = at + HEAD_BYTES + int.from_bytes(output[at : at + HEAD_BYTES], "big")
        if end > len(output):  # its end came in the middle of an answer
            break
        found.append(msgspec.msgpack.decode(output[at + HEAD_BYTES : end], type=Said))
        at = end
    return found
