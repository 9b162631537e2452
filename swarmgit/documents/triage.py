"""What a triage session answers: found in what it said, read into a value."""

from __future__ import annotations

import msgspec

from swarmgit.documents.answers import last_in, words
from swarmgit.model.health import Remedy, Triage, Verdict

REASON_CHARS_MAX = 300
EXAMPLE = '{"verdict": "stalled", "reason": "one sentence, with the line of output that shows it", "action": "restart"}'


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    verdict: Verdict
    reason: str
    action: Remedy
    version: int = 1


def answer_in(text: str) -> Triage | None:
    """Return the last answer in a text, None where there is none that keeps to the schema."""
    found = last_in(text, _Answer)
    reason = words(found.reason, REASON_CHARS_MAX) if found is not None else ""
    if found is None or found.version != 1 or not reason:
        return None
    return Triage(found.verdict, reason, found.action)
