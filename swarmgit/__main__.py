"""`swarmgit`, and `python -m swarmgit`.

What agents do often and wait for, asking for new mail and sending some, is done here where it is plain; all else, and
everything that is wrong, is the whole command line's.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

GARBAGE_MIN = 50_000
"""What importing makes stays: looking for garbage in it again and again is a twentieth of a command's time."""

OPTIONS = {
    "-s": "subject",
    "--subject": "subject",
    "-m": "body",
    "--body": "body",
    "--to": "to",
    "--type": "type",
    "--priority": "priority",
    "--reply-to": "in_reply_to",
    "--thread": "thread",
}


NOTHING_NEW = '{\n  "version": 1,\n  "mails": [],\n  "left": 0\n}\n'


def main() -> int:
    """Run the command line and return its exit code."""
    if os.environ.get("SWARM_SESSION") and sys.argv[1:2] == ["mail"] and _is_done(sys.argv[2:]):
        return 0
    gc.set_threshold(GARBAGE_MIN)
    from swarmgit.cli import main as whole

    return whole()


def _is_done(words: Sequence[str]) -> bool:
    """Do what a session asks of its mail, and return whether it is done."""
    from swarmgit.app.desk import desk_of

    desk = desk_of(os.environ)
    if desk is None:
        return False
    if list(words) in (["check"], ["check", "--json"]):
        if desk.has_new():
            return False
        sys.stdout.write(NOTHING_NEW if words[1:] else "")
        return True
    letter = letter_in(words[1:]) if words[:1] == ["send"] else None
    if letter is None:
        return False
    try:
        desk.send(letter)
    except OSError:
        return False
    return True


def letter_in(words: Sequence[str]) -> dict[str, object] | None:
    """Return the letter that the words of `mail send` make; None where they are anything but plain."""
    from swarmgit.app.desk import PRIORITIES, TYPES, letter_of

    names: list[str] = []
    more: list[str] = []
    fields: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        value = next(rest, None) if word in OPTIONS else word
        if value is None or value[:1] == "-" or OPTIONS.get(word) in fields:
            return None
        if word not in OPTIONS:
            names.append(value)
        elif OPTIONS[word] == "to":
            more.append(value)
        else:
            fields[OPTIONS[word]] = value
    names += more
    if not names or "subject" not in fields:
        return None
    if fields.get("type", TYPES[0]) not in TYPES or fields.get("priority", PRIORITIES[0]) not in PRIORITIES:
        return None
    return letter_of(names, fields.pop("subject"), **fields)


if __name__ == "__main__":
    sys.exit(main())
