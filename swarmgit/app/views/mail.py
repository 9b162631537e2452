"""The JSON shapes of `mail`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from swarmgit.app.views.problems import problem_rows
from swarmgit.model.desired import Problem
from swarmgit.model.mail import Letter, Mail
from swarmgit.state import text


def mails_document(
    mails: Iterable[Mail], waiting: Sequence[Letter] = (), problems: Sequence[Problem] = ()
) -> dict[str, Any]:
    """Return `mail list --json`; `waiting`: letters that the next tick sends; `problems`: what cannot be read."""
    return {
        "version": 1,
        "mails": [mail_document(mail) for mail in mails],
        "waiting": [{"to": list(letter.to), "type": letter.type, "subject": letter.subject} for letter in waiting],
        "problems": problem_rows(problems),
    }


def mail_document(mail: Mail) -> dict[str, Any]:
    """Return one message as its file has it, and whether it was read."""
    plain = {key: value for key, value in text.plain(mail).items() if key != "version"}
    return {**plain, "read": mail.read_at is not None}
