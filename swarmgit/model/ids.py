"""Names of things. Each kind of name is its own type, so that one is never passed for another."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NewType

TaskId = NewType("TaskId", str)
ConvoyId = NewType("ConvoyId", str)
AgentName = NewType("AgentName", str)
SessionId = NewType("SessionId", str)
EntryId = NewType("EntryId", str)
GateName = NewType("GateName", str)
CommitId = NewType("CommitId", str)
TreeId = NewType("TreeId", str)
BlobId = NewType("BlobId", str)
EvidenceKey = NewType("EvidenceKey", str)
MailId = NewType("MailId", str)
ExperimentId = NewType("ExperimentId", str)

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def ulid(at: datetime, seed: str) -> str:
    """Return a ULID (26 lower-case Crockford base-32 digits): 48 bits of milliseconds, 80 bits of sha256(seed).

    The random part is a hash, so that a pure function can name what it plans and the same plan
    gets the same name. Lower case, because the name becomes part of paths and refs.
    """
    milliseconds = int(at.timestamp() * 1000) & (1 << 48) - 1
    number = milliseconds << 80 | int.from_bytes(hashlib.sha256(seed.encode()).digest()[:10], "big")
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def hash_digits(seed: str, count: int) -> str:
    """Return `count` (at most 50) base-32 digits of sha256(seed)."""
    number = int.from_bytes(hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest(), "big")
    return "".join(CROCKFORD[number >> 5 * place & 31] for place in range(count))
