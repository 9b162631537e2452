"""What single programs do with their words: those that start others are looked through, or refused where that fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FOLDERS = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")
BUILTINS = frozenset(
    [":", "[", "break", "cd", "continue", "dirs", "echo", "exit", "export", "false", "getopts", "jobs", "let", "popd", "printf", "pushd", "pwd", "read", "return", "set", "shift", "test", "times", "true", "type", "ulimit", "umask", "unset", "wait", "local", "declare", "typeset", "readonly", "shopt", "mapfile", "readarray"]
)
BANNED = frozenset([".", "alias", "bind", "builtin", "caller", "compgen", "complete", "disown", "enable", "fc", "hash", "history", "source", "trap"])
SHELLS = frozenset(["sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "busybox", "fish"])
CODE = {"python": "c", "python3": "c", "perl": "eE", "ruby": "e", "node": "ep", "php": "r", "lua": "e"}
STARTS = re.compile(
    r"system|popen|subprocess|child_process|spawn|exec|fork|socket|ctypes|eval|import_|importlib|compile|getattr|"
    r"globals|builtins|pty|`|%x|b64|base64|\\x|chr\(|decode",
    re.IGNORECASE,
)
VALUED = {  # options of programs that run another, whose next word belongs to them
    "env": ("-u", "--unset", "-C", "--chdir"),
    "nice": ("-n", "--adjustment"),
    "ionice": ("-c", "-n", "--class", "--classdata"),
    "timeout": ("-k", "--kill-after", "-s", "--signal"),
    "stdbuf": ("-i", "-o", "-e"),
    "xargs": ("-n", "-P", "-L", "-d", "-a", "-s", "-E", "-I", "--max-args", "--max-procs", "--delimiter", "--arg-file"),
    "time": ("-f", "-o"),
    "exec": ("-a",),
}
RUNNERS = frozenset({*VALUED, "nohup", "setsid", "command", "coproc"})
FREE = frozenset(["command", "exec", "coproc", "time"])
"""Words of the shell itself, which need not be listed."""

VARIABLES = re.compile(
    r"PATH|IFS|ENV|BASH_ENV|BASH_FUNC.*|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|PS[0-4]|LD_.*|DYLD_.*|SHELL|CDPATH|"
    r"GIT_(SSH.*|EXTERNAL_DIFF|ASKPASS|PROXY_COMMAND|CONFIG.*|EXEC_PATH|TEMPLATE_DIR|DIR)|SSH_ASKPASS|LESS(OPEN|CLOSE)|"
    r"PERL5(OPT|DB)|RUBYOPT|NODE_OPTIONS|PYTHON(STARTUP|PATH|HOME|BREAKPOINT)|MAKEFLAGS|BROWSER|RSYNC_RSH"
)
CALLED = re.compile(r"(GIT_|MAN|SYSTEMD_)?(PAGER|EDITOR)|VISUAL|GIT_SEQUENCE_EDITOR")
BAD_WORDS = {  # words by which a program that may be listed starts others
    "git": r"-c|--config-env.*|--exec-path=.*|--(upload|receive)-pack.*|--exec.*|-x.*|-O.*|--open-files-in-pager.*|"
    r"--ext-diff|--textconv|ext::.*|foreach|filter-branch|difftool|mergetool|instaweb|daemon|hook|"
    r"(?i:alias\..*|core\.(pager|editor|sshcommand|fsmonitor|hookspath|askpass|gitproxy).*|.*\.(driver|textconv|clean|smudge|"
    r"process|cmd|helper|program|command|pager).*|include.*\.path.*)",
    "tar": r"-I.*|-F.*|--(to-command|checkpoint-action|use-compress-program|rsh-command|info-script|new-volume-script).*",
    "make": r"--eval.*|SHELL=.*|-f-|-f/dev/.*|/dev/(stdin|fd/.*)|-",
    "ssh": r".*",
    "rsync": r"-[a-zA-Z]*e.*|--rsh.*",
    "scp": r"-S.*|-o.*",
    "sed": r"--expression=.*\be\b.*|(.*[;{}\n0-9$/]|)\s*e(\s.*|)|(?s:.*s(.).*\3.*\3[gpiImM0-9]*e.*)",
    "sort": r"--compress-program.*",
    "vim": r"-c.*|\+.*|--cmd.*|-S.*",
    "vi": r"-c.*|\+.*",
    "less": r"\+.*",
    "man": r"-P.*|--pager.*|-H.*",
    "zip": r"-T+.*|--unzip-command.*|-[a-zA-Z]*TT.*",
    "awk": r"(?s:.*(system\s*\(|\|\s*\"|\|&|\|\s*getline|\|\s*[a-z]).*)",
}
BAD = {name: re.compile(pattern) for name, pattern in BAD_WORDS.items()}
BAD |= dict.fromkeys(("gawk", "mawk", "nawk"), BAD["awk"])

Judge = Callable[[str], None]


class Refused(Exception):
    """The reason is the message."""


@dataclass(frozen=True, slots=True)
class Words:
    """A command's words, None where the shell puts something in. `fed`: something is sent to its standard input."""

    words: tuple[str | None, ...]
    fed: bool = False


def check(command: Words, allowed: frozenset[str], judge: Judge) -> None:
    """Raise Refused where a command starts what is not listed. `judge` does the same for the text of a command."""
    name = _program(command.words[0], allowed)
    rest = command.words[1:]
    if name in BUILTINS and name not in allowed:
        _builtin(name, rest)
    elif name == "eval":
        judge(" ".join(_all(name, rest)))
    elif name in SHELLS:
        _shell(name, rest, fed=command.fed, judge=judge)
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
        raise Refused(f"'{word}' is not a listed program; run it through a program that is")
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


def _shell(name: str, words: Sequence[str | None], *, fed: bool, judge: Judge) -> None:
    """Look through `sh -c TEXT`; a script by its path is what the sandbox is for."""
    for at, word in enumerate(words):
        if word is None or re.match(r"--?(rcfile|init-file)", word):
            break
        if re.fullmatch(r"-[a-zA-Z]*c[a-zA-Z]*", word):
            text = next((each for each in words[at + 1 :] if each is None or each[:1] not in "-+"), None)
            judge(_all(name, [text])[0])
            return
        if re.fullmatch(r"-[a-zA-Z]*s[a-zA-Z]*|-|/dev/.*", word) or name in {"busybox", "fish"}:
            break
        if not word.startswith(("-", "+")):
            return
        if word in {"-o", "-O", "--help", "--version"} and not fed:
            continue
    else:
        if words and not fed:
            return
    raise Refused(f"'{name}' must be given a script's name, or its commands written out after -c")


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


def _is_option(name: str, word: str) -> bool:
    return word.startswith("-") or (name == "env" and re.match(r"[A-Za-z_]\w*=", word) is not None)


def _code(name: str, words: Sequence[str | None], *, fed: bool) -> None:
    """Refuse code in a command that starts programs, and code that cannot be seen."""
    letters = CODE[name.rstrip("0123456789.")] if name not in CODE else CODE[name]
    for at, word in enumerate(words):
        if word is None:
            continue
        found = re.match(rf"-[a-zA-Z]*[{letters}](.*)", word, re.DOTALL)
        if found or word in {"--eval", "--print"} or word.startswith("--eval="):
            text = found[1] if found and found[1] else (words[at + 1] if at + 1 < len(words) else None)
            if text is None or STARTS.search(text) or STARTS.search(word):
                raise Refused(f"code for '{name}' in a command must not start programs; put it into a file")
            return
        if not word.startswith("-") or word == "-m":
            return
    if fed and not any(word and not word.startswith("-") for word in words):
        raise Refused(f"'{name}' must be given a file, not code that is sent to it")


def _options(name: str, words: Sequence[str | None], allowed: frozenset[str], judge: Judge) -> None:
    if name == "git" and "bisect" in words[:1] and "run" in words[1:2]:
        check(Words(tuple(words[2:]) or (None,)), allowed, judge)
        return
    for word in words:
        if word is not None and BAD[name].fullmatch(word):
            raise Refused(f"'{word[:60]}' has '{name}' start other programs; leave it out")


def _base(word: str | None) -> str:
    return (word or "").rpartition("/")[2]
