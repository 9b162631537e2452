"""The early refusal: forbidden programs are seen at any depth, and everyday commands are let through."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmgit.documents.commands import refuse

ALLOWED = frozenset(
    [
        "git",
        "ls",
        "cat",
        "grep",
        "sed",
        "awk",
        "find",
        "xargs",
        "env",
        "sh",
        "bash",
        "python3",
        "pytest",
        "make",
        "tar",
        "sort",
        "head",
        "wc",
        "timeout",
        "nice",
        "nohup",
        "rg",
        "mkdir",
        "cp",
        "mv",
        "tee",
        "node",
        "rsync",
        "test",
        "perl",
    ]
)

FORBIDDEN = [
    "curl http://x",
    "ls; curl x",
    "ls && curl x",
    "ls || curl x",
    "ls | curl -d @- x",
    "ls & curl x",
    "ls\ncurl x",
    "(curl x)",
    "{ curl x; }",
    "! curl x",
    "echo $(curl x)",
    "echo `curl x`",
    'echo "a $(curl x) b"',
    "echo \"$(echo \"$(curl x)\")\"",
    "cat <(curl x)",
    "ls > >(curl x)",
    "cat <<E\n$(curl x)\nE",
    'cat <<< "$(curl x)"',
    "A=$(curl x) ls",
    "A=$(curl x)",
    "echo $((1 + $(curl x)))",
    "echo ${A:-$(curl x)}",
    "if curl x; then ls; fi",
    "while curl x; do ls; done",
    "for i in $(curl x); do ls; done",
    "case $(curl x) in a) ls;; esac",
    "case a in a) curl x;; esac",
    "[[ -n $(curl x) ]]",
    "/usr/bin/curl x",
    "/tmp/ls",
    "./ls",
    "../bin/ls",
    "cu''rl x",
    "c\\url x",
    "'curl' x",
    "$'\\x63url' x",
    "$CMD x",
    "${CMD} x",
    "a=curl; $a x",
    "/usr/bin/cur? x",
    "{curl,x}",
    "~/ls",
    "sh -c 'curl x'",
    'bash -lc "ls && curl x"',
    "sh -c \"sh -c 'curl x'\"",
    "bash -c \"$X\"",
    "echo 'curl x' | sh",
    "bash <<< 'curl x'",
    "bash < script.txt",
    "bash -s x",
    "sh",
    "eval 'curl x'",
    "eval $X",
    "env curl x",
    "env -i A=b curl x",
    "env -S 'curl x'",
    "env PATH=/tmp ls",
    "PATH=/tmp ls",
    "export PATH=/tmp",
    "LD_PRELOAD=/tmp/x.so ls",
    "BASH_ENV=/tmp/x bash -c ls",
    "GIT_SSH_COMMAND='curl x' git fetch",
    "PAGER='curl x' git log",
    "xargs curl",
    "echo x | xargs -n1 curl",
    "ls | xargs -I{} {} x",
    "ls | xargs sh -c 'curl'",
    "ls | xargs sh",
    "find . -exec curl {} \\;",
    "find . -name a -execdir sh -c 'curl x' \\;",
    "find . -exec sh -c '{}' \\;",
    "nohup curl x",
    "timeout 5 curl x",
    "nice -n 5 curl x",
    "exec curl x",
    "command curl x",
    "builtin eval 'curl x'",
    "coproc curl x",
    "time curl x",
    "f() { curl x; }; f",
    "alias ls=curl; ls",
    "trap 'curl x' EXIT",
    "source /tmp/x",
    ". /tmp/x",
    "git -c alias.x='!curl x' x",
    "git -c core.pager='curl x' log",
    "git config alias.x '!curl x'",
    "git submodule foreach 'curl x'",
    "git rebase -x 'curl x' main",
    "git fetch --upload-pack='curl x' .",
    "git clone ext::curl",
    "git bisect run curl x",
    "tar cf - . --to-command=curl",
    "tar xf a --checkpoint-action=exec=curl",
    "make SHELL=/tmp/x",
    "make --eval='x:;curl x'",
    "awk 'BEGIN { system(\"curl x\") }'",
    "sed '1e curl x' a",
    "sed 's/a/curl x/e' a",
    "python3 -c 'import os; os.system(\"curl x\")'",
    "echo 'import os' | python3",
    "node -e 'require(\"child_process\")'",
    "rsync -e 'curl x' a b",
    "sort --compress-program=curl a",
    "cat < /dev/tcp/example.org/80",
    "exec 3<>/dev/tcp/example.org/80",
    "ls\u00a0; curl x",
    "ls\x0b curl",
    "l\\\ns x | cu\\\nrl x",
    "x='a[$(curl x)]'; echo $((x))",
    "declare 'a[$(curl x)]=1'",
    "printf -v 'a[$(curl x)]' 1",
    "echo ${x@P}",
    "if ls; then",
    "ls 'unclosed",
    "ls )",
    "sh -o errexit -c 'curl x'",
    "bash -euo pipefail -c 'curl x'",
    "bash -O extglob -c 'curl x'",
    "python3 -X dev -c 'import os; os.system(1)'",
    "perl -I lib -e 'system 1'",
    'cat <<E | sh\ncurl x\nE',
    'sh <<E\ncurl x\nE',
    'ls # \\\ncurl x',
    'cat <<E\nE\ncurl x\nE',
    'cat <<"E F"\nE F\ncurl x\n',
    'cat <<\\E\nE\ncurl x\n',
    'cat <<E""F\nEF\ncurl x\n',
    'cat <<-E\n\tE\ncurl x\n',
    'cat <<$X\n$X\ncurl x\n',
    "cat <<'E'\nE\ncurl x\n",
    'env -u X curl',
    'exec -a ls curl',
    'xargs -a f curl',
    'timeout --signal=KILL 5 curl',
    "bash --norc -c 'curl'",
    "tar cIf 'curl x' a b",
    "tar -cI 'curl' -f a b",
    'git clone -c core.sshCommand=curl a',
    "git grep -O'curl' x",
    'git submodule foreach curl',
    'awk \'BEGIN{print "x" | "curl"}\'',
    'awk \'{"curl" | getline}\'',
    "sed 's/a/b/;e curl' f",
    'ls $(</dev/tcp/a/80)',
    'function f { curl x; }',
    'ls 2>&1 >(curl)',
    'echo "${x:-`curl`}"',
    'cat <<E\n`curl x`\nE',
    "test -v 'a[$(curl)]'",
    'x=1 y=`curl` ls',
    'ls > $(curl)',
    'for x in a; do curl; done',
    'until curl; do ls; done',
    '((x = $(curl)))',
    "let 'a[$(curl)]'",
    'a[$(curl)]=1',
    'select x in a; do curl; done',
    'ls |& curl',
    '[ -n "$(curl)" ]',
    'export X=$(curl)',
    'local x=`curl`',
    'readonly PATH=/tmp',
    'unset -f ls; hash -p /tmp/x ls',
    'read PATH <<< /tmp; ls',
    'for PATH in /tmp; do ls; done',
    'printf -v PATH /tmp; ls',
    'declare -x PATH=/tmp',
    'env -C /tmp LD_PRELOAD=x ls',
    'command env curl',
    "nohup sh -c 'curl' &",
    'busybox wget',
    'find . -ok curl \\;',
    "python3 <<< 'import os'",
    'python3 - <<E\nimport os\nE',
    'node -p \'process.mainModule.require("child_process")\'',
    'git --exec-path=/tmp x',
    'git -C . -c a.b=c log',
    "git rebase --exec 'curl' main",
    'git push --receive-pack=curl',
    'git archive --remote=. --exec=curl HEAD',
    'git log --ext-diff',
    '${SHELL} -c curl',
    '$0 -c curl',
    '""curl',
    'ls\r\ncurl',
    'true && { false || curl; }',
    "echo 'x' >> f; . f",
    'ls;;curl',
]  # fmt: skip

ALLOWED_FORMS = [
    "ls",
    "ls -la src/",
    "cd src && ls",
    "git status --short",
    "git diff HEAD~1 -- src/a.py",
    "git commit -m 'Fix (the) $thing; curl is only a word here'",
    "git log --oneline -n 5 | head -3",
    "cat a.txt b.txt > out.txt 2>&1",
    "grep -rn 'curl' src | sort | head",
    "grep -E 'a|b' *.py",
    "rg --files | wc -l",
    "sed -i 's/old/new/g' src/a.py",
    "sed -n '1,20p' a.py",
    "awk '{print $1}' a.txt",
    "find . -name '*.py' -type f",
    "find . -name '*.pyc' -exec ls {} \\;",
    "find . -name '*.py' | xargs grep -n foo",
    "env A=1 pytest -q",
    "A=1 B=two pytest -q tests/test_a.py::test_x",
    "pytest -q -k 'not slow' 2>&1 | tee out.log",
    "python3 -m pytest",
    "python3 tools/build.py --all",
    "python3 -c 'print(1 + 1)'",
    "timeout 60 pytest -q",
    "nice -n 10 make -j4 test",
    "bash -c 'ls && git status'",
    "bash tools/run.sh",
    "sh -ec 'cd src; ls'",
    "for f in src/*.py; do grep -c x \"$f\"; done",
    "if [ -f a.txt ]; then cat a.txt; else echo none; fi",
    "while read -r line; do echo \"$line\"; done < a.txt",
    "test -e a && echo yes || echo no",
    "[[ -f a.txt && $x == y* ]] && ls",
    "mkdir -p build && cp a.txt build/",
    "cat <<'E' > a.txt\n$(curl x) is text here\nE",
    "echo \"$HOME and $(git rev-parse HEAD)\"",
    "export LANG=C; ls",
    "GIT_PAGER=cat git log",
    "ls \\\n  -la \\\n  src",
    "/usr/bin/git status",
    "diff=$(git diff); echo \"$diff\"",
    "command -v git",
    "# only a comment\nls",
    "tar czf out.tgz src",
    'git switch -c new',
    'git clean -xfd',
    'git cherry-pick -x abc',
    'git checkout hook',
    'git commit -C HEAD',
    'awk \'$1=="a" || x==1\' f',
    'git add includes/a.path',
    'git grep -n foo',
    'git config user.name x',
    'python3 -X dev tools/a.py',
    'bash -eu tools/a.sh -c x',
    'pytest -c pytest.ini',
    'git submodule update --init',
    "sed 's/foo/e/' f",
    'git diff --no-ext-diff',
    'make -j 4',
    'tar xzf README.tgz',
]  # fmt: skip


@pytest.mark.parametrize("command", FORBIDDEN)
def test_a_program_that_is_not_listed_is_refused_in_any_dress(command: str) -> None:
    reason = refuse(command, ALLOWED)
    assert reason is not None
    assert "\n" not in reason


@pytest.mark.parametrize("command", ALLOWED_FORMS)
def test_everyday_commands_of_listed_programs_are_let_through(command: str) -> None:
    assert refuse(command, ALLOWED) is None


def test_without_a_list_everything_is_let_through() -> None:
    assert refuse("curl x", ()) is None


def test_the_table_is_large() -> None:
    assert len(set(FORBIDDEN)) >= 55
    assert len(set(ALLOWED_FORMS)) >= 30


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    refuse(text, ALLOWED)


@pytest.mark.parametrize("piece", ["$(", "(", "sh -c '", "{ ", "ls | ", "`", '"$('])
def test_a_command_made_to_be_slow_is_judged_in_time(piece: str) -> None:
    start = time.perf_counter()
    refuse(piece * (19_000 // len(piece)), ALLOWED)
    assert time.perf_counter() - start < 5


def hook(text: str, *listed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "swarmgit.documents.commands.hook", *listed],
        input=text, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def test_the_hook_refuses_with_2_and_the_reason_and_allows_with_0() -> None:
    assert hook('{"tool_input": {"command": "ls | curl x"}}', "ls").returncode == 2
    refused = hook('{"command": "curl x"}', "ls")
    assert (refused.returncode, refused.stderr) == (
        2,
        "'curl' is not one of the programs that policy lists for this role\n",
    )
    assert hook('{"tool_input": {"command": "ls -l"}}', "ls").returncode == 0
    assert hook('{"tool_input": {"path": "a.txt"}}', "ls").returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "curl x",
        "[1]",
        '{"tool_name": "Bash", "tool_input": {"cmd": "ls"}}',
        '{"tool_input": {"command": 3}}',
        '{"command": ["ls"]}',
    ],
)
def test_the_hook_refuses_what_it_cannot_read(text: str) -> None:
    assert hook(text, "ls").returncode == 2


def test_the_hook_knows_a_tool_that_is_told_of_by_name() -> None:
    refused = hook('{"toolName": "bash", "toolArgs": "{\\"command\\": \\"curl x\\"}"}', "ls")
    assert refused.returncode == 2
    assert '"permissionDecision": "deny"' in refused.stdout
    assert hook('{"toolName": "bash", "toolArgs": {"command": "ls"}}', "ls").returncode == 0
    assert hook('{"toolName": "edit", "toolArgs": "{\\"command\\": \\"view\\"}"}', "ls").returncode == 0
    assert hook('{"toolName": "bash", "toolArgs": "curl"}', "ls").returncode == 2
    assert hook('{"toolName": ["bash"], "toolArgs": {}}', "ls").returncode == 2
