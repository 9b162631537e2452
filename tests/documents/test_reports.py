"""What gates print becomes numbers and places where the format is known, and never an error."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmgit.documents.reports import Report, excerpt, read_report

PYTEST = """\
============================= test session starts ==============================
collected 5 items

tests/test_sum.py .F.E                                                   [100%]

==================================== ERRORS ====================================
_______________________ ERROR at setup of test_database ________________________

    @pytest.fixture
    def database():
>       raise RuntimeError("no database")
E       RuntimeError: no database

tests/conftest.py:9: RuntimeError
=================================== FAILURES ===================================
___________________________________ test_sum ___________________________________

    def test_sum():
>       assert add(1, 2) == 3
E       assert -1 == 3
E        +  where -1 = add(1, 2)

tests/test_sum.py:6: AssertionError
______________________________ TestMore.test_deep ______________________________

self = <test_sum.TestMore object at 0x7f>

    def test_deep(self):
>       helper()

tests/test_sum.py:12:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

>   raise ValueError("bad")
E   ValueError: bad

src/helper.py:3: ValueError
=========================== short test summary info ============================
FAILED tests/test_sum.py::test_sum - assert -1 == 3
FAILED tests/test_sum.py::TestMore::test_deep - ValueError: bad
ERROR tests/test_sum.py::test_database - RuntimeError: no database
==================== 2 failed, 2 passed, 1 skipped, 1 error in 0.12s ===========
"""


def test_pytest_gives_counts_places_expected_and_found() -> None:
    assert read_report(PYTEST, None) == Report(
        tests=5,
        failed=3,
        places=(
            {
                "test": "tests/test_sum.py::test_database",
                "file": "tests/conftest.py",
                "line": 9,
                "message": "RuntimeError: no database",
            },
            {
                "test": "tests/test_sum.py::test_sum",
                "file": "tests/test_sum.py",
                "line": 6,
                "message": "assert -1 == 3",
                "found": "-1",
                "expected": "3",
            },
            {
                "test": "tests/test_sum.py::TestMore::test_deep",
                "file": "src/helper.py",
                "line": 3,
                "message": "ValueError: bad",
            },
        ),
    )


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("..F\n1 failed, 2 passed in 0.05s\n", (3, 1)),
        ("3 passed, 2 skipped, 1 xfailed, 4 warnings in 61.00s (0:01:01)\n", (4, 0)),
        ("no tests ran in 0.01s\n", (0, 0)),
        ("5 deselected in 0.01s\n", (0, 0)),
        ("2 passed in 0.1s\nthen\n1 failed in 0.2s", (3, 1)),
        ("Ran 3 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)\n", (2, 2)),
        ("Ran 1 test in 0.001s\n\nOK\n", (1, 0)),
        ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\nFAIL\texample.com/x\t0.1s\n", (2, 1)),
        ("ok  \texample.com/a\t0.1s\nok  \texample.com/b\t(cached)\n?   \texample.com/c\t[no test files]\n", (2, 0)),
        ("ok  \texample.com/a\t0.1s [no tests to run]\n", (None, None)),
        (("test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.0s\n"
         "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n"), (6, 1)),
        ("     Summary [   0.004s] 3 tests run: 2 passed, 1 failed, 0 skipped\n", (3, 1)),
        ("Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 skipped, 3 passed, 6 total\n", (4, 1)),
        (" Test Files  1 failed (1)\n      Tests  1 failed | 2 passed (3)\n", (3, 1)),
        ("  3 passing (10ms)\n  1 pending\n  1 failing\n", (4, 1)),
        ("not ok 1 - a\nok 2 - b\n# tests 2\n# suites 0\n# pass 1\n# fail 1\n# cancelled 0\n", (2, 1)),
        ("\u2139 tests 2\n\u2139 pass 2\n\u2139 fail 0\n", (2, 0)),
        ("TAP version 13\n1..3\nok 1 - a\nok 2 - b # SKIP later\nnot ok 3 - c\n", (2, 1)),
        ("3 examples, 1 failure, 1 pending\n", (2, 1)),
        (("[INFO] Tests run: 3, Failures: 1, Errors: 0, Skipped: 1, Time elapsed: 0.1 s -- in X\n"
         "[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 1\n"), (2, 1)),
        ("all good\n", (None, None)),
        ("", (None, None)),
    ],
)  # fmt: skip
def test_counts_of_known_runners(output: str, counts: tuple[int | None, int | None]) -> None:
    report = read_report(output, None)

    assert (report.tests, report.failed) == counts


@pytest.mark.parametrize(
    ("output", "places"),
    [
        (
            'src/a.py:12: error: Name "x" is not defined  [name-defined]\nsrc/a.py:13: note: see\n',
            [{"file": "src/a.py", "line": 12, "message": 'error: Name "x" is not defined  [name-defined]'}],
        ),
        ("a.py:1:8: F401 `os` imported", [{"file": "a.py", "line": 1, "column": 8, "message": "F401 `os` imported"}]),
        (
            "F401 [*] `os` imported but unused\n --> a.py:1:8\n  |\n1 | import os\n",
            [{"file": "a.py", "line": 1, "column": 8, "message": "F401 [*] `os` imported but unused"}],
        ),
        (
            "error[E0308]: mismatched types\n  --> src/main.rs:2:5\n",
            [{"file": "src/main.rs", "line": 2, "column": 5, "message": "mismatched types"}],
        ),
        (
            "x.c: In function 'main':\nx.c:3:5: error: 'y' undeclared\n",
            [{"file": "x.c", "line": 3, "column": 5, "message": "error: 'y' undeclared"}],
        ),
        (
            "src/x.ts(12,5): error TS2304: Cannot find name 'y'.\n",
            [{"file": "src/x.ts", "line": 12, "column": 5, "message": "error TS2304: Cannot find name 'y'."}],
        ),
        (
            (
                'Traceback (most recent call last):\n  File "run.py", line 3, in <module>\n    f()\n'
                '  File "lib/x.py", line 8, in f\n    raise KeyError(1)\n'
                '  File "/usr/lib/python3.11/json/x.py", line 99, in g\nKeyError: 1\n'
            ),
            [{"file": "lib/x.py", "line": 8, "message": "KeyError: 1"}],
        ),
        (
            "FAIL: test_a (tests.test_x.TestX.test_a)\n" + "-" * 70 + "\nTraceback (most recent call last):\n"
            '  File "/w/tests/test_x.py", line 5, in test_a\n    self.assertEqual(1, 2)\nAssertionError: 1 != 2\n',
            [
                {
                    "test": "tests.test_x.TestX.test_a",
                    "file": "/w/tests/test_x.py",
                    "line": 5,
                    "message": "AssertionError: 1 != 2",
                }
            ],
        ),
        (
            "--- FAIL: TestAdd (0.00s)\n    add_test.go:9: got 3, want 4\nFAIL\n",
            [{"test": "TestAdd", "file": "add_test.go", "line": 9, "message": "got 3, want 4"}],
        ),
        (
            (
                "---- tests::adds stdout ----\nthread 'tests::adds' panicked at src/lib.rs:12:5:\n"
                "assertion `left == right` failed\n  left: 3\n right: 4\n"
            ),
            [
                {
                    "test": "tests::adds",
                    "file": "src/lib.rs",
                    "line": 12,
                    "column": 5,
                    "message": "assertion `left == right` failed",
                    "found": "3",
                    "expected": "4",
                }
            ],
        ),
        (
            (
                "  \u25cf sums \u203a adds\n\n    expect(received).toBe(expected)\n\n"
                "    Expected: 3\n    Received: 4\n\n"
                "      at Object.<anonymous> (src/sum.test.js:5:17)\n      at run (node_modules/jest/x.js:1:1)\n"
            ),
            [
                {
                    "test": "sums \u203a adds",
                    "expected": "3",
                    "found": "4",
                    "file": "src/sum.test.js",
                    "line": 5,
                    "column": 17,
                }
            ],
        ),
        (
            "not ok 1 - adds\n  ---\n  location: '/w/sum.test.js:4:1'\n  expected: 3\n  actual: 4\n  ...\n",
            [{"test": "adds", "file": "/w/sum.test.js", "line": 4, "column": 1, "expected": "3", "found": "4"}],
        ),
        ("12:30:45 started\nhttp://localhost:80 up\nlistening on 0.0.0.0:80\n", []),
        ("all good\n", []),
    ],
)
def test_places_of_known_formats(output: str, places: list[dict[str, Any]]) -> None:
    assert list(read_report(output, None).places) == places


def test_two_tests_of_one_name_keep_their_own_places() -> None:
    block = "____ test_x ____\nE   assert {0} == 0\n\ntests/test_{0}.py:{0}: AssertionError\n"
    summary = "FAILED tests/test_{0}.py::test_x - assert {0} == 0\n"
    output = "".join([*map(block.format, (1, 2)), "=== short test summary info ===\n", *map(summary.format, (1, 2))])

    places = read_report(output, None).places

    assert [(place["test"], place["file"], place["line"]) for place in places] == [
        (f"tests/test_{number}.py::test_x", f"tests/test_{number}.py", number) for number in (1, 2)
    ]


JUNIT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites tests="99"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="4">
<testcase classname="tests.test_a" name="test_ok" time="0.1" />
<testcase classname="tests.test_a" name="test_skip"><skipped message="later"/></testcase>
<testcase classname="tests.test_a" name="test_bad" file="tests/test_a.py">
<failure message="assert 1 == 2">def test_bad():
&gt;       assert 1 == 2
E       assert 1 == 2

tests/test_a.py:4: AssertionError</failure><system-out>src/x.py:1: noise</system-out></testcase>
<testcase name="test_error"><error>boom &amp; more</error></testcase>
</testsuite></testsuites>"""


def test_junit_counts_cases_that_ran_and_gives_their_places() -> None:
    assert read_report("5 passed in 0.1s\nsrc/y.py:1: noise", JUNIT) == Report(
        tests=3,
        failed=2,
        places=(
            {
                "file": "tests/test_a.py",
                "test": "tests.test_a.test_bad",
                "line": 4,
                "found": "1",
                "expected": "2",
                "message": "assert 1 == 2",
            },
            {"test": "test_error", "message": "boom & more"},
        ),
    )


@pytest.mark.parametrize(
    "junit",
    [
        b"",
        b"<testsuite>",
        b"<html/>",
        b"\xff\xfe<",
        b'<?xml version="1.0" encoding="nonsense"?><testsuite/>',
        b'<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
        b'<!DOCTYPE t SYSTEM "file:///etc/passwd"><testsuite><testcase name="x"/></testsuite>',
        b"<testsuite>&undefined;</testsuite>",
    ],
)
def test_a_junit_file_that_is_none_or_is_a_trap_is_not_believed(junit: bytes) -> None:
    assert read_report("2 passed in 0.1s", junit) == Report(tests=2, failed=0)


def test_an_empty_junit_suite_ran_no_test() -> None:
    assert read_report("9 passed in 0.1s", b"<testsuite tests='9'/>") == Report(tests=0, failed=0)


def test_sarif_places() -> None:
    region = {"startLine": 3, "startColumn": 2}
    location = {"physicalLocation": {"artifactLocation": {"uri": "src/a.py"}, "region": region}}
    results = [{"ruleId": "E1", "message": {"text": "bad"}, "locations": [location]}, {"ruleId": "E2"}, 7]
    document = json.dumps({"version": "2.1.0", "runs": [{"results": results}, None]})

    assert read_report(document, None).places == (
        {"file": "src/a.py", "line": 3, "column": 2, "message": "bad (E1)"},
        {"message": "E2"},
    )


def test_there_are_at_most_twenty_places_and_colours_do_not_matter() -> None:
    output = "".join(f"\x1b[1msrc/a.py\x1b[0m:{number}: \x1b[31merror: x\x1b[m\n" for number in range(1, 50))

    places = read_report(output, None).places

    assert places[0] == {"file": "src/a.py", "line": 1, "message": "error: x"}
    assert len(places) == 20


def test_an_excerpt_keeps_the_beginning_and_more_of_the_end() -> None:
    output = "".join(f"line {number}\n" for number in range(2000))

    short = excerpt(output, 400)

    assert short.startswith("line 0\nline 1\n")
    assert short.endswith("line 1999")
    assert "characters cut ...]\n" in short
    assert len(short) <= 400


def test_an_excerpt_begins_where_the_failures_do() -> None:
    output = "".join(f"noise {number}\n" for number in range(2000)) + PYTEST

    assert excerpt(output).startswith("=" * 36 + " ERRORS ")


def test_a_short_output_is_its_own_excerpt_without_progress_bars() -> None:
    assert excerpt("10%\r50%\r100%\ndone\x07\x1b[0K\r\n") == "100%\ndone"


NASTY = [
    "a." * 500,
    "1 " + "a" * 998,
    "1 a, " * 200,
    "at " + "a.js." * 200,
    "at " + "(" * 900,
    "thread 'x' panicked at " + "a" * 900,
    "FAILED a::" + "b - " * 240,
    "___ " + "a ___ " * 160,
    "OK (" + "a" * 990 + ")",
    "Tests: " + "1 a" * 300,
    "=" * 1000,
    "E   assert " + "a == " * 190,
    "\x1b]" * 500,
    "\x1b[" * 500,
    "--- FAIL" * 120,
    " " * 1000,
    "error[" + "a" * 990,
    "a/" * 480 + ":1:1",
]


@pytest.mark.parametrize("line", NASTY, ids=range(len(NASTY)))
def test_time_grows_with_the_size_only(line: str) -> None:
    output = f"{line}\n" * (1_000_000 // len(line))
    start = time.process_time()

    read_report(output, None)
    excerpt(output)

    assert time.process_time() - start < 10  # not a budget: backtracking would take hours


WORDS = st.sampled_from(
    [*NASTY, *PYTEST.split("\n"), "FAILED ", "E   ", "not ok 1 - ", '  File "x", line 1', '{"runs": [']
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(st.one_of(WORDS, st.text(max_size=40)), max_size=30).map("\n".join)), st.binary())
def test_nothing_makes_it_raise(output: str, junit: bytes) -> None:
    for content in (junit, b"<testsuite><testcase>" + junit, None):
        report = read_report(output, content)

        assert len(report.places) <= 20
        assert (report.tests is None) == (report.failed is None)
        json.dumps([*report.places])
        for place in report.places:
            assert set(place) <= {"file", "line", "column", "test", "message", "expected", "found"}


@settings(max_examples=200, deadline=None)
@given(st.text(), st.integers(min_value=0, max_value=300))
def test_an_excerpt_is_never_longer_than_asked(output: str, chars_max: int) -> None:
    assert len(excerpt(output * 20, chars_max)) <= chars_max
