"""What a triage session answers: found in what it said, read into a value."""

from __future__ import annotations

import json

import msgspec

from swarmgit.model.health import Remedy, Triage, Verdict

CHARS_MAX = 20_000
REASON_CHARS_MAX = 300
EXAMPLE = '{"verdict": "stalled", "reason": "one sentence, with the line of output that shows it", "action": "restart"}'


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    verdict: Verdict
    reason: str
    action: Remedy
    version: int = 1


def answer_in(text: str) -> Triage | None:
    """Return the last answer in a text, None where there is none that keeps to the schema.

    A model may say more than it was asked for, before the answer and after it.
    """
    text = text[-CHARS_MAX:]
    decoder = json.JSONDecoder()
    for at in reversed([index for index, letter in enumerate(text) if letter == "{"]):
        try:
            found = msgspec.convert(decoder.raw_decode(text, at)[0], _Answer)
        except (ValueError, RecursionError, msgspec.ValidationError):
            continue
        reason = " ".join(found.reason.split())[:REASON_CHARS_MAX]
        if found.version == 1 and reason:
            return Triage(found.verdict, reason, found.action)
    return None
