"""What is known of programs that start other programs."""

from __future__ import annotations

import re

FOLDERS = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")
BUILTINS = frozenset(
    [
        ":",
        "[",
        "break",
        "cd",
        "continue",
        "dirs",
        "echo",
        "exit",
        "export",
        "false",
        "getopts",
        "jobs",
        "let",
        "popd",
        "printf",
        "pushd",
        "pwd",
        "read",
        "return",
        "set",
        "shift",
        "test",
        "times",
        "true",
        "type",
        "ulimit",
        "umask",
        "unset",
        "wait",
        "local",
        "declare",
        "typeset",
        "readonly",
        "shopt",
        "mapfile",
        "readarray",
    ]
)
BANNED = frozenset(
    [
        ".",
        "alias",
        "bind",
        "builtin",
        "caller",
        "compgen",
        "complete",
        "disown",
        "enable",
        "fc",
        "hash",
        "history",
        "source",
        "trap",
    ]
)
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
    "git": r"--config-env.*|--exec-path=.*|--(upload|receive)-pack.*|--open-files-in-pager.*|--ext-diff|--textconv|"
    r"ext::.*|--template.*",
    "tar": r"-[a-zA-Z]*[IF].*|--(to-command|checkpoint-action|use-compress-program|rsh-command|"
    r"info-script|new-volume-script).*",
    "make": r"--eval.*|SHELL=.*|-f-|-f/dev/.*|/dev/(stdin|fd/.*)|-",
    "ssh": r"-[a-zA-Z]*[oF].*",
    "rsync": r"-[a-zA-Z]*e.*|--rsh.*",
    "scp": r"-S.*|-o.*",
    "sed": r"--expression=.*\be\b.*|(.*[;{}\n0-9$/]|)\s*e(\s.*|)|(?s:.*s(.).*\3.*\3[gpiImM0-9]*e.*)",
    "sort": r"--compress-program.*",
    "vim": r"-c.*|\+.*|--cmd.*|-S.*",
    "vi": r"-c.*|\+.*",
    "less": r"\+.*",
    "man": r"-P.*|--pager.*|-H.*",
    "zip": r"-T+.*|--unzip-command.*|-[a-zA-Z]*TT.*",
    "awk": r"(?s:.*(system\s*\(|(?<!\|)\|(?!\|)\s*[\"(a-zA-Z]|\|&).*)",
}
BAD = {name: re.compile(pattern) for name, pattern in BAD_WORDS.items()}
BAD |= dict.fromkeys(("gawk", "mawk", "nawk"), BAD["awk"])

GIT_GLOBAL = {"-C", "--git-dir", "--work-tree", "--namespace"}
GIT_STARTERS = frozenset(
    [
        "filter-branch",
        "difftool",
        "mergetool",
        "instaweb",
        "daemon",
        "hook",
        "p4",
        "svn",
        "cvsserver",
        "shell",
        "send-email",
    ]
)
GIT_BAD = {
    "clone": re.compile(r"-c.*|--config.*|-u.*"),
    "config": re.compile(
        r"(?i:alias\..*|core\.(pager|editor|sshcommand|fsmonitor|hookspath|askpass|gitproxy).*|include.*\.path.*|"
        r".*\.(driver|textconv|clean|smudge|process|cmd|helper|program|command|pager|editor|vcs|uploadpack|receivepack).*)"
    ),
    "rebase": re.compile(r"-x.*|--exec.*"),
    "grep": re.compile(r"-O.*"),
    "submodule": re.compile(r"foreach"),
    "archive": re.compile(r"--exec.*"),
    "push": re.compile(r"--exec.*"),
    "ls-remote": re.compile(r"--exec.*"),
}
