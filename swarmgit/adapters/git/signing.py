"""Signatures of what lands, made with ssh keys: one for each agent, where no sandbox shows them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.loose import LooseWriter, NewObject, new_object
from swarmgit.adapters.git.run import HARDENED
from swarmgit.errors import PersonMustAct
from swarmgit.model import trailers
from swarmgit.model.git import Signature
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import MergeTry

PROGRAM = "ssh-keygen"
LIMIT_S = 60
KEY = "key"
UNFINISHED = ".new-"
HEADERS = {"sha1": b"gpgsig", "sha256": b"gpgsig-sha256"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STATES = {"G": "good", "U": "unknown", "N": "none"}


class GitSignatures:
    """ports.Signatures. `keys`: a folder for each agent with `key` and `key.pub`; nobody else may read it."""

    def __init__(self, engine: GitEngine, keys: Path, program: str = PROGRAM) -> None:
        self._engine = engine
        self._objects = engine.objects
        self._keys = keys
        self._program = program
        self._writer = LooseWriter(engine.git.git_dir / "objects", durable=False)

    def sign(self, tried: MergeTry) -> MergeTry:
        """Return the merge with a candidate that differs by its signature alone: ed25519 knows no chance."""
        if tried.commit is None:
            return tried
        author = self._objects.commit(tried.commit).author_email
        key = self._key(author)
        text = self._objects.content(tried.commit, "commit")
        signature = self._run("-Y", "sign", "-n", "git", "-f", str(key), stdin=text)
        commit = signed(text, signature, self._objects.algorithm)
        self._writer.write([commit])
        self._objects.learn([commit])
        return replace(tried, commit=CommitId(commit.oid), signer=_line(author, key))

    def _key(self, author: str) -> Path:
        """Return an agent's private key, made if need be: its folder is there whole or not at all."""
        name, _, domain = author.rpartition("@")
        if domain != trailers.AGENT_DOMAIN or not _NAME.fullmatch(name):
            raise PersonMustAct(f"{author} is no agent, so there is no key to sign with")
        folder = self._keys / name
        if not (folder / KEY).exists():
            self._keys.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._keys.glob(f"{UNFINISHED}*"):  # of a process that was killed: never used
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self._keys) as scratch:
                made = Path(scratch) / name
                made.mkdir(mode=0o700)
                self._run("-q", "-t", "ed25519", "-N", "", "-C", author, "-f", str(made / KEY))
                for file in (made / KEY, made / f"{KEY}.pub"):
                    _flush(file)
                made.rename(folder)
        return folder / KEY

    def verify(self, commits: Sequence[CommitId], allowed: bytes) -> Mapping[CommitId, Signature]:
        if not commits:
            return {}
        program = self._found()
        with tempfile.NamedTemporaryFile(prefix="signers-") as file:
            file.write(allowed)
            file.flush()
            settings = ("-c", f"gpg.ssh.allowedSignersFile={file.name}", "-c", f"gpg.ssh.program={program}")
            what = ("log", "--no-walk=unsorted", "--stdin", "--format=%H %G? %GS")
            said = self._engine.git.out(*settings, *what, stdin="".join(f"{each}\n" for each in commits).encode())
        found = {}
        for line in said.decode("utf-8", "replace").splitlines():
            commit, state, signer = line.split(" ", 2)
            found[CommitId(commit)] = _signature(_STATES.get(state, "bad"), signer)
        return found

    def known(self) -> bytes:
        """Return git's lines of allowed signers for the keys that were made here."""
        found = (folder for folder in sorted(self._keys.glob("*/")) if (folder / f"{KEY}.pub").is_file())
        return "".join(f"{_line(f'{each.name}@{trailers.AGENT_DOMAIN}', each / KEY)}\n" for each in found).encode()

    def _found(self) -> str:
        found = shutil.which(self._program, path=HARDENED["PATH"])
        if found is None:
            raise PersonMustAct(
                f"merge.sign: ssh needs {self._program}, which is not here",
                hint="install OpenSSH (Debian: openssh-client)",
            )
        return found

    def _run(self, *args: str, stdin: bytes = b"") -> bytes:
        """Return what the program prints; PersonMustAct where it fails."""
        argv = [self._found(), *args]
        env = {"PATH": HARDENED["PATH"], "HOME": HARDENED["HOME"], "LC_ALL": "C"}
        try:
            done = subprocess.run(argv, input=stdin, capture_output=True, env=env, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise PersonMustAct(f"{self._program} has not answered for {LIMIT_S} s; nothing was signed") from error
        if done.returncode != 0:
            words = " ".join(done.stderr.decode("utf-8", "replace").split())
            raise PersonMustAct(
                f"nothing was signed: {self._program}: {words}",
                hint=f"is what lies in {self._keys} readable for you, and for you alone?",
            )
        return done.stdout


def _signature(state: str, signer: str) -> Signature:
    match state:
        case "good":
            return Signature("good", signer)
        case "unknown":
            return Signature("unknown")
        case "none":
            return Signature("none")
        case _:
            return Signature("bad")


def signed(text: bytes, signature: bytes, algorithm: str) -> NewObject:
    """Return a commit with a signature of it, written as git does: after the last header, further lines indented."""
    head, end, message = text.partition(b"\n\n")
    field = HEADERS[algorithm] + b" " + signature.strip().replace(b"\n", b"\n ")
    return new_object("commit", head + b"\n" + field + end + message, algorithm)


def _line(author: str, key: Path) -> str:
    """Return the line of git's allowed signers for a key."""
    kind, public, *_ = key.with_suffix(".pub").read_text("ascii").split()
    return f'{author} namespaces="git" {kind} {public}'


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
