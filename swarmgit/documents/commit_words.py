"""What an agent says of its work, as it may stand in a commit that lands: words, and nothing that a forge acts on.

Forges, trackers and release tools obey commit messages: trailers vouch for people, marks switch checks off, `Closes #1`
closes an issue, `@name` calls somebody. Swarmgit's own trailers are the only ones that land. What is only a word stays
readable; a line that vouches for somebody is left out, and the message says how many.
"""

from __future__ import annotations

import re
import unicodedata

from swarmgit.documents import quoting

ALLOWED = frozenset({"note", "why", "see", "example", "usage", "todo", "warning", "before", "after"})
"""Words that may stand before a colon at the beginning of a line, where they look like a trailer; nobody obeys them."""

OBEYED = frozenset({"fixes", "closes", "resolves", "refs", "references", "cc", "link", "reviewers", "subscribers"})
HYPHENS_MAX = 5
TRAILER = re.compile(r"^\s{0,3}([A-Za-z][A-Za-z0-9]*(?:[- ][A-Za-z0-9]+)*)\s*[:=]\s*\S")
CONTINUED = re.compile(r"^\s+\S")
MARK = re.compile(
    r"\[+([^\[\]\n]*(?<![A-Za-z])(?:skip|no|ci|cd|cf|actions?|deploy|release|publish|build)(?![A-Za-z])[^\[\]\n]*)\]+",
    re.IGNORECASE,
)
STARS = re.compile(r"\*{2,}([A-Z_]{2,})\*{2,}")
KEYWORD = re.compile(
    r"\b(?:close[sd]?|closing|fix(?:e[sd]|ing)?|resolve[sd]?|resolving|implement(?:s|ed|ing)?|complete[sd]?)"
    r"(?=:?\s+(?:[\w./-]*#\d|GH-\d|[A-Z][A-Z0-9_]+-\d|T\d|https?://|!\d))",
    re.IGNORECASE,
)
NUMBER = re.compile(r"(?<![&\w])([\w./-]*)[#!](\d+)\b")
KEY_COMMAND = re.compile(r"(\b[A-Z][A-Z0-9_]+-\d+\b[^\n]*?)#(?=[a-z])")
KEY = re.compile(r"\bGH-(\d+)\b")
ADDRESS = re.compile(r"https?://(?=\S*/(?:issues|pull|pulls|merge_requests|work_items|browse|issue|ticket|commit)/)")
CALL = re.compile(r"(?<![\w.+-])@(?=[A-Za-z0-9])")
LOOKS = re.compile(r"^[\s>*_`~\"']+")
"""What may stand before a trailer so that people still take it for one."""

VOUCHING = re.compile(
    r"(?:signed[- ]off|co[- ]?(?:authored|developed)|authored|committed|reviewed|approved|acked|tested|verified|merged)"
    r"[- ]by|swarm[- ][a-z -]+",
    re.IGNORECASE,
)

PATCH = re.compile(r"---(?:\s|$)|diff -|Index: |From |(?:From|Date|Subject):|-+\s*(?:>8|8<)", re.IGNORECASE)
"""How a patch begins in a mail, and what names another author there: `git am` obeys such lines at the margin."""

AUTOSQUASH = re.compile(r"^(fixup|squash|amend|drop|reword)!")


def landed_words(text: str) -> tuple[str, str]:
    """Return subject and body; ('', '') where nothing is left of the text."""
    kept, dropped = _without_trailers([_seen(line) for line in quoting.LINE_BREAKS.split(text)])
    words = "\n".join(_quiet(line.rstrip()) for line in kept).strip()
    first, _, rest = words.partition("\n")
    subject, rest = AUTOSQUASH.sub(r"\1:", " ".join(first.split())), rest.strip("\n")
    if subject and dropped:
        lines = "line" if dropped == 1 else "lines"
        rest = f"{rest}\n\n(Left out: {dropped} {lines} in the form of a trailer.)".strip()
    return subject, rest


def _seen(line: str) -> str:
    return "".join(each for each in line if each == "\t" or not quoting.is_unseen(each))


def _without_trailers(lines: list[str]) -> tuple[list[str], int]:
    """Return the lines that are no trailers or parts of one, and how many were left out."""
    kept: list[str] = []
    dropped, is_inside = 0, False
    for line in lines:
        is_inside = _is_trailer(line) or _looks_like_vouching(line) or (is_inside and CONTINUED.match(line) is not None)
        if is_inside:
            dropped += 1
        else:
            kept.append(line)
    return kept, dropped


def _is_trailer(line: str) -> bool:
    """Return whether a line has the form of a trailer: a word with hyphens, or one that somebody obeys, and a colon."""
    found = TRAILER.match(line)
    name = found[1].lower() if found else ""
    if not found or name in ALLOWED:
        return False
    is_breaking = found[1] in {"BREAKING CHANGE", "BREAKING-CHANGE"}
    is_hyphenated = "-" in name and " " not in name and len(name.split("-")) <= HYPHENS_MAX
    return is_breaking or is_hyphenated or name in OBEYED or name in {"test plan", "signed off by"}


def _looks_like_vouching(line: str) -> bool:
    """Return whether people take a line for one that vouches for somebody, however its letters are written."""
    plain = "".join("-" if unicodedata.category(each) in {"Pd", "Pc"} else each for each in line)
    found = TRAILER.match(LOOKS.sub("", unicodedata.normalize("NFKC", plain)))
    return found is not None and VOUCHING.fullmatch(found[1]) is not None


def _quiet(line: str) -> str:
    line = STARS.sub(lambda found: found[1].replace("_", " ").lower(), MARK.sub(r"(\1)", line))
    line = KEYWORD.sub("concerning", line)
    line = KEY_COMMAND.sub(r"\1", KEY_COMMAND.sub(r"\1", line))
    line = NUMBER.sub(lambda found: f"{found[1]} no. {found[2]}".strip(), KEY.sub(r"GH \1", ADDRESS.sub("", line)))
    line = CALL.sub("(at)", line)
    return f" {line}" if PATCH.match(line) else line
