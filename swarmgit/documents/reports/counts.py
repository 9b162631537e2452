"""How many tests ran, read from the summary lines of known test runners.

Each line is matched by one anchored pattern without nested repetition. Several summaries (packages, repeated runs,
two runners in one command) are added up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

Count = tuple[int, int]
"""Tests that ran, and how many of them did not pass."""

_PYTEST = re.compile(r"^=*\s?((?:no tests ran|[0-9]+ [a-z])[a-z0-9, ]*) in [0-9.]+s(?: \([0-9:, a-z]+\))?\s?=*$")
_WORDS = re.compile(r"([0-9]{1,9}) ([a-z]+)")
_RAN = re.compile(r"^Ran ([0-9]{1,9}) tests? in [0-9.]+s$")
_UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \(([a-z0-9 =,]+)\))?$")
_PAIR = re.compile(r"^([a-z ]+)=([0-9]{1,9})$")
_CARGO = re.compile(r"^test result: \S+ ([0-9]{1,9}) passed; ([0-9]{1,9}) failed;")
_NEXTEST = re.compile(r"^\s*Summary \[[^\]]*\] ([0-9]{1,9}) tests? run: (.*)$")
_JEST = re.compile(r"^\s*Tests:?\s+((?:[0-9]+ [a-z]+(?: \| |, )?)+)\s*(?:\(([0-9]+)\))?$")
_MOCHA = re.compile(r"^\s{1,8}([0-9]{1,9}) (passing|failing)(?: \([0-9.a-z]+\))?$")
_NODE = re.compile(r"^(?:#|\u2139) (pass|fail) ([0-9]{1,9})$")
_TAP = re.compile(r"^(ok|not ok) [0-9]+(.*)$")
_RSPEC = re.compile(r"^([0-9]{1,9}) examples?, ([0-9]{1,9}) failures?(?:, ([0-9]{1,9}) pending)?")
_SUREFIRE = re.compile(
    r"^(?:\[[A-Z]+\]\s+)?Tests run: ([0-9]{1,9}), Failures: ([0-9]{1,9}), Errors: ([0-9]{1,9}), Skipped: ([0-9]{1,9})$"
)
_GO = re.compile(r"^\s*--- (PASS|FAIL): ")
_GO_PACKAGE = re.compile(r"^(ok|FAIL)\s+(\S+)\s+(?:[0-9.]+s|\(cached\))(.*)$")
_RUN_WORDS = frozenset({"passed", "failed", "error", "errors", "xfailed", "xpassed"})
_BAD_WORDS = frozenset({"failed", "error", "errors"})


def count_tests(lines: Sequence[str]) -> tuple[int | None, int | None]:
    """Return how many tests ran and how many did not pass; (None, None) where no summary is recognised."""
    tally = _Tally()
    for line in lines:
        if line:
            for read in _READERS:
                if read(tally, line):
                    break
    return tally.total()


class _Tally(Struct):
    """What has been added up; `tap` and `go` are only used where nothing better was said."""

    seen: bool = False
    ran: int = 0
    bad: int = 0
    tap: Count = (0, 0)
    go_tests: Count = (0, 0)
    go_packages: Count = (0, 0)
    has_node: bool = False

    def add(self, ran: int, bad: int) -> bool:
        self.seen = True
        self.ran += ran
        self.bad += bad
        return True

    def total(self) -> tuple[int | None, int | None]:
        if any(self.go_packages) or any(self.go_tests):  # without -v only packages are named: a lower bound
            self.add(max(self.go_tests[0], self.go_packages[0]), max(self.go_tests[1], self.go_packages[1]))
        if any(self.tap) and not self.has_node:
            self.add(*self.tap)
        return (max(0, self.ran), max(0, self.bad)) if self.seen else (None, None)


def _pytest(tally: _Tally, line: str) -> bool:
    match = _PYTEST.match(line)
    return tally.add(*_of_words(match[1])) if match else False


def _unittest(tally: _Tally, line: str) -> bool:
    if ran := _RAN.match(line):
        return tally.add(int(ran[1]), 0)
    end = _UNITTEST_END.match(line)
    if not end or not end[1]:
        return False
    pairs = {pair[1]: int(pair[2]) for words in end[1].split(", ") if (pair := _PAIR.match(words))}
    return tally.add(-pairs.get("skipped", 0), pairs.get("failures", 0) + pairs.get("errors", 0))


def _cargo(tally: _Tally, line: str) -> bool:
    if match := _CARGO.match(line):
        return tally.add(int(match[1]) + int(match[2]), int(match[2]))
    if match := _NEXTEST.match(line):
        return tally.add(int(match[1]), _of_words(match[2])[1])
    return False


def _javascript(tally: _Tally, line: str) -> bool:
    if match := _JEST.match(line):
        return tally.add(*_of_words(match[1]))
    if match := _MOCHA.match(line):
        return tally.add(int(match[1]), int(match[1]) if match[2] == "failing" else 0)
    if match := _NODE.match(line):
        tally.has_node = True
        return tally.add(int(match[2]), int(match[2]) if match[1] == "fail" else 0)
    return False


def _others(tally: _Tally, line: str) -> bool:
    if match := _RSPEC.match(line):
        return tally.add(int(match[1]) - int(match[3] or 0), int(match[2]))
    if match := _SUREFIRE.match(line):
        ran, failures, errors, skipped = (int(number) for number in match.groups())
        return tally.add(ran - skipped, failures + errors)
    return False


def _go(tally: _Tally, line: str) -> bool:
    if match := _GO.match(line):
        ran, bad = tally.go_tests
        tally.go_tests = ran + 1, bad + (match[1] == "FAIL")
        return True
    match = _GO_PACKAGE.match(line)
    if match and "no tests to run" not in match[3]:
        ran, bad = tally.go_packages
        tally.go_packages = ran + 1, bad + (match[1] == "FAIL")
    return bool(match)


def _tap(tally: _Tally, line: str) -> bool:
    match = _TAP.match(line)
    if not match or "# skip" in match[2].lower():
        return False
    ran, bad = tally.tap
    tally.tap = ran + 1, bad + (match[1] == "not ok" and "# todo" not in match[2].lower())
    return True


def _of_words(words: str) -> Count:
    counts = [(int(number), word) for number, word in _WORDS.findall(words)]
    ran = sum(number for number, word in counts if word in _RUN_WORDS)
    return ran, sum(number for number, word in counts if word in _BAD_WORDS)


_READERS: tuple[Callable[[_Tally, str], bool], ...] = (_pytest, _unittest, _cargo, _javascript, _others, _go, _tap)
