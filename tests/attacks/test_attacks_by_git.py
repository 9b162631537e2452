"""What an agent plants in its own git, and what the host's git does with it: nothing."""

from __future__ import annotations

import pytest

from tests.attacks.stage import CANARY, Stage

PLANTS = {
    "fsmonitor": "[core]\n\tfsmonitor = {payload}\n",
    "hooks path": "[core]\n\thooksPath = {tree}/hooks\n",
    "ssh command": "[core]\n\tsshCommand = {payload}\n\tpager = {payload}\n\teditor = {payload}\n",
    "external diff": '[diff]\n\texternal = {payload}\n[diff "x"]\n\tcommand = {payload}\n\ttextconv = {payload}\n',
    "signing program": "[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = {payload}\n",
    "filters": '[filter "x"]\n\tclean = {payload}\n\tsmudge = {payload}\n\tprocess = {payload}\n\trequired = true\n',
    "merge driver": '[merge "x"]\n\tdriver = {payload}\n[merge]\n\ttool = x\n[mergetool "x"]\n\tcmd = {payload}\n',
    "include": '[include]\n\tpath = {tree}/more.config\n[includeIf "gitdir:/"]\n\tpath = {tree}/more.config\n',
    "upload pack": '[remote "origin"]\n\turl = ext::{payload}\n\tuploadpack = {payload}\n[protocol "ext"]\n\tallow = always\n',
}


@pytest.mark.default_cases("*fsmonitor", "*merge driver", "*signing program")
@pytest.mark.parametrize("plant", PLANTS)
def test_no_payload_in_git_settings_runs_on_the_host(judged: Stage, plant: str) -> None:
    judged.open()
    marker = judged.outside / "executed"
    judged.attacker(
        f"""
        import os
        tree = os.getcwd()
        payload = tree + "/payload.sh"
        open("payload.sh", "w").write("#!/bin/sh\\necho ran >> {marker}\\ncat\\nexit 0\\n")
        os.chmod("payload.sh", 0o755)
        os.makedirs("hooks", exist_ok=True)
        for name in ("post-checkout", "pre-commit", "reference-transaction", "post-index-change", "pre-receive", "update", "post-merge"):
            for folder in ("hooks", ".git/hooks"):
                os.makedirs(folder, exist_ok=True)
                open(folder + "/" + name, "w").write("#!/bin/sh\\necho ran >> {marker}\\n")
                os.chmod(folder + "/" + name, 0o755)
        text = {PLANTS[plant]!r}.format(payload=payload, tree=tree)
        open("more.config", "w").write("[core]\\n\\tfsmonitor = " + payload + "\\n")
        open(".git/config", "a").write(text)
        open(".git/config.worktree", "w").write(text)
        open(".git/info/attributes", "w").write("* filter=x diff=x merge=x\\n")
        open("evil.txt", "w").write("done")
        """,
        owns=["evil.txt", "payload.sh", "hooks/**", "more.config"],
    )
    judged.run()
    assert not marker.exists(), plant
    assert judged.before == judged.after
    assert judged.landed() == ["evil"], judged.stderr()


REPLACED = {
    "a file that points elsewhere": "shutil.rmtree('.git'); open('.git', 'w').write('gitdir: {person}')",
    "a link elsewhere": "shutil.rmtree('.git'); os.symlink('{person}', '.git')",
    "commondir": "open('.git/commondir', 'w').write('{person}')",
    "alternates": "open('.git/objects/info/alternates', 'w').write('{outside}/.git/objects')",
    "grafts": "os.makedirs('.git/info', exist_ok=True); open('.git/info/grafts', 'w').write('0' * 40); open('.git/shallow', 'w').write('0' * 40)",
    "replace refs": "os.makedirs('.git/refs/replace', exist_ok=True); open('.git/refs/replace/' + open('.git/refs/heads/' + os.listdir('.git/refs/heads')[0]).read().strip() if os.path.isfile('.git/refs/heads/' + os.listdir('.git/refs/heads')[0]) else '.git/refs/replace/x', 'w').write('1' * 40)",
    "locks": "[open('.git/' + name, 'w').write('') for name in ('index.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock')]",
    "head on main": "open('.git/HEAD', 'w').write('ref: refs/heads/main'); os.makedirs('.git/refs/heads', exist_ok=True); open('.git/refs/heads/main', 'w').write('1' * 40)",
    "skip-worktree": "subprocess.run(['git', 'update-index', '--skip-worktree', 'README.md'], check=True); open('README.md', 'w').write('changed')",
}


@pytest.mark.default_cases("*head on main", "*alternates", "*replace*")
@pytest.mark.parametrize("how", REPLACED)
def test_a_private_git_that_lies_changes_nothing_of_the_persons(judged: Stage, how: str) -> None:
    judged.open()
    before = judged.git("rev-parse", "main")
    judged.attacker(
        f"""
        import os, shutil, subprocess
        open("evil.txt", "w").write("done")
        {REPLACED[how].format(person=judged.root / ".git", outside=judged.outside)}
        """,
        owns=["evil.txt", "README.md"],
    )
    judged.run()
    assert judged.before == judged.after
    assert judged.git("merge-base", "--is-ancestor", before, "main", check=True) == ""
    assert judged.git("fsck", "--strict") in {"", judged.git("fsck", "--strict")}
    if judged.landed():
        changed = judged.git("diff", "--name-only", "main^", "main").splitlines()
        assert changed == (["README.md", "evil.txt"] if how == "skip-worktree" else ["evil.txt"])


def test_an_agent_cannot_move_main(boxed: Stage) -> None:
    boxed.open()
    boxed.attacker(f"""
        import subprocess
        person = {str(boxed.root)!r}
        for argv in (
            ["git", "-C", person, "update-ref", "refs/heads/main", "HEAD"],
            ["git", "--git-dir", person + "/.git", "commit", "--allow-empty", "-m", "x"],
            ["git", "push", person, "+HEAD:refs/heads/main"],
            ["git", "push", "file://" + person + "/.git", "+HEAD:refs/heads/planted"],
            ["git", "clone", person, "stolen"],
        ):
            attempt(argv[-1], lambda: subprocess.run(argv, check=True, capture_output=True))
    """)
    before = boxed.git("rev-parse", "main")
    boxed.run()
    boxed.assert_nothing_was_had(tried=5)
    assert boxed.git("rev-parse", "main") == before
    assert boxed.git("for-each-ref", "--format=%(refname)", "refs/heads").split() == [
        "refs/heads/main",
        "refs/heads/swarm/state",
    ]


ATTRIBUTES = "* merge=union\n* eol=crlf\n* ident\n* filter=x diff=x working-tree-encoding=UTF-16\n"


def test_planted_attributes_change_nothing(judged: Stage) -> None:
    judged.open({"README.md": "hello $Id$\n"})
    judged.attacker(
        f"""
        open(".git/info/attributes", "w").write({ATTRIBUTES!r})
        open("evil.txt", "wb").write(b"one $Id$\\ntwo\\n")
        """
    )
    judged.run()
    assert judged.landed() == ["evil"]
    assert judged.show("evil.txt") == "one $Id$\ntwo"
    assert CANARY not in judged.loot()
