"""What a session that resolves a conflict finds in its folder beside the worktree."""

from __future__ import annotations

from swarmgit.model.conflicts import LaidOut

IN_PROMPT_MAX = 40_000
"""Characters of one difference that go into the prompt itself; all of it is in the folder."""


def conflict_files(prompt: str, laid: LaidOut) -> dict[str, bytes]:
    """Return files by their name in the session folder: the prompt with both differences, these, and the hints."""
    parts = [prompt.rstrip("\n")]
    for name, title, text in (
        ("ours.diff", "What has landed since, in these files", laid.ours),
        ("theirs.diff", "What the task changed in them", laid.theirs),
    ):
        if text:
            parts.append(f"## {title} (merge/{name} beside this prompt)\n\n{_fenced(text, 'diff')}")
    for path, content in laid.hints.items():
        text = content.decode("utf-8", "replace")
        parts.append(f"## A hint: what one rule alone would make of {path}\n\n{_fenced(text, '')}")
    return {
        "prompt.md": ("\n\n".join(parts) + "\n").encode("utf-8", "surrogateescape"),
        "merge/ours.diff": laid.ours.encode("utf-8", "surrogateescape"),
        "merge/theirs.diff": laid.theirs.encode("utf-8", "surrogateescape"),
    }


def _fenced(text: str, language: str) -> str:
    shown = text if len(text) <= IN_PROMPT_MAX else text[:IN_PROMPT_MAX] + "\n(cut off here)"
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown.rstrip()}\n{fence}"


def _longest_run(text: str) -> int:
    """Return the length of the longest run of backticks, so that no content ends its own fence."""
    return max((len(part) for part in "".join(c if c == "`" else " " for c in text).split()), default=0)
