"""What agents hide in files and names; the gates must catch it alone, so it is tried without any sandbox too."""

from __future__ import annotations

import pytest

from swarmgit.model.reasons import REASONS
from tests.attacks.stage import Stage

START = {
    "README.md": "hello\n",
    "CLAUDE.md": "rules\n",
    "src/app.py": "x = 1\n",
    ".github/workflows/ci.yml": "on: push\n",
}
TREES = {
    "moving instructions away": "os.rename('CLAUDE.md', 'src/x')",
    "instructions in other letters": "open('claude.MD', 'w').write('x')",
    "instructions in a folder": "open('src/CLAUDE.md', 'w').write('x')",
    "a zero-width letter": "open('CLAUDE\\u200b.md', 'w').write('x')",
    "a trailing space": "open('CLAUDE.md ', 'w').write('x')",
    "a workflow": "open('.github/workflows/ci.yml', 'a').write('x')",
    "a workflow by a link": "os.symlink('../.github/workflows', 'src/w')  or open('src/w/new.yml', 'w').write('x')",
    "another agent's settings": "open('opencode.json', 'w').write('{}')",
    "another agent's rules": "os.makedirs('.roo/rules') or open('.roo/rules/a.md', 'w').write('x')",
    "what a shell runs": "open('.envrc', 'w').write('touch /tmp/x')",
    "what an editor runs": "os.makedirs('src/.VSCode') or open('src/.VSCode/tasks.json', 'w').write('{}')",
    "what a container runs": "os.makedirs('.devcontainer') or open('.devcontainer/devcontainer.json', 'w').write('{}')",
    "what python runs when it starts": "open('src/sitecustomize.py', 'w').write('x = 1')",
    "intent": "os.makedirs('.swarm/tasks', exist_ok=True) or open('.swarm/tasks/mine.yaml', 'w').write('x')",
    "policy": "open('.swarm/policy.yaml', 'w').write('version: 1\\nsandbox: off\\n')",
    "attributes": "open('.gitattributes', 'w').write('* merge=union eol=crlf ident\\n')",
    "a module": "open('.gitmodules', 'w').write('[submodule \"x\"]\\n\\tpath = x\\n\\turl = ext::x\\n')",
    "a nested repository": "subprocess.run(['git', 'init', '-q', 'src/inner'], check=True) and open('src/inner/f', 'w').write('x')",
    "a bare repository as files": "os.makedirs('src/bare/objects') or os.makedirs('src/bare/refs') or open('src/bare/HEAD', 'w').write('ref: refs/heads/x\\n') and open('src/bare/config', 'w').write('[core]\\n\\tbare = true\\n')",
    "a link that leaves": "os.symlink('../../../../etc/passwd', 'src/link')",
    "a pipe": "os.mkfifo('src/pipe')",
    "a newline in a name": "open('src/a\\nb', 'w').write('x')",
    "a leading dash": "open('-rf', 'w').write('x')",
    "a twin of a file that was there": "open('readme.md', 'w').write('y')",
    "a twin of a folder that was there": "os.makedirs('Src') or open('Src/new.py', 'w').write('y')",
    "a twin by other code points": "open('src/\\uff41pp.py', 'w').write('y')",
    "a link into swarmgit's own": "os.symlink('../.swarm/run/cache', 'src/link')",
    "a link to the policy": "os.symlink('.swarm/policy.yaml', 'link')",
    "twins": "open('src/Same', 'w').write('x') and open('src/same', 'w').write('y')",
    "a sparse giant": "os.truncate(os.open('src/giant', os.O_CREAT | os.O_RDWR), 1 << 33)",
}

HELD = {"what a shell runs", "what an editor runs", "what a container runs", "what python runs when it starts"}
"""A person may want these; they wait for one."""


@pytest.mark.default_cases(
    "*a zero-width*", "*what an editor*", "*another agent*", "*instruction*", "*what a shell*", "*git*"
)
@pytest.mark.parametrize("how", TREES)
def test_what_is_hidden_in_a_tree_does_not_land(judged: Stage, how: str) -> None:
    judged.policy["limits"] = {"file_gb": 64}
    judged.open(START)
    before = judged.git("rev-parse", "main^{tree}")
    judged.attacker(f"import os, subprocess\n{TREES[how]}\nopen('evil.txt', 'w').write('done')", owns=["**"])
    before = judged.git("rev-parse", "main^{tree}")
    judged.run()
    status = judged.status("evil")
    assert judged.git("rev-parse", "main^{tree}") == before, how
    assert judged.landed() == []
    is_held = status.waiting_for == (REASONS["review"].waits_for,)
    assert status.attempts[-1].outcome == ("submitted" if is_held else "rejected"), judged.stderr()
    assert is_held == (how in HELD)
    assert status.attempts[-1].reason or is_held
    assert judged.before == judged.after


OUTBOX = {
    "a link": "os.symlink({diary!r}, OUT + '/' + name)",
    "a pipe": "os.mkfifo(OUT + '/' + name)",
    "a folder": "os.mkdir(OUT + '/' + name)",
    "a giant": "os.truncate(os.open(OUT + '/' + name, os.O_CREAT | os.O_RDWR), 1 << 33)",
    "bytes": "open(OUT + '/' + name, 'wb').write(bytes(range(256)) * 64)",
}


@pytest.mark.parametrize("how", OUTBOX)
def test_a_hostile_outbox_leaks_nothing_and_stops_nothing(judged: Stage, how: str) -> None:
    judged.policy["limits"] = {"file_gb": 64}
    judged.open()
    judged.attacker(f"""
        import os
        for name in ("message.md", "report.md", "junit.xml"):
            {OUTBOX[how].format(diary=str(judged.outside / "diary.txt"))}
        open("evil.txt", "w").write("done")
    """)
    judged.run(timeout_s=40)
    assert judged.landed() == ["evil"]
    everything = judged.git("log", "--all", "--format=%B") + judged.git(
        "grep", "-c", "canary", "swarm/state", check=False
    )
    assert "canary" not in everything
    assert judged.before == judged.after


def test_changing_files_while_the_gate_runs_changes_nothing_that_lands(judged: Stage) -> None:
    judged.gates = [{"name": "test", "run": "sleep 0.5; grep -q good evil.txt"}]
    judged.open()
    judged.attacker("""
        import os, sys, time
        open("evil.txt", "w").write("good")
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for _ in range(100):
                    open("evil.txt", "w").write("bad")
                    time.sleep(0.02)
            os._exit(0)
        os._exit(0)
    """)
    judged.run()
    if judged.landed():
        assert judged.show("evil.txt") == "good"


def test_a_gate_cannot_change_the_tree_that_lands(judged: Stage) -> None:
    judged.gates = [{"name": "test", "run": "sh run-tests.sh"}]
    judged.open({"README.md": "hello\n", "run-tests.sh": "true\n"})
    judged.attacker(
        "open('run-tests.sh', 'w').write('echo bad > README.md; git commit -qam bad; git update-ref refs/heads/main HEAD; true\\n')",
        owns=["run-tests.sh"],
    )
    judged.run()
    assert judged.show("README.md") == "hello"
    assert judged.before == judged.after


def test_a_scope_of_everything_does_not_reach_the_policy_of_the_next_run(judged: Stage) -> None:
    judged.open(START)
    judged.attacker("open('src/app.py', 'w').write('x = 2\\n')", owns=["**"])
    judged.run()
    assert judged.landed() == ["evil"]
    assert (judged.root / ".swarm/policy.yaml").exists()
