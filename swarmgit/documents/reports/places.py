"""Where something failed: one pass over the lines, with a pattern for each known way to name a place."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

MESSAGE_CHARS_MAX = 500
_FOUND_MAX = 60
_SIDE_CHARS_MAX = 200

_PATH = r"(?P<file>[^\s:()'\"`<>|,;=\[\]]+)"
_PLACE = re.compile(
    rf"^\s*(?:-->\s+)?{_PATH}:(?P<line>[0-9]{{1,8}})(?::(?P<column>[0-9]{{1,6}}))?(?P<rest>$|:.*$|\s.*$)"
)
_TSC = re.compile(rf"^{_PATH}\((?P<line>[0-9]{{1,8}}),(?P<column>[0-9]{{1,6}})\)(?P<rest>:.*)$")
_FRAME = re.compile(r"^\s*File \"(?P<file>[^\"]+)\", line (?P<line>[0-9]{1,8})")
_SPOT = re.compile(rf"^{_PATH}:(?P<line>[0-9]{{1,8}}):(?P<column>[0-9]{{1,6}})$")
_EXCEPTION = re.compile(
    r"^(?P<name>[A-Za-z_][\w.]{0,100}(?:Error|Exception|Exit|Interrupt|Warning|Failed|Failure))(?:: (?P<words>.*))?$"
)
_PYTEST_SUMMARY = re.compile(r"^(?:FAILED|ERROR) (?P<file>[^\s:]+)(?:::(?P<test>.+?))?(?: - (?P<message>.*))?$")
_PYTEST_BLOCK = re.compile(r"^_{3,} (?:ERROR at \w+ of )?(?P<test>\S.*?) _{3,}$")
_PYTEST_END = re.compile(r"^={3,} .* ={3,}$")
_E_LINE = re.compile(r"^E\s{2,}(?P<words>\S.*)$")
_ASSERT = re.compile(r"^(?:AssertionError: )?assert (?P<found>.+) == (?P<expected>.+)$")
_UNITTEST = re.compile(r"^(?:FAIL|ERROR): (?P<test>\S+)(?: \((?P<owner>[^)]+)\))?$")
_GO = re.compile(r"^\s*--- FAIL: (?P<test>\S+)")
_CARGO = re.compile(r"^thread '(?P<test>[^']{1,300})'[^']{0,60} panicked at (?P<place>.*)$")
_CARGO_SIDE = re.compile(r"^\s*(?P<side>left|right): (?P<words>.*)$")
_JEST = re.compile(r"^\s*\u25cf (?P<test>\S.*)$")
_JEST_SIDE = re.compile(r"^\s*(?P<side>Expected|Received|expected|actual): (?P<words>.*)$")
_TAP = re.compile(r"^\s*not ok [0-9]+ (?:- )?(?P<test>.*)$")
_TAP_LOCATION = re.compile(r"^\s*location: '(?P<file>[^']+?):(?P<line>[0-9]{1,8}):(?P<column>[0-9]{1,6})'$")
_RUSTC = re.compile(r"^(?:error|warning)(?:\[\w+\])?: (?P<message>.*)$|^(?P<rule>[A-Z]+[0-9]+ .*)$")
_SIDES = {
    "left": "found",
    "right": "expected",
    "Expected": "expected",
    "Received": "found",
    "expected": "expected",
    "actual": "found",
}
_LIBRARY = re.compile(r"site-packages/|dist-packages/|/lib/python|node_modules/|node:internal|<frozen|/rustc/|/go/src/")


def find_places(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Return what failed where: tests first, then other places, none twice."""
    scan = _Scan()
    for line in lines:
        if line:
            scan.read(line)
    return scan.result()


def details_in(lines: Sequence[str]) -> dict[str, Any]:
    """Return the place that one failure's text names, merged into one: file, line, message, expected, found."""
    scan = _Scan()
    scan.open({})
    for line in lines:
        if line:
            scan.read(line)
    merged: dict[str, Any] = {}
    for place in scan.result():
        for key, value in place.items():
            if key != "test":
                merged.setdefault(key, value)
    return merged


class _Scan(Struct):
    """`current` is the failing test whose block is being read; what follows belongs to it."""

    tests: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    current: dict[str, Any] | None = None
    frame: dict[str, Any] | None = None
    headline: str = ""
    is_panic_next: bool = False

    def open(self, place: dict[str, Any]) -> None:
        self.current = place
        self.frame = None
        if len(self.tests) < _FOUND_MAX:
            self.tests.append(place)

    def read(self, line: str) -> None:
        if self._reads_panic(line) or self._opens(line) or self._closes(line):
            return
        if self._reads_sides(line) or self._reads_traceback(line):
            return
        self._reads_place(line)

    def result(self) -> list[dict[str, Any]]:
        places: list[dict[str, Any]] = []
        taken: set[tuple[Any, ...]] = set()
        for place in (*_merged(self.tests), *self.others):
            key = (place.get("file"), place.get("line"), place.get("test", place.get("message")))
            spot = (place.get("file"), place.get("line"))
            if not place or key in taken or ("test" not in place and spot in taken):
                continue
            taken.update((key, spot))
            places.append(place)
        return places

    def _opens(self, line: str) -> bool:
        if match := _PYTEST_SUMMARY.match(line):
            self._summary(match)
        elif match := _PYTEST_BLOCK.match(line) or _GO.match(line) or _TAP.match(line) or _JEST.match(line):
            self.open({"test": match["test"][:_SIDE_CHARS_MAX]})
        elif match := _UNITTEST.match(line):
            self.open({"test": (match["owner"] or match["test"])[:_SIDE_CHARS_MAX]})
        elif match := _CARGO.match(line):
            self._panic(match)
        else:
            return False
        return True

    def _summary(self, match: re.Match[str]) -> None:
        self.current = None
        test = f"{match['file']}::{match['test']}" if match["test"] else None
        place = {"file": match["file"], "test": test, "message": match["message"]}
        if len(self.tests) < _FOUND_MAX:
            self.tests.append({key: value[:MESSAGE_CHARS_MAX] for key, value in place.items() if value})

    def _panic(self, match: re.Match[str]) -> None:
        self.open({"test": match["test"]})
        place = _SPOT.match(match["place"].rpartition(", ")[2].rstrip(":"))
        if place and self.current is not None:
            _set_place(self.current, place)
        self.is_panic_next = match["place"].endswith(":")

    def _reads_panic(self, line: str) -> bool:
        """Take the line after `panicked at PLACE:` as the message."""
        if not self.is_panic_next or self.current is None:
            return False
        self.is_panic_next = False
        self.current.setdefault("message", line.strip()[:MESSAGE_CHARS_MAX])
        return True

    def _closes(self, line: str) -> bool:
        if not _PYTEST_END.match(line):
            return False
        self.current = self.frame = None
        return True

    def _reads_sides(self, line: str) -> bool:
        if self.current is None:
            return False
        if match := _E_LINE.match(line):
            self._e_line(match["words"])
            return True
        match = _CARGO_SIDE.match(line) or _JEST_SIDE.match(line)
        if match:
            self.current.setdefault(_SIDES[match["side"]], match["words"].strip()[:_SIDE_CHARS_MAX])
        return bool(match)

    def _e_line(self, words: str) -> None:
        assert self.current is not None
        self.current.setdefault("message", words[:MESSAGE_CHARS_MAX])
        sides = _ASSERT.match(words) if words.count(" == ") == 1 else None
        if sides:
            self.current.setdefault("found", sides["found"][:_SIDE_CHARS_MAX])
            self.current.setdefault("expected", sides["expected"][:_SIDE_CHARS_MAX])

    def _reads_traceback(self, line: str) -> bool:
        if match := _FRAME.match(line) or _js_frame(line) or _TAP_LOCATION.match(line):
            self._frame(match)
            return True
        match = _EXCEPTION.match(line) if self.frame is not None else None
        if not match:
            return False
        assert self.frame is not None
        if self.current is None:
            self._other({**self.frame, "message": line[:MESSAGE_CHARS_MAX]})
        else:
            self.current.update(self.frame)
            self.current.setdefault("message", line[:MESSAGE_CHARS_MAX])
        self.frame = None
        return True

    def _frame(self, match: re.Match[str]) -> None:
        """Python's last frame is where it happened, JavaScript's first; frames of libraries only where alone."""
        place: dict[str, Any] = {}
        _set_place(place, match)
        is_library = bool(_LIBRARY.search(match["file"]))
        if match.re is _FRAME:
            if self.frame is None or not is_library:
                self.frame = place
        elif self.current is not None and not is_library and "file" not in self.current:
            self.current.update(place)

    def _reads_place(self, line: str) -> None:
        match = _PLACE.match(line) or _TSC.match(line)
        if not match or not _is_path(match["file"]):
            headline = _RUSTC.match(line)
            self.headline = (headline["message"] or headline["rule"] or "") if headline else self.headline
            return
        rest = match["rest"].lstrip(": ").strip()
        if rest.startswith("note:") or _LIBRARY.search(match["file"]):
            return
        place: dict[str, Any] = {}
        _set_place(place, match)
        message = rest or self.headline
        self.headline = ""
        if self.current is not None:
            self.current.update(place)
            if message and "message" not in self.current:
                self.current["message"] = message[:MESSAGE_CHARS_MAX]
        elif message:
            self._other({**place, "message": message[:MESSAGE_CHARS_MAX]})

    def _other(self, place: dict[str, Any]) -> None:
        if len(self.others) < _FOUND_MAX:
            self.others.append(place)


def _js_frame(line: str) -> re.Match[str] | None:
    """Match `at name (path:line:column)` and `at path:line:column`."""
    words = line.strip()
    if not words.startswith("at "):
        return None
    return _SPOT.match(words.rpartition(" ")[2].strip("()").removeprefix("file://"))


def _is_path(name: str) -> bool:
    """Return whether it looks like a file and not like a time, a host or a word."""
    return ("." in name or "/" in name) and any(letter.isalpha() for letter in name)


def _set_place(place: dict[str, Any], match: re.Match[str]) -> None:
    found = match.groupdict()
    place["file"] = found["file"][:MESSAGE_CHARS_MAX]
    place["line"] = int(found["line"])
    if found.get("column"):
        place["column"] = int(found["column"])


def _merged(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join pytest's block about a test (`TestX.test_y`) with its summary line, which names its file too.

    Blocks come before the summary and in its order, so that of two tests with one name each gets its own.
    """
    blocks: dict[str, deque[dict[str, Any]]] = {}
    merged: list[dict[str, Any]] = []
    for place in tests:
        test = str(place.get("test", ""))
        waiting = blocks.get(test.rpartition(".py::")[2].replace("::", ".")) if ".py::" in test else None
        if not waiting:
            blocks.setdefault(test, deque()).append(place)
            merged.append(place)
            continue
        block = waiting.popleft()
        block["test"] = test
        for key, value in place.items():
            block.setdefault(key, value)
    return merged
