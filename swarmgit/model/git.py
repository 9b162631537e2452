"""What git says of objects, refs and signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from swarmgit.model.ids import CommitId, TreeId


class TreeEntry(Struct, frozen=True):
    """`mode` octal as git prints it ('100644', '040000', …); `kind` blob, tree or commit."""

    mode: str
    kind: str
    oid: str
    name: str


class CommitInfo(Struct, frozen=True):
    oid: CommitId
    tree: TreeId
    parents: tuple[CommitId, ...]
    author: str
    author_email: str
    committed: datetime
    message: str


class Identity(Struct, frozen=True):
    name: str
    email: str


class RefFault(Struct, frozen=True):
    """What is wrong with a ref below `refs/swarm/`, as a sentence. `is_derived`: nothing is lost with it."""

    name: str
    text: str
    is_derived: bool


class Signature(Struct, frozen=True):
    """What git says of a commit's signature. `signer`: the principal whose key it is, '' where no known one is."""

    state: Literal["good", "unknown", "bad", "none"]
    signer: str = ""


class PutBack(Struct, frozen=True):
    """A state branch that was put back to `commit`. `why`: what was wrong with it, in words."""

    commit: CommitId
    why: str
