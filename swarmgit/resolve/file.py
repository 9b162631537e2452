"""Resolving one file: ask every resolver, accept what is trusted alone or confirmed by another one."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from pathspec import GitIgnoreSpec

from swarmgit.resolve import hunks, keys, python, survival, syntax, trees
from swarmgit.resolve.answer import Answer, Rules
from swarmgit.resolve.hunks import ByHunks
from swarmgit.resolve.syntax import Malformed

SIZE_MAX = 2_000_000
"""Bytes of the largest side that is looked at."""


class _Sides(Struct, frozen=True):
    """Three texts whose last lines are complete, and whether the result's last line is."""

    path: str
    base: str
    ours: str
    theirs: str
    language: str | None
    ends: bool

    def out(self, text: str) -> bytes:
        return (text if self.ends else text.removesuffix("\n")).encode("utf-8", "surrogateescape")


def resolve(path: str, base: bytes | None, ours: bytes, theirs: bytes, rules: Rules | None = None) -> Answer:
    """Return the resolution of one file; `base` None: both sides added it. Never raises."""
    known = rules or Rules()
    if ours == theirs:
        return Answer(ours, None, ("identical",))
    contents = (base or b"", ours, theirs)
    if max(map(len, contents)) > SIZE_MAX or any(b"\0" in side for side in contents) or _matches(path, known.generated):
        return Answer()
    sides = _sides(path, *(side.decode("utf-8", "surrogateescape") for side in contents))
    is_union = _matches(path, known.union)
    texts = hunks.Texts(sides.base, sides.ours, sides.theirs)
    by_hunks = hunks.merge(texts, sides.language, known.remembered, is_union=is_union)
    proposals = {"hunks": by_hunks.text, **_by_structure(sides)}
    proposals |= {name: _ask(merger(path, base, ours, theirs)) for name, merger in known.mergers}
    found = {name: text for name, text in proposals.items() if text is not None}
    return _decide(sides, by_hunks, found)


def _decide(sides: _Sides, by_hunks: ByHunks, found: dict[str, str]) -> Answer:
    forest = trees.Forest(sides.language) if sides.language else None
    meanings = {name: _meaning(sides, text, forest) for name, text in found.items()}
    is_asked = forest is not None and any(name != "entities" and meanings[name] is not None for name in found)
    confirmed = forest.merged(sides.base, sides.ours, sides.theirs) if forest and is_asked else None
    hint = None
    for name, text in found.items():
        meaning = meanings[name]
        if meaning is None or syntax.has_markers(text):
            continue
        partners = [other for other in found if other != name and meanings[other] == meaning]
        partners += ["structure"] if confirmed is not None and confirmed == meaning else []
        check = survival.check(sides.base, sides.ours, sides.theirs, text, by_hunks.settled)
        if check.holds and _is_enough({name, *partners}, by_hunks):
            is_agreed = bool(partners)
            return Answer(sides.out(text), None, (name, *partners), is_agreed, tuple(by_hunks.hunks), check)
        hint = hint or (text, check)
    if hint is None:
        return Answer(hunks=tuple(by_hunks.hunks))
    return Answer(None, sides.out(hint[0]), (), False, tuple(by_hunks.hunks), hint[1])


def _is_enough(resolvers: set[str], by_hunks: ByHunks) -> bool:
    """Return whether these resolvers' common result is accepted.

    What reads entities and what reads structure see the same syntax and err together: they are one voice. A file in
    which the hunks show no conflict at all is one that git aligned otherwise; then people often meant something else.
    """
    if by_hunks.is_only_a_hint:
        return False
    if "hunks" in resolvers and (by_hunks.precise or not by_hunks.hunks):
        return by_hunks.precise
    voices = {"syntax" if name in {"entities", "structure"} else name for name in resolvers}
    return len(voices) > 1


def _sides(path: str, base: str, ours: str, theirs: str) -> _Sides:
    ends = [not side or side.endswith("\n") for side in (base, ours, theirs)]
    ending = ends[2] if ends[1] == ends[0] else ends[1]
    whole = [side if not side or side.endswith("\n") else side + "\n" for side in (base, ours, theirs)]
    return _Sides(path, whole[0], whole[1], whole[2], syntax.language(path), ending)


def _by_structure(sides: _Sides) -> dict[str, str | None]:
    if sides.language == "python":
        return {"entities": python.merge(sides.base, sides.ours, sides.theirs)}
    if sides.language is not None:
        return {"entities": keys.merge(sides.base, sides.ours, sides.theirs, sides.language)}
    return {}


def _meaning(sides: _Sides, text: str, forest: trees.Forest | None) -> int | str | None:
    """Return what a proposal says, in a form to compare; None where it is not well-formed."""
    if forest is None:
        return text
    if sides.language == "python" and not syntax.compiles(text):
        return None
    try:
        return forest.value(text)
    except Malformed:
        return None


def _ask(content: bytes | None) -> str | None:
    if content is None:
        return None
    text = content.decode("utf-8", "surrogateescape")
    return text if not text or text.endswith("\n") else text + "\n"


def _matches(path: str, patterns: Iterable[str]) -> bool:
    spec = GitIgnoreSpec.from_lines(patterns)
    return spec.match_file(path)
