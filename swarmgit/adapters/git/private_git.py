"""The `.git` inside a session's worktree: written as plain files, the agent's own from then on.

Nothing of it is ever read by git on the host. The one thing read back is the message of the agent's last commit, by
hand and with bounds.
"""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.beneath import read_beneath
from swarmgit.adapters.git.loose import loose_path
from swarmgit.adapters.git.run import Git, OutOfTime
from swarmgit.model.git import Identity

MESSAGE_SIZE_MAX = 16 * 1024
OBJECT_SIZE_MAX = 256 * 1024
COPIED_BYTES_MIN = 64 << 10
BRING_CPU_S_MAX, BRING_WALL_S_MAX = 10, 30.0
REF = re.compile(r"refs/heads/[A-Za-z0-9_][A-Za-z0-9_.\-/]{0,200}")
OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class PrivateGit(Struct, frozen=True):
    """What a private `.git` says. `objects`: the person's objects folder; `hidden`: paths its status leaves out;
    `excludes`: a file with patterns that it ignores."""

    branch: str
    commit: str
    objects: Path
    author: Identity
    object_format: str = "sha1"
    hidden: tuple[str, ...] = ()
    excludes: Path = Path("/dev/null")


def write(folder: Path, private: PrivateGit, index: Path) -> None:
    """Write a complete git directory to `folder`, which must not exist."""
    branch = folder / "refs" / "heads" / private.branch
    for made in (branch.parent, folder / "refs" / "tags", folder / "objects" / "info", folder / "objects" / "pack"):
        made.mkdir(parents=True, exist_ok=True)
    (folder / "info").mkdir()
    (folder / "HEAD").write_text(f"ref: refs/heads/{private.branch}\n", "utf-8")
    branch.write_text(f"{private.commit}\n", "utf-8")
    (folder / "config").write_text(_config(private), "utf-8")
    (folder / "objects" / "info" / "alternates").write_bytes(alternate(private.objects))
    hidden = "".join(f"{escaped(path)}\n" for path in private.hidden).encode()
    more = private.excludes.read_bytes() if private.excludes.is_file() else b""
    (folder / "info" / "exclude").write_bytes(more + b"\n" + hidden)
    shallow = private.objects.parent / "shallow"
    if shallow.is_file():
        shutil.copyfile(shallow, folder / "shallow")
    # With its times: git trusts an entry whose file is older than its index, so a younger copy would trust too much.
    shutil.copy2(index, folder / "index")


def alternate(objects: Path) -> bytes:
    """Return the line of `objects/info/alternates` that names a folder; git reads one with a line end in it quoted."""
    raw = os.fsencode(objects)
    if b"\n" in raw:
        raw = b'"%s"' % raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return raw + b"\n"


def _config(private: PrivateGit) -> str:
    is_sha1 = private.object_format == "sha1"
    lines = [
        "[core]",
        f"\trepositoryformatversion = {0 if is_sha1 else 1}",
        "\tfilemode = true",
        "\tbare = false",
        "\tlogallrefupdates = true",
        *([] if is_sha1 else ["[extensions]", f"\tobjectFormat = {private.object_format}"]),
        "[user]",
        f"\tname = {_quoted(private.author.name)}",
        f"\temail = {_quoted(private.author.email)}",
        "[gc]",
        "\tauto = 0",
        "[maintenance]",
        "\tauto = false",
    ]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    plain = "".join(letter for letter in value if letter.isprintable())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped(path: str) -> str:
    """Return the gitignore pattern that means exactly this path, anchored at the root."""
    body = re.sub(r"([*?\[\]\\])", r"\\\1", path.strip("/"))
    return f"/{body[:-1]}\\ " if body.endswith(" ") else f"/{body}"


def bring_objects(engine: Git, folder: Path, commit: str, *, is_there: bool) -> None:
    """Copy what `commit` needs into a private git directory, unless it `is_there` in the person's objects.

    A gate checks out commits that so far only the engine has; with this, git works there too, and the engine's
    objects stay out of sight. Large ones are copied as they are: packing them would take seconds. Where even that
    takes too long, the gate does without.
    """
    if not is_there:
        with suppress(OutOfTime):
            _bring(engine.bounded(BRING_CPU_S_MAX, BRING_WALL_S_MAX), folder, commit)


def _bring(engine: Git, folder: Path, commit: str) -> None:
    only_branches = ("-c", "core.alternateRefsPrefixes=refs/heads/")
    words = ("rev-list", "--objects", "--no-object-names", commit, "--not", "--alternate-refs")
    listed = engine.call(*only_branches, *words)
    if listed.returncode == 0:
        store = engine.git_dir / "objects"
        named = listed.stdout.decode("ascii").split()
        rest = "".join(f"{oid}\n" for oid in named if not _copied(store, folder / "objects", oid))
        pack = ("pack-objects", "-q", "--window=0", "--threads=1", str(folder / "objects" / "pack" / "pack"))
        engine.call("-c", "core.fsync=none", *pack, stdin=rest.encode())


def _copied(store: Path, objects: Path, oid: str) -> bool:
    """Copy a large loose object; return whether it is one."""
    path = loose_path(store, oid)
    try:
        if path.stat().st_size < COPIED_BYTES_MIN:
            return False
    except OSError:
        return False
    goal = loose_path(objects, oid)
    goal.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, goal)  # no second name of it: a gate may write there
    return True


def agent_message(git_dir: Path, base: str) -> str | None:
    """Return the message of the commit that HEAD points at, if the agent moved it from `base` and it can be read."""
    head = _text(git_dir, "HEAD")
    if head.startswith("ref: "):
        name = head.removeprefix("ref: ").strip()
        if not REF.fullmatch(name) or ".." in name:
            return None
        head = _text(git_dir, name) or _packed(git_dir, name)
    oid = head.strip()
    if not OID.fullmatch(oid) or oid == base:
        return None
    packed = read_beneath(git_dir, f"objects/{oid[:2]}/{oid[2:]}", OBJECT_SIZE_MAX)
    return _message(packed) if packed else None


def _text(git_dir: Path, path: str) -> str:
    content = read_beneath(git_dir, path, 4096)
    return content.decode("utf-8", "replace").strip() if content else ""


def _packed(git_dir: Path, ref: str) -> str:
    lines: Sequence[bytes] = (read_beneath(git_dir, "packed-refs", 1 << 20) or b"").splitlines()
    ending = b" " + ref.encode()
    return next((line.split(b" ")[0].decode("ascii", "replace") for line in lines if line.endswith(ending)), "")


def _message(packed: bytes) -> str | None:
    try:
        raw = zlib.decompressobj().decompress(packed, OBJECT_SIZE_MAX)
    except zlib.error:
        return None
    kind, _, body = raw.partition(b"\0")
    if not kind.startswith(b"commit "):
        return None
    text = body.partition(b"\n\n")[2][:MESSAGE_SIZE_MAX].decode("utf-8", "replace")
    plain = "".join(letter for letter in text if letter.isprintable() or letter in "\n\t").strip()
    return plain or None
