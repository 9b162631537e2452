"""Conflict tier 2, rule by rule: what is resolved, and what is left to people and models."""

from __future__ import annotations

from textwrap import dedent

import pytest

from swarmgit.resolve import Answer, Rules, resolve


def ask(path: str, base: str | None, ours: str, theirs: str, **rules) -> Answer:
    sides = [None if side is None else dedent(side).encode() for side in (base, ours, theirs)]
    return resolve(path, *sides, Rules(**rules))


def text(answer: Answer) -> str:
    assert answer.content is not None, answer
    return answer.content.decode()


def hint(answer: Answer) -> str:
    assert answer.content is None
    assert answer.hint is not None, answer
    return answer.hint.decode()


def used(answer: Answer) -> set[str | None]:
    return {hunk.rule for hunk in answer.hunks}


def test_equal_sides_are_resolved_without_looking() -> None:
    assert ask("x", "a\n", "b\n", "b\n") == Answer(b"b\n", None, ("identical",))


def test_the_higher_version_holds() -> None:
    answer = ask("setup.cfg", "version = 1.2.0\n", "version = 1.2.1\n", "version = 1.10.0\n")
    assert (text(answer), used(answer)) == ("version = 1.10.0\n", {"version"})
    assert text(ask("x", "v = 2.0rc1\n", "v = 2.0rc2\n", "v = 2.0\n")) == "v = 2.0\n"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("version = 1.1.0\n", "version = 1.3.0\n"),  # one side went down
        ("version = 1.2.1\n", "release = 1.3.0\n"),
        ("version = 1.2.1\n", "version = one\n"),
    ],
)  # fmt: skip
def test_what_is_more_than_a_raised_version_is_left(ours: str, theirs: str) -> None:
    assert ask("setup.cfg", "version = 1.2.0\n", ours, theirs).content is None


def test_where_one_side_changed_only_white_space_the_other_holds() -> None:
    assert text(ask("x.c", "a = 1;\nb;\n", "  a =  1;\nb;\n", "a = 2;\nb;\n")) == "a = 2;\nb;\n"
    assert text(ask("x.c", "a = 1;\nb;\n", "a = 2;\nb;\n", "  a =  1;\nb;\n")) == "a = 2;\nb;\n"


def test_indentation_is_no_mere_white_space_in_python() -> None:
    base, ours, theirs = "if a:\n    b()\nc()\n", "if a:\n    b()\n    c()\n", "if a:\n    b()\nd()\n"
    assert ask("x.py", base, ours, theirs).content is None


def test_definitions_under_different_names_both_hold() -> None:
    base = "import os\n\n\ndef a():\n    return 1\n"
    answer = ask("x.py", base, base + "\n\ndef b():\n    return 2\n", base + "\n\ndef c():\n    return 3\n")
    assert text(answer) == base + "\n\ndef b():\n    return 2\n\n\ndef c():\n    return 3\n"
    assert (used(answer), answer.agreed, answer.check.holds) == ({"definitions"}, True, True)


def test_definitions_before_another_one_keep_their_distance() -> None:
    last = "def z():\n    return 26\n"
    new = "def {0}():\n    return {0!r}\n\n\n"
    assert text(ask("x.py", last, new.format("a") + last, new.format("b") + last)) == (
        new.format("a") + new.format("b") + last
    )


def test_definitions_of_one_name_are_left() -> None:
    base = "def a():\n    return 1\n"
    assert (
        ask("x.py", base, base + "\n\ndef b():\n    return 2\n", base + "\n\ndef b():\n    return 3\n").content is None
    )


def test_methods_added_to_one_class_both_hold() -> None:
    base = "class A:\n    def a(self):\n        return 1\n"
    ours, theirs = (base + f"\n    def {name}(self):\n        return {name!r}\n" for name in "bc")
    assert text(ask("x.py", base, ours, theirs)) == ours + "\n    def c(self):\n        return 'c'\n"


def test_neighbouring_lines_changed_by_one_side_each_both_hold() -> None:
    answer = ask("x.py", "a = 1\nb = 2\n", "a = 10\nb = 2\n", "a = 1\nb = 20\n")
    assert (text(answer), used(answer), answer.agreed) == ("a = 10\nb = 20\n", {"adjacent"}, True)


def test_what_was_put_beside_deleted_lines_is_left() -> None:
    base = "def f():\n    a()\n    b()\n    c()\n"
    assert ask("x.py", base, base.replace("    b()\n", ""), base.replace("b()\n", "b()\n    d()\n")).content is None


def test_one_resolver_alone_gives_a_hint() -> None:
    answer = ask("notes.txt", "one\ntwo\n", "ONE\ntwo\n", "one\nTWO\n")
    assert (answer.content, answer.hint, answer.agreed) == (None, b"ONE\nTWO\n", False)


def test_another_program_that_agrees_makes_it_an_answer() -> None:
    def merger(path: str, base: bytes | None, ours: bytes, theirs: bytes) -> bytes:
        return b"ONE\nTWO\n"

    answer = ask("notes.txt", "one\ntwo\n", "ONE\ntwo\n", "one\nTWO\n", mergers=(("other", merger),))
    assert (text(answer), answer.resolvers, answer.agreed) == ("ONE\nTWO\n", ("hunks", "other"), True)


def test_another_program_that_disagrees_changes_nothing() -> None:
    answer = ask("n.txt", "one\ntwo\n", "ONE\ntwo\n", "one\nTWO\n", mergers=(("other", lambda *_: b"<<<<<<< x\n"),))
    assert (answer.content, answer.hint) == (None, b"ONE\nTWO\n")


def test_imports_come_in_and_go() -> None:
    base = "import os\nimport re\n\nprint(os, re)\n"
    answer = ask("x.py", base, base.replace("import re", "import json\nimport re"), base.replace("import re\n", ""))
    assert used(answer) == {"imports"}
    assert set(hint(answer).split("\n\n")[0].split("\n")) == {"import json", "import os"}


def test_imports_that_both_added_in_a_file_without_an_order_are_left() -> None:
    base = "import zlib\nimport os\nimport re\n\nx = 1\n"
    ours, theirs = (base.replace("re\n", f"re\nimport {name}\n") for name in ("json", "ast"))
    assert ask("x.py", base, ours, theirs).content is None


def test_imports_that_both_added_go_where_the_order_of_the_file_says() -> None:
    base = "import os\nimport re\n\nx = 1\n"
    ours, theirs = (base.replace("re\n", f"re\nimport {name}\n") for name in ("time", "sys"))
    assert hint(ask("x.py", base, ours, theirs)).startswith("import os\nimport re\nimport sys\nimport time\n")


def test_names_from_one_module_come_together() -> None:
    base = "from m import a, d\n\nx = 1\n"
    answer = ask("x.py", base, base.replace("a, d", "a, b, d"), base.replace("a, d", "a, c, d"))
    assert hint(answer) == "from m import a, b, c, d\n\nx = 1\n"


def test_imports_that_bind_one_name_are_left() -> None:
    base = "import os\n\nx = 1\n"
    assert (
        ask("x.py", base, "import os\nfrom a import z\n\nx = 1\n", "import os\nfrom b import z\n\nx = 1\n").content
        is None
    )


def test_different_words_of_a_line_both_hold() -> None:
    answer = ask("x.py", "f(a, b, c)\n", "f(aa, b, c)\n", "f(a, b, cc)\n")
    assert (text(answer), used(answer)) == ("f(aa, b, cc)\n", {"tokens"})


def test_the_same_word_is_left() -> None:
    answer = ask("x.py", "f(a)\n", "f(b)\n", "f(c)\n")
    assert (answer.content, answer.hint, used(answer)) == (None, None, {None})


def test_declared_files_take_both_sides_additions() -> None:
    base = "# Changes\n\n- old\n"
    ours, theirs = "# Changes\n\n- ours\n- old\n", "# Changes\n\n- theirs\n- old\n"
    answer = ask("docs/CHANGES.md", base, ours, theirs, union=("CHANGES*",))
    assert (text(answer), used(answer)) == ("# Changes\n\n- ours\n- theirs\n- old\n", {"union"})
    assert ask("docs/CHANGES.md", base, ours, theirs).content is None


def test_declared_files_in_which_a_side_changed_lines_are_left() -> None:
    assert ask("CHANGES", "- old\n", "- ours\n", "- theirs\n", union=("CHANGES",)).content is None


def test_generated_files_are_never_merged() -> None:
    assert ask("uv.lock", "v = 1.0\n", "v = 1.1\n", "v = 1.2\n", generated=("*.lock",)) == Answer()


def test_both_added_the_same_file_with_different_definitions() -> None:
    answer = ask("x.py", None, "def a():\n    return 1\n", "def b():\n    return 2\n")
    assert text(answer) == "def a():\n    return 1\n\n\ndef b():\n    return 2\n"


@pytest.mark.parametrize("content", [b"\0\1", b"x" * 2_000_001])
def test_binary_and_huge_files_are_left(content: bytes) -> None:
    assert resolve("x.py", b"", content, b"y\n") == Answer()


def test_a_result_that_python_refuses_is_left() -> None:
    # given sides that are no Python
    assert ask("x.py", "def f(:\n  1\n  2\n", "def f(:\n  3\n  2\n", "def f(:\n  1\n  4\n").content is None


def test_a_missing_line_break_at_the_end_stays_missing_or_comes() -> None:
    assert text(ask("x.py", "a = 1\nb = 2", "a = 10\nb = 2", "a = 1\nb = 20")) == "a = 10\nb = 20"
    assert text(ask("x.py", "a = 1\nb = 2", "a = 10\nb = 2\n", "a = 1\nb = 20")) == "a = 10\nb = 20\n"


def test_comments_and_forms_that_nobody_changed_stay() -> None:
    base = '# top\nx = {  "a" : 1 }  # odd\n\n\n@deco\ndef f(a):\n    # why\n    return a\n'
    ours = base.replace("def f(a)", "def f(a, b)")
    theirs = base.replace("@deco", "@other")
    assert text(ask("x.py", base, ours, theirs)) == ours.replace("@deco", "@other")


# --- keys of data -----------------------------------------------------------------------------------------------------

TOML = '[project]\nname = "x"  # the name\ndependencies = [\n  "a",\n]\n\n[tool.x]\nlevel = 1\n'


def test_neighbouring_keys_changed_by_one_side_each_both_hold() -> None:
    for path, base in (
        ("x.toml", "a = 1\nb = 2\n"),
        ("x.yaml", "a: 1\nb: 2\n"),
        ("x.json", '{\n  "a": 1,\n  "b": 2\n}\n'),
    ):
        answer = ask(path, base, base.replace("1", "10"), base.replace("2", "20"))
        assert text(answer) == base.replace("1", "10").replace("2", "20")
        assert {"hunks", "entities", "structure"} == set(answer.resolvers)


def test_different_keys_added_in_one_place_both_hold() -> None:
    for path, base, ours, theirs in (
        ("x.toml", TOML, "ours = 1\n", "theirs = 2\n"),
        ("x.yaml", "a:\n  b: 1\n", "  ours: 1\n", "  theirs: 2\n"),
        ("x.yml", "a: 1\n", "ours:\n  - 1\n", "theirs:\n  - 2\n"),
    ):
        answer = ask(path, base, base + ours, base + theirs)
        assert (text(answer), used(answer), answer.agreed) == (base + ours + theirs, {"definitions"}, True)


def test_the_same_key_added_twice_is_left() -> None:
    assert ask("x.toml", TOML, TOML + "new = 1\n", TOML + "new = 2\n").content is None
    assert ask("x.yaml", "a: 1\n", "a: 1\nb: 1\n", "a: 1\nb: 2\n").content is None


def test_keys_added_at_the_end_of_a_json_object_are_a_hint() -> None:
    base = '{\n  "a": {\n    "x": 1\n  }\n}\n'
    answer = ask("x.json", base, base.replace("1\n", '1,\n    "y": 2\n'), base.replace("1\n", '1,\n    "z": 3\n'))
    merged = base.replace("1\n", '1,\n    "y": 2,\n    "z": 3\n')
    assert (answer.content or answer.hint) == merged.encode()


def test_a_key_that_one_side_deleted_and_the_other_changed_is_left() -> None:
    answer = ask("x.toml", "a = 1\nb = 2\n", "b = 2\n", "a = 5\nb = 2\n")
    assert answer.content is None
    assert answer.hint is None


def test_aliases_of_aliases_are_not_written_out() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    bomb = f"a0: &a0 [x]\n{levels}"
    answer = ask("x.yaml", f"version: 1.0.0\n{bomb}", f"version: 1.0.1\n{bomb}", f"version: 1.0.2\n{bomb}")
    assert answer.content is None or answer.content.decode().count("version") == 1
