"""The built-in gate: what a task may change, and when two tasks' ownership can meet."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from swarmgit.model.desired import Scope, Task
from swarmgit.model.ids import BlobId, CommitId, TaskId, TreeId
from swarmgit.model.policy import Policy
from swarmgit.model.work import Capture, Change
from swarmgit.plan.patterns import matches, meet
from swarmgit.plan.scope import judge, overlap, owned_paths

TASK = Task(
    id=TaskId("t"),
    path=".swarm/tasks/t.yaml",
    generation=BlobId("g"),
    title="t",
    description="d",
    scope=Scope(owns=("src/**", "foo.py"), shares=("CHANGELOG.md",)),
)
FREE = Policy()
OPEN = replace(TASK, scope=Scope(owns=("**",)))


def change(path: str, status: str = "A", old: str | None = None, new: str | None = None) -> Change:
    old = old or ("000000" if status == "A" else "100644")
    new = new or ("000000" if status == "D" else "100644")
    return Change(path, status, old, new, BlobId("0" * 40), BlobId("1" * 40))


def captured(*changes: Change, **more: object) -> Capture:
    return Capture(CommitId("c"), TreeId("t"), CommitId("b"), changes, **more)  # type: ignore[arg-type]


def kinds(capture: Capture, task: Task = TASK, policy: Policy = FREE) -> list[str]:
    return [rejection.kind for rejection in judge(capture, task, policy)]


def test_work_inside_the_scope_is_not_rejected() -> None:
    work = captured(change("src/a/b.py"), change("foo.py", "M"), change("CHANGELOG.md", "M"), change("src/x", "D"))
    assert judge(work, TASK, Policy()) == ()


@pytest.mark.parametrize("path", ["sub/foo.py", "README.md", "src2/a", "tests/src/a", "sub/CHANGELOG.md"])
def test_a_pattern_is_anchored_at_the_root(path: str) -> None:
    (rejection,) = judge(captured(change(path)), TASK, Policy())
    assert rejection.kind == "scope"
    assert rejection.paths == (path,)
    assert "outside the task's scope" in rejection.summary


def test_deleting_outside_the_scope_is_a_change_too() -> None:
    assert kinds(captured(change("README.md", "D"))) == ["scope"]


def test_a_negated_pattern_takes_away_again() -> None:
    task = replace(TASK, scope=Scope(owns=("src/**", "!src/secret/**")))
    assert kinds(captured(change("src/a")), task) == []
    assert kinds(captured(change("src/secret/a")), task) == ["scope"]


def test_a_malformed_pattern_owns_nothing() -> None:
    task = replace(TASK, scope=Scope(owns=("a\\", "src/**")))
    assert kinds(captured(change("src/a")), task) == []
    assert kinds(captured(change("a")), task) == ["scope"]


def test_a_read_only_role_changes_nothing() -> None:
    reader = replace(TASK, role="reviewer")
    assert kinds(captured(change("src/a")), reader) == ["scope"]
    assert kinds(captured(objections=("a FIFO",)), reader) == ["scope"]
    assert kinds(captured(), reader) == []


def test_a_catch_all_scope_does_not_reach_protected_files() -> None:
    full = replace(OPEN, review="full")
    for task in (OPEN, full):
        assert kinds(captured(change(".github/workflows/ci.yml")), task) == ["protected"]


def test_a_protected_file_needs_its_name_in_owns_and_a_full_review() -> None:
    named = replace(TASK, scope=Scope(owns=("CLAUDE.md",)))
    assert kinds(captured(change("CLAUDE.md", "M")), named) == ["protected"]
    assert kinds(captured(change("CLAUDE.md", "M")), replace(named, review="full")) == []


def test_moving_a_protected_file_into_the_scope_is_refused_for_both_names() -> None:
    work = captured(change("CLAUDE.md", "D"), change("src/CLAUDE.md"))
    (rejection,) = judge(work, replace(TASK, scope=Scope(owns=("**",))), Policy())
    assert rejection.kind == "protected"
    assert rejection.paths == ("CLAUDE.md", "src/CLAUDE.md")


def test_the_policy_protects_more() -> None:
    assert kinds(captured(change("src/db/schema.sql")), TASK, Policy(protected_paths=("*.sql",))) == ["protected"]


@pytest.mark.parametrize(
    "path",
    ["src/a\nb", "src/\x1b[31m", "src/-rf", "-x", "src/a\\b", "src/../x", "src//a", "./a", "src/a\u202eb", "src/\x7f"],
)
def test_names_that_tools_misread_are_refused_and_written_out(path: str) -> None:
    rejections = judge(captured(change(path)), OPEN, Policy())
    assert [r.kind for r in rejections] == ["scope"]
    assert all(shown.isprintable() for shown in rejections[0].paths)


def test_a_hostile_name_that_goes_away_is_fine() -> None:
    assert kinds(captured(change("src/a\nb", "D"))) == []


def test_names_in_other_scripts_are_fine() -> None:
    assert kinds(captured(change("src/größe.py"), change("src/日本語 file.txt"))) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("src/A.py", "src/a.py"), ("src/é", "src/e\u0301"), ("src/Sub/x", "src/sub/y"), ("src/ﬁ", "src/fi")],
)
def test_twins_are_refused(one: str, other: str) -> None:
    assert kinds(captured(change(one), change(other))) == ["scope"]


def test_renaming_only_the_case_is_no_twin() -> None:
    assert kinds(captured(change("src/A.py", "D"), change("src/a.py"))) == []


def test_a_gitlink_is_refused() -> None:
    assert kinds(captured(change("src/lib", new="160000"))) == ["scope"]
    assert kinds(captured(change("src/lib", "D", old="160000"))) == ["scope"]


def test_a_file_that_became_a_link_is_refused() -> None:
    work = captured(change("src/a", "T", new="120000"), links={"src/a": "b"})
    assert kinds(work) == ["scope"]


def test_an_odd_mode_is_refused() -> None:
    assert kinds(captured(change("src/a", new="104755"))) == ["scope"]


def test_the_mode_of_an_existing_file_changes_only_where_the_task_names_the_file() -> None:
    flip = {"status": "M", "old": "100644", "new": "100755"}
    assert kinds(captured(change("src/a", **flip))) == ["scope"]
    assert kinds(captured(change("foo.py", **flip))) == []
    assert kinds(captured(change("src/new.sh", new="100755"))) == []


def test_the_mode_and_kind_of_existing_files_change_where_the_scope_says_so() -> None:
    granting = replace(TASK, scope=replace(TASK.scope, modes=("src/tools/**", "CHANGELOG.md")))
    for old, new in (("100644", "100755"), ("100755", "100644")):
        assert kinds(captured(change("src/tools/run", "M", old, new)), granting) == []
        assert kinds(captured(change("src/other", "M", old, new)), granting) == ["scope"]
    swap = change("src/tools/run", "T", "100644", "120000")
    assert kinds(captured(swap, links={"src/tools/run": "walk"}), granting) == []
    assert kinds(captured(swap, links={"src/tools/run": "/etc/passwd"}), granting) == ["scope"]
    assert kinds(captured(change("src/tools/run", "T", "120000", "100755")), granting) == []


def test_a_grant_of_modes_grants_neither_paths_nor_repositories_nor_odd_modes() -> None:
    granting = replace(TASK, scope=replace(TASK.scope, modes=("**",)))
    assert kinds(captured(change("tools/run", "M", "100644", "100755")), granting) == ["scope"]
    assert kinds(captured(change("src/sub", "T", "100644", "160000")), granting) == ["scope"]
    assert kinds(captured(change("src/a", "M", "100644", "104755")), granting) == ["scope"]
    assert kinds(captured(change(".github/workflows/x.yml", "M", "100644", "100755")), granting) == [
        "scope",
        "protected",
    ]


def test_a_refused_mode_names_the_grant() -> None:
    (rejection,) = judge(captured(change("src/a", "M", "100644", "100755")), TASK, Policy())
    assert "scope.modes" in rejection.next_step


@pytest.mark.parametrize(
    ("target", "refused"),
    [
        ("b", False),
        ("./sub/b", False),
        ("../other", False),
        ("../../top", False),
        ("../../../up", True),
        ("/etc/passwd", True),
        ("sub/../../../../etc", True),
        ("sub/../b", True),
        ("../../.git/config", True),
        ("../../.GIT/config", True),
        ("../../.swarm/policy.yaml", True),
        ("../../.Swarm/run/cache", True),
        ("", True),
        ("a\nb", True),
    ],
)
def test_a_link_stays_inside_the_tree(target: str, refused: bool) -> None:
    work = captured(change("src/dir/link", new="120000"), links={"src/dir/link": target})
    assert kinds(work) == (["scope"] if refused else [])


def test_a_link_whose_target_is_unknown_is_refused() -> None:
    assert kinds(captured(change("src/link", new="120000"))) == ["scope"]


def test_conflict_markers_are_refused() -> None:
    assert kinds(captured(change("src/a"), markers=("src/a",))) == ["markers"]


def test_objections_of_the_scan_are_handed_on() -> None:
    (rejection,) = judge(captured(objections=("src/pipe is a FIFO",)), TASK, Policy())
    assert "src/pipe is a FIFO" in rejection.output


def test_a_long_list_is_cut_and_counted() -> None:
    (rejection,) = judge(captured(*(change(f"out/{n}") for n in range(120))), TASK, Policy())
    assert len(rejection.paths) == 50
    assert "120 files" in rejection.summary


def test_every_rule_that_is_broken_is_told_at_once() -> None:
    work = captured(change("out"), change("CLAUDE.md"), change("src/-a"), markers=("src/x",))
    assert kinds(work) == ["scope", "protected", "scope", "markers"]


def test_only_work_in_scope_is_carried_over() -> None:
    changes = (
        change("src/a"),
        change("src/CLAUDE.md"),
        change("out"),
        change("CHANGELOG.md", "M"),
        change("src/sub", new="160000"),
        change("src/-x"),
    )
    assert owned_paths(changes, TASK.scope) == ("src/a", "CHANGELOG.md")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("src/**", "src/a.py", True),
        ("src/**", "src", True),
        ("src/", "src", True),
        ("src", "src/a", True),
        ("src/**", "tests/**", False),
        ("**/a.py", "src/**", True),
        ("src/*.py", "src/*.md", False),
        ("src/a*", "src/*b", True),
        ("src/a*", "src/b*", False),
        ("src/[ab].py", "src/[bc].py", True),
        ("src/[ab].py", "src/[!ab].py", False),
        ("src/?.py", "src/ab.py", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "b/**", False),
        ("*", "anything/below", True),
        ("src/*/x", "src/x", True),
        ("src/*/x", "src/x.py", False),
        ("**/*.md", "src/a.py", False),
        ("**/a.py", "src/a.py", True),
        ("src/a.py/**", "src/a.py", True),
        ("src/v1.2/*", "src/v1.2", True),
        ("src/[[:alpha:]]", "src/1", True),
        ("src/[", "src/q", True),
        ("!src/**", "src/a", False),
        ("a\\*b", "axb", False),
    ],
)
def test_ownership_meets_exactly_where_a_path_matches_both(a: str, b: str, expected: bool) -> None:
    assert overlap(Scope(owns=(a,)), Scope(owns=(b,))) is expected
    assert overlap(Scope(owns=("zzz.txt", b)), Scope(owns=(a,))) is expected


def test_shares_may_overlap() -> None:
    assert not overlap(Scope(owns=("a",), shares=("log",)), Scope(owns=("b",), shares=("log",)))


NAMES = ("a", "b", "c", "ab", "ba", "bb", "ac", "aab")
SEGMENTS = st.sampled_from(
    ["a", "b", "ab", "*", "?", "a*", "*b", "?b", "a?", "[ab]", "[!a]", "[a-b]b", "**", "*a*", "a\\b", "[!a-b]"]
)
PATTERNS = st.builds(
    lambda parts, tail: "/".join(parts) + tail, st.lists(SEGMENTS, min_size=1, max_size=2), st.sampled_from(["", "/"])
).filter(lambda pattern: not pattern.endswith("**/"))
PATHS = tuple("/".join(parts) for size in (1, 2, 3, 4) for parts in itertools.product(NAMES, repeat=size))


@settings(max_examples=100, deadline=None)
@given(PATTERNS, PATTERNS)
def test_overlap_agrees_with_trying_every_short_path(a: str, b: str) -> None:
    witness = next((path for path in PATHS if matches(path, [a]) and matches(path, [b])), None)
    assert meet(a, b) is (witness is not None), witness
    assert meet(b, a) is meet(a, b)
