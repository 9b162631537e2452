"""What single programs do with their words: those that start others are looked through, or refused where that fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from swarmgit.documents.commands.tables import (
    BAD,
    BANNED,
    BUILTINS,
    CALLED,
    CODE,
    FOLDERS,
    FREE,
    GIT_BAD,
    GIT_GLOBAL,
    GIT_STARTERS,
    RUNNERS,
    SHELLS,
    STARTS,
    VALUED,
    VARIABLES,
)

Judge = Callable[[str], None]


class Refused(Exception):
    """The reason is the message."""


class Words(Struct, frozen=True):
    """A command's words, None where the shell puts something in. `fed`: something is sent to its standard input."""

    words: tuple[str | None, ...]
    fed: bool = False


def check(command: Words, allowed: frozenset[str], judge: Judge) -> None:
    """Raise Refused where a command starts what is not listed. `judge` does the same for the text of a command."""
    name = _program(command.words[0], allowed)
    rest = command.words[1:]
    if name in BUILTINS:
        _builtin(name, rest)
    elif name == "eval":
        judge(" ".join(_all(name, rest)))
    elif name in SHELLS:
        _shell(name, rest, judge)
    elif name == "find":
        _find(rest, allowed, judge)
    elif name in RUNNERS:
        _runner(name, rest, allowed, judge)
    elif re.fullmatch(r"(python|perl|ruby|node|php|lua)[0-9.]*", name):
        _code(name, rest, fed=command.fed)
    elif name in BAD:
        _options(name, rest, allowed, judge)


def check_name(variable: str) -> None:
    """Raise Refused for a variable that decides what programs start."""
    if VARIABLES.fullmatch(variable) or CALLED.fullmatch(variable):
        raise Refused(f"the variable {variable} decides what programs run; leave it as it is")


def check_variable(variable: str, value: str | None, judge: Judge) -> None:
    """Raise Refused for a value that would have programs start others; pagers and editors are judged as commands."""
    if CALLED.fullmatch(variable) and value is not None:
        if value:
            judge(value)
        return
    check_name(variable)


def _program(word: str | None, allowed: frozenset[str]) -> str:
    """Return the name of a program that may be started."""
    if word is None:
        raise Refused("the program's name must be written out")
    folder, _, name = word.rpartition("/")
    if word.startswith("/") and folder not in FOLDERS:
        raise Refused(f"'{word}' is not in a folder of programs; name the program alone")
    if "/" in word and not word.startswith("/"):
        raise Refused(f"'{word}' is not one of the programs that policy lists for this role")
    if not folder and (name in BUILTINS or name in FREE or name == "eval"):
        return name
    if name in BANNED and name not in allowed:
        raise Refused(f"'{name}' changes or hides what runs; write the commands themselves")
    if name not in allowed:
        raise Refused(f"'{name}' is not one of the programs that policy lists for this role")
    return name


def _builtin(name: str, words: Sequence[str | None]) -> None:
    if name == "echo" or (name == "printf" and "-v" not in words):
        return
    for word in words:
        if word is not None and re.search(r"\$\(|`|\$\{", word):
            raise Refused("a text that is evaluated holds a command; write the command itself")
        check_name((word or "").partition("=")[0].partition("[")[0])
    if name in {"mapfile", "readarray"} and any((word or "-C").startswith("-C") for word in words):
        raise Refused(f"'{name} -C' runs a command for each line; write a loop")


def _all(name: str, words: Sequence[str | None]) -> list[str]:
    found = [word for word in words if word is not None]
    if len(found) < len(words):
        raise Refused(f"what '{name}' runs must be written out, without variables and substitutions")
    return found


def _shell(name: str, words: Sequence[str | None], judge: Judge) -> None:
    """Look through `sh -c TEXT`; a script by its path is what the sandbox is for."""
    at = 0
    while at < len(words):
        word = words[at]
        if word is None or re.match(r"--?(rcfile|init-file)", word) or name in {"busybox", "fish"}:
            break
        if re.fullmatch(r"-[a-zA-Z]*c[a-zA-Z]*", word):
            texts = [each for each in words[at + 1 :] if each is None or each[:1] not in "-+"]
            judge(_all(name, texts[1:2] if re.search("[oO]", word) else texts[:1])[0])
            return
        if re.fullmatch(r"-[a-zA-Z]*s[a-zA-Z]*|-|/dev/.*", word):
            break
        if not word.startswith(("-", "+")):
            return
        at += 2 if re.fullmatch(r"[-+][a-zA-Z]*[oO]", word) else 1
    raise Refused(f"'{name}' must be given its commands written out, after -c")


def _find(words: Sequence[str | None], allowed: frozenset[str], judge: Judge) -> None:
    at = 0
    while at < len(words):
        if words[at] in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = next((n for n in range(at, len(words)) if words[n] in {";", "+"}), len(words))
            inner = words[at + 1 : end]
            if not inner or "{}" in (inner[0] or ""):
                raise Refused("'find -exec' must name the program that it starts")
            if _base(inner[0]) in SHELLS and any("{}" in (word or "") for word in inner[1:3]):
                raise Refused("a file's name is no command: give it to the shell as an argument")
            check(Words(tuple(inner)), allowed, judge)
            at = end
        elif words[at] is None:
            raise Refused("what 'find' does must be written out, without variables and substitutions")
        at += 1


def _runner(name: str, words: Sequence[str | None], allowed: frozenset[str], judge: Judge) -> None:
    """Look through a program that runs the one that its words name."""
    at = _after_options(name, words, judge)
    inner = words[at:]
    if not inner:
        if name in {"xargs", "env", "exec", "command", "time"}:
            return
        raise Refused(f"'{name}' must be given the program that it runs")
    if name == "command" and any((word or "") in {"-v", "-V"} for word in words[:at]):
        return
    base = _base(inner[0])
    if name == "xargs" and (
        base in SHELLS | RUNNERS | BAD.keys() | {"find", "eval"} or base.rstrip("0123456789.") in CODE
    ):
        raise Refused(f"'{base}' may start programs, and xargs gives it words that cannot be seen here; write a loop")
    if inner[0] is not None and re.search(r"[{}%*?]", inner[0]):
        raise Refused(f"the program that '{name}' runs must be written out")
    if name not in FREE and base in BUILTINS | {"eval"} and base not in allowed:
        raise Refused(f"'{base}' is not one of the programs that policy lists for this role")
    check(Words(tuple(inner), fed=name == "xargs"), allowed, judge)


def _after_options(name: str, words: Sequence[str | None], judge: Judge) -> int:
    """Return where the words of the program begin that a runner runs."""
    at = 0
    while at < len(words) and (words[at] is None or _is_option(name, words[at] or "")):
        word = words[at]
        if word is None or (re.match(r"-S|--split-string|--replace|-i.", word) and name in {"env", "xargs"}):
            raise Refused(f"what '{name}' runs must be written out")
        assigned = re.fullmatch(r"([A-Za-z_]\w*)=(.*)", word, re.DOTALL)
        if assigned:
            check_variable(assigned[1], assigned[2], judge)
        at += 2 if word in VALUED.get(name, ()) else 1
    if name == "timeout":
        at += 1
    return at


def _is_option(name: str, word: str) -> bool:
    return word.startswith("-") or (name == "env" and re.match(r"[A-Za-z_]\w*=", word) is not None)


def _code(name: str, words: Sequence[str | None], *, fed: bool) -> None:
    """Refuse code in a command that starts programs, and code that cannot be seen."""
    letters = CODE[name.rstrip("0123456789.")] if name not in CODE else CODE[name]
    valued = {"-X", "-W", "-I", "-r", "--require"}
    for at, word in enumerate(words):
        if word is None or (at and words[at - 1] in valued):
            continue
        found = re.match(rf"-[a-zA-Z]*[{letters}](.*)", word, re.DOTALL)
        if found or word in {"--eval", "--print"} or word.startswith("--eval="):
            text = found[1] if found and found[1] else (words[at + 1] if at + 1 < len(words) else None)
            if text is None or STARTS.search(text) or STARTS.search(word):
                raise Refused(
                    f"code for '{name}' in a command must not start programs; start them by commands of their own"
                )
            return
        if not word.startswith("-") or word == "-m":
            return
    if fed and not any(word and not word.startswith("-") for word in words):
        raise Refused(f"'{name}' must not be sent code that cannot be seen here")


def _options(name: str, words: Sequence[str | None], allowed: frozenset[str], judge: Judge) -> None:
    if name == "git":
        _git(words, allowed, judge)
    if name == "tar" and words and re.fullmatch(r"[a-zA-Z]*[IF][a-zA-Z]*", words[0] or "I"):
        raise Refused("'tar' must be told what to do in options that start with '-'")
    for word in words:
        if word is not None and BAD[name].fullmatch(word):
            raise Refused(f"'{word[:60]}' has '{name}' start other programs; leave it out")


def _git(words: Sequence[str | None], allowed: frozenset[str], judge: Judge) -> None:
    """Refuse what has git start other programs: settings given with the command, and subcommands made for it."""
    at = 0
    while at < len(words) and (words[at] is None or (words[at] or "").startswith("-")):
        if words[at] is None or (words[at] or "").startswith("-c"):
            raise Refused("git's settings decide what it starts; leave out '-c'")
        at += 2 if words[at] in GIT_GLOBAL else 1
    verb = words[at] if at < len(words) else ""
    if verb is None or verb in GIT_STARTERS:
        raise Refused(f"'git {verb or '$…'}' starts other programs, or may")
    rest = words[at + 1 :]
    if verb == "bisect" and "run" in rest[:1]:
        check(Words(tuple(rest[1:]) or (None,)), allowed, judge)
    bad = next((word for word in rest if word and verb in GIT_BAD and GIT_BAD[verb].fullmatch(word)), None)
    if bad is not None:
        raise Refused(f"'{bad[:60]}' has 'git {verb}' start other programs; leave it out")


def _base(word: str | None) -> str:
    return (word or "").rpartition("/")[2]
