"""YAML is read as YAML 1.2, every value knows its place, and bad input is refused with one."""

from __future__ import annotations

import pytest

from swarmgit.documents.places import PARSERS, Node, Place, read


def problems(data: bytes | str) -> list[str]:
    raw = data if isinstance(data, bytes) else data.encode()
    with_c, with_python = ([str(problem) for problem in read("f.yaml", raw, parser=parser)[1]] for parser in PARSERS)
    assert [found.split(": not valid YAML")[0] for found in with_c] == [
        found.split(": not valid YAML")[0] for found in with_python
    ]
    return with_c


def places_and_data(node: Node) -> object:
    return node.data, node.place, node.keys, [places_and_data(item) for item in node.items.values()]


def data(text: str | bytes) -> object:
    raw = text if isinstance(text, bytes) else text.encode()
    (node, found), (same, _) = (read("f.yaml", raw, parser=parser) for parser in PARSERS)
    assert found == ()
    assert places_and_data(node) == places_and_data(same)
    return node.data


def test_only_true_and_false_are_booleans_and_dates_stay_text() -> None:
    text = "a: [yes, no, on, off, true, False, 2026-11-22, 12:30, 0x10, 0o10, 010, 1.5, 1e3, .5, ~, null, .inf, 1_0, '1']\nb:\n"
    assert data(text) == {
        "a": ["yes", "no", "on", "off", True, False, "2026-11-22", "12:30", 16, 8, 10, 1.5, 1000.0, 0.5, None, None,
              ".inf", "1_0", "1"],
        "b": None,
    }  # fmt: skip


def test_every_value_and_key_has_its_place() -> None:
    node, _ = read("f", b"a: 1\nb:\n  - x\n  - c: [1, ok]\n")
    assert node.at(("b", 1, "c", 1)) == Place(4, 12)
    assert node.key_at(("b", 1), "c") == Place(4, 5)
    assert node.at(("b", 7, "z")) == Place(3, 3)
    assert node.key_at((), "nothing") == Place(1, 1)


def test_a_byte_order_mark_crlf_and_a_document_start_are_fine() -> None:
    assert data(b"\xef\xbb\xbf---\r\na: 1\r\nb: |\r\n  x\r\n  y\r\n") == {"a": 1, "b": "x\ny\n"}


def test_aliases_are_understood() -> None:
    assert data("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n") == {"a": [1], "b": [1], "c": 2, "d": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1:1: the file is empty"),
        ("# only a comment\n", "f.yaml:1:1: the file is empty"),
        ("---\n", "f.yaml:1:1: the file is empty"),
        ("- 1\n", "f.yaml:1:1: expected 'key: value' lines"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: a tab indents this line"),
        ("a: 'x\n", "f.yaml:2:1: not valid YAML"),
        ("a: b: c\n", "f.yaml:1:5: not valid YAML: mapping values are not allowed"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document starts here"),
        (b"a: \xff\n", "f.yaml:1:4: not UTF-8 text: byte 0xff"),
        (b"a: 1\nb: \xc3\xbc\xff\n", "f.yaml:2:5: not UTF-8 text: byte 0xff"),
        ("a: 1\nb: \x07\n", "f.yaml:2:4: control character 0x07"),
        ("a: *nope\n", "f.yaml:1:4: the alias '*nope' has no anchor"),
        ("a: &x [*x]\n", "f.yaml:1:8: the alias '*x' stands inside its own anchor"),
        ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        ("a: !!binary aGk=\n", "f.yaml:1:4: the tag 'tag:yaml.org,2002:binary'"),
        ("? [a]\n: 1\n", "f.yaml:1:3: a key must be plain text"),
        ("a: " + "[" * 5000, "f.yaml:1:44: nested too deeply"),
        ("a: " + "{b: " * 5000, "f.yaml:1:164: nested too deeply"),
        ("a: 1\nb:\n  " + "- " * 5000, "f.yaml:3:83: nested too deeply"),
        ("a: '" + "[" * 5000, "f.yaml:1:5005: not valid YAML"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n", "f.yaml:2:1: conflict marker '<<<<<<<'"),
        ("a: 1\n>>>>>>> other\n", "f.yaml:2:1: conflict marker '>>>>>>>'"),
        ("%YAML 3.0\n---\na: 1\n", "f.yaml:1:1: not valid YAML"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_every_conflict_is_named() -> None:
    conflict = "<<<<<<< a\nx: 1\n=======\nx: 2\n>>>>>>> b\n"
    assert [found.split(": ")[0] for found in problems(conflict * 2)] == ["f.yaml:1:1", "f.yaml:6:1"]


def test_a_conflict_marker_inside_a_text_is_text() -> None:
    assert data("a: |\n  <<<<<<< HEAD\n") == {"a": "<<<<<<< HEAD\n"}


def test_repeated_keys_are_all_named_and_the_rest_is_read() -> None:
    node, found = read("f", b"a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [str(problem) for problem in found] == [
        "f:2:1: repeated key 'a'; it already stands in line 1",
        "f:3:11: repeated key 'c'; it already stands in line 3",
    ]
    assert node.data == {"a": 1, "b": {"c": 1}}


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "too many values" in problems("\n".join(lines))[0]


def test_large_files_are_refused_before_they_are_read() -> None:
    assert problems(b"\xff" * (1 << 20) + b"x") == ["f.yaml: too large: 1048577 bytes, at most 1048576 are read"]
    assert "too many values" in str(read("f", b"a: [" + b"1," * 30_000 + b"]")[1][0])
