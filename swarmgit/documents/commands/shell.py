"""Whether a shell command starts only listed programs, at any depth. What cannot be read for certain is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING

from swarmgit.documents.commands import programs
from swarmgit.documents.commands.programs import Refused, Words

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

COMMAND_CHARS_MAX = 20_000
DEPTH_MAX = 8
NODES_MAX = 20_000
_LITERAL = {"word", "number", "string_content", "variable_name", "extglob_pattern", "regex"}
_ODD = re.compile(r"[*?\[\]{}~]")
_GLUED = re.compile(r"\S\\\n[^\s]")
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^]]*\])?\+?=(.*)", re.DOTALL)
_RUNS = re.compile(r"\$\(|`|\$\{[^}]*@P")


def refuse(command: str, allowed: Collection[str]) -> str | None:
    """Return why a command must not run, None where it only starts programs of `allowed` and harmless builtins.

    An empty `allowed` allows every program. The reason is a sentence for whoever gave the command.
    """
    if not allowed:
        return None
    try:
        _check(command, frozenset(allowed), 0)
    except Refused as reason:
        return str(reason)
    return None


def _check(command: str, allowed: frozenset[str], depth: int) -> None:
    """Raise Refused for the first thing that is wrong."""
    if depth > DEPTH_MAX or len(command) > COMMAND_CHARS_MAX:
        raise Refused("the command is too long or too deep to be read; split it")
    odd = next((c for c in command if (c.isspace() or not c.isprintable()) and c not in " \t\n"), None)
    if odd is not None or _GLUED.search(command):
        raise Refused("the command holds a character that shells read differently; write it plainly")
    root = _parser().parse(command.encode()).root_node
    if root.has_error:
        raise Refused("the command cannot be parsed; write it in plain shell")
    for node in _nodes(root):
        _check_node(node, allowed, depth)


@cache
def _parser() -> Parser:
    try:
        import tree_sitter_bash
        from tree_sitter import Language, Parser
    except ImportError:
        raise Refused("commands cannot be read here: the parser is not installed") from None
    return Parser(Language(tree_sitter_bash.language()))


def _nodes(root: Node) -> Iterator[Node]:
    todo = [root]
    count = 0
    while todo:
        node = todo.pop()
        yield node
        count += 1
        if count > NODES_MAX:
            raise Refused("the command is too long to be read; split it")
        todo.extend(node.named_children)


def _check_node(node: Node, allowed: frozenset[str], depth: int) -> None:  # noqa: C901, PLR0912  one line per kind
    match node.type:
        case "function_definition":
            raise Refused("functions are not defined in commands; write the commands themselves")
        case "command":
            _command(node, allowed, depth)
        case "variable_assignment":
            _assignment(node, allowed, depth)
        case "declaration_command" | "unset_command":
            for word in node.named_children:
                _declared(word, allowed, depth)
        case "for_statement" | "select_statement":
            variable = node.child_by_field_name("variable")
            programs.check_name(_text(variable) if variable else "")
        case "test_command" | "arithmetic_expansion" | "subscript":
            if any(
                inner.type in {"raw_string", "ansi_c_string"} and _RUNS.search(_text(inner)) for inner in _nodes(node)
            ):
                raise Refused("a text that is evaluated holds a command; write the command itself")
        case "expansion" | "heredoc_redirect" if "`" in _text(node) and not _is_quoted(node):
            raise Refused("backquotes are not read there; use $(…)")
        case "expansion" if _text(node).rstrip("}").endswith("@P"):
            raise Refused("'${…@P}' runs what a variable holds; write the command itself")
        case "command_substitution" if _text(node).startswith("`") and "\\`" in _text(node):
            raise Refused("nested backquotes are not read; use $(…)")
        case "file_redirect" | "herestring_redirect" if re.search(r"/dev/(tcp|udp)/", _text(node)):
            raise Refused("the shell's own network connections are not allowed")


def _is_quoted(heredoc: Node) -> bool:
    """Return whether the text that follows a command is taken as it is."""
    start = next((child for child in heredoc.named_children if child.type == "heredoc_start"), None)
    return start is not None and re.search(r"['\"\\]", _text(start)) is not None


def _command(node: Node, allowed: frozenset[str], depth: int) -> None:
    name = node.child_by_field_name("name")
    if name is None:
        return
    head = _literal(name)
    if head is None or (_ODD.search(_text(name)) and head != "["):
        raise Refused(f"the program's name must be written out: {_short(_text(name))}")
    arguments = node.children_by_field_name("argument")
    words = Words((head, *(_literal(each) for each in arguments)), fed=_is_fed(node))
    programs.check(words, allowed, lambda inner: _check(inner, allowed, depth + 1))


def _is_fed(node: Node) -> bool:
    """Return whether a command reads its standard input from a pipe, a file or a text of the same command."""
    if any(child.type.endswith("_redirect") and "<" in _text(child)[:3] for child in node.named_children):
        return True
    inner, outer = node, node.parent
    while outer is not None:
        if outer.type == "pipeline" and outer.named_children[0] != inner:
            return True
        if outer.type == "redirected_statement" and any(
            "<" in _text(child)[:3] for child in outer.named_children if child.type.endswith("_redirect")
        ):
            return True
        inner, outer = outer, outer.parent
    return False


def _assignment(node: Node, allowed: frozenset[str], depth: int) -> None:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    text = _literal(value) if value is not None else ""
    if text is not None and _RUNS.search(text):
        raise Refused("a variable is given a text that holds a command; write the command itself")
    variable = _text(name).partition("[")[0] if name is not None else ""
    programs.check_variable(variable, text, lambda inner: _check(inner, allowed, depth + 1))


def _declared(word: Node, allowed: frozenset[str], depth: int) -> None:
    if word.type in {"variable_assignment", "variable_name"}:
        return  # looked at by itself, or without a value
    text = _literal(word)
    if text is None:
        raise Refused(f"what is declared must be written out: {_short(_text(word))}")
    found = _ASSIGNED.fullmatch(text)
    if _RUNS.search(text):
        raise Refused("a text that is evaluated holds a command; write the command itself")
    if found:
        programs.check_variable(found[1], found[2], lambda inner: _check(inner, allowed, depth + 1))


def _literal(node: Node) -> str | None:
    """Return what a word says for certain, None where the shell puts something in."""
    match node.type:
        case "command_name":
            return _literal(node.named_children[0]) if node.named_child_count == 1 else None
        case "raw_string":
            return _text(node)[1:-1]
        case "string":
            inner = [_literal(child) for child in node.named_children]
            if any(part is None for part in inner):
                return None
            return re.sub(r'\\([$`"\\\n])', r"\1", _text(node)[1:-1])
        case "concatenation":
            parts = [_literal(child) for child in node.named_children]
            return "".join(part for part in parts if part is not None) if None not in parts else None
        case kind if kind in _LITERAL and node.named_child_count == 0:
            return re.sub(r"\\(.)", r"\1", _text(node), flags=re.DOTALL)
        case _:
            return None


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
