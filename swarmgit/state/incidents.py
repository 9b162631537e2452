"""Incident files: Markdown in the form of a post-mortem, with its facts as YAML before the first heading.

The facts are what is read; the rest is written from them, so that a person needs no tool to read it.
"""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.documents import quoting
from swarmgit.errors import PersonMustAct
from swarmgit.model.incidents import Incident, Occurrence
from swarmgit.state import text

FENCE = "---\n"
CHECKS = ("watchdog threshold", "specification", "gate", "infrastructure")
SHOWN_MAX = 10


def dump(value: Incident) -> bytes:
    """Return an incident's file."""
    facts = text.dump(value).decode()
    return f"{FENCE}{facts}{FENCE}\n{post_mortem(value)}".encode()


def load(path: str, data: bytes) -> Incident:
    """Return the incident in a file, or raise PersonMustAct that says where it is broken."""
    whole = data.decode("utf-8", "replace")
    facts, fence, _ = whole.removeprefix(FENCE).partition(f"\n{FENCE}")  # text within the facts is indented
    if not fence or not whole.startswith(FENCE):
        raise PersonMustAct(f"{path}:1:1: the facts of an incident stand first, between two lines of '---'")
    return text.load(path, f"{facts}\n".encode(), Incident)


def post_mortem(value: Incident) -> str:
    """Return the post-mortem form, filled in as far as is known."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Incident) -> Iterator[str]:
    yield f"# {quoting.markdown(value.title)}"
    yield ""
    yield f"- Incident: {value.id} ({value.state})"
    yield f"- Date: {value.opened:%Y-%m-%d %H:%M} UTC"
    yield f"- Agents: {', '.join(map(quoting.markdown, value.agents)) or 'none'}"
    yield f"- Tasks: {', '.join(map(quoting.markdown, value.tasks)) or 'none'}"
    yield f"- Duration: {_duration(value)}"
    if value.count > 1:
        least = "at least " if value.is_at_least else ""
        yield f"- Occurred: {least}{value.count} times, last {value.last:%Y-%m-%d %H:%M} UTC"
    if value.earlier:
        yield f"- Recurrence: it happened before: {', '.join(f'[{name}]({name}.md)' for name in value.earlier)}"
    yield from _section("What happened", "\n".join(map(_occurrence, value.occurrences[-SHOWN_MAX:])))
    yield from _section("Detection", quoting.markdown(value.detection))
    yield from _section("Root cause", _said(value.cause) or "Not known yet.")
    yield from _section("Resolution", _resolution(value))
    yield from _section("Prevention", "\n".join(_prevention(value)))
    if value.notes:
        yield from _section(
            "Notes",
            "\n".join(
                f"- {n.at:%Y-%m-%d %H:%M} {quoting.markdown(n.by)}: {quoting.markdown(n.text)}" for n in value.notes
            ),
        )


def _section(title: str, body: str) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield body


def _occurrence(each: Occurrence) -> str:
    return f"- {each.at:%Y-%m-%d %H:%M:%S} {quoting.markdown(each.what)}"


def _said(words: str) -> str:
    """Return what somebody wrote in several lines, each of them harmless."""
    return "\n".join(map(quoting.markdown, quoting.lines(words)))


def _resolution(value: Incident) -> str:
    lines = [_said(value.resolution)] if value.resolution else []
    if value.closed is not None:
        lines.append(f"Closed by {quoting.markdown(value.closed_by or 'a person')}, {value.closed:%Y-%m-%d %H:%M} UTC.")
    elif value.answers:
        lines += ["What answers this:", "", *(f"    {quoting.line(command)}" for command in value.answers)]
    return "\n".join(lines) or "Open."


def _prevention(value: Incident) -> Iterator[str]:
    """Yield the check list; what somebody found to apply is ticked."""
    for check in CHECKS:
        found = [
            quoting.markdown(line.partition(":")[2]) for line in value.prevention if line.partition(":")[0] == check
        ]
        yield f"- [{'x' if found else ' '}] {check}{': ' + '; '.join(found) if found else ''}"
    for line in value.prevention:
        if line.partition(":")[0] not in CHECKS:
            yield f"- [x] {quoting.markdown(line)}"


def _duration(value: Incident) -> str:
    end = value.closed or value.last
    seconds = max(0, int((end - value.opened).total_seconds()))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    words = f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
    return words if value.closed else f"{words} so far"
