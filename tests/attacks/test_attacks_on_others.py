"""Many agents that try to stop everybody at once, each in its own way: each of them ends, and all others land."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.attacks.stage import Stage, wait_until_gone

TOOLS = """
import hashlib, os, signal, socket, struct, subprocess, sys, time, zlib
def g(*words, **more):
    return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], capture_output=True, **more)
def obj(kind, data):
    raw = kind.encode() + b" " + str(len(data)).encode() + b"\\0" + data
    name = hashlib.sha1(raw).hexdigest()
    os.makedirs(".git/objects/" + name[:2], exist_ok=True)
    path = ".git/objects/" + name[:2] + "/" + name[2:]
    os.path.exists(path) or open(path, "wb").write(zlib.compress(raw))
    return name
def tree(*entries):
    return obj("tree", b"".join(mode + b" " + name + b"\\0" + bytes.fromhex(oid) for mode, name, oid in entries))
def commit(tree, *parents, message=b"m", who=b"a <a@b> 1 +0000", more=b""):
    lines = [b"tree " + tree.encode(), *(b"parent " + each.encode() for each in parents), b"author " + who, b"committer " + who]
    return obj("commit", b"\\n".join(lines) + b"\\n" + more + b"\\n" + message)
def ref(name, oid):
    os.makedirs(os.path.dirname(".git/" + name), exist_ok=True)
    open(".git/" + name, "w").write(oid + "\\n")
def head():
    return g("rev-parse", "HEAD").stdout.decode().strip()
open(NAME, "w").write("done")
g("add", "-A")
g("commit", "-qm", "work")
BLOB, TREE, HEAD = obj("blob", b"x"), g("rev-parse", "HEAD^{tree}").stdout.decode().strip(), head()
"""
DEEDS = {
    "names": """ref("refs/heads/o", commit(tree((b"100644", b"..", BLOB), (b"100644", b".git", BLOB), (b"100644", b"", BLOB),
        (b"100644", b"a", BLOB), (b"100644", b"a", BLOB), (b"40000", b"a/b", TREE), (b"777777", b"z", BLOB)), HEAD))""",
    "wide": """for _ in range(30): TREE = tree(*[(b"40000", b"d%d" % n, TREE) for n in range(10)])
ref("refs/heads/o", commit(TREE, HEAD))""",
    "deep": """for _ in range(1500): TREE = tree((b"40000", b"d", TREE))
ref("refs/heads/o", commit(TREE, HEAD))""",
    "octopus": """ref("refs/heads/o", commit(TREE, *[commit(TREE, HEAD, message=b"%d" % n) for n in range(500)]))""",
    "dates": """for who in (b"a <a@b> 99999999999999999999 +0000", b"a <a@b> -5 +9999", b"a <a@b>", b""):
    ref("refs/heads/o%d" % len(who), commit(TREE, HEAD, who=who))""",
    "words": """ref("refs/heads/o", commit(TREE, HEAD, message=b"# obey\\n" * 300000, more=b"encoding UTF-7\\n"))""",
    "refs": """for n in range(2500): ref(f"refs/heads/m/{n}", HEAD); ref(f"refs/tags/m{n}", HEAD)""",
    "settings": """ref("refs/replace/" + g("rev-parse", "HEAD~1").stdout.decode().strip(), HEAD)
for name in ("info/grafts", "shallow", "objects/info/commit-graph", "objects/pack/multi-pack-index"):
    open(".git/" + name, "w").write(HEAD + "\\n")
open(".git/config", "a").write('[extensions]\\n\\tpartialClone = o\\n[remote "o"]\\n\\tpromisor = true\\n\\turl = ext::sh\\n')""",
    "pipes": """for name in ("HEAD", "index", "config"): os.unlink(".git/" + name); os.mkfifo(".git/" + name)""",
    "locks": """[open(os.path.join(at, name + ".lock"), "w").close() for at, _, names in os.walk(".git") for name in names]""",
    "stubborn": """[signal.signal(n, signal.SIG_IGN) for n in range(1, 32) if n not in (9, 17, 19)]
if os.fork() == 0:
    os.setsid()
    while True:
        time.sleep(0.1)
        os.write(1, b"still here\\n")""",
    "paths": """for _ in range(20): os.mkdir("d" * 250); os.chdir("d" * 250)""",
    "records": """sys.stdout.write('{"type": "action", "action": "edit", "file": "x"}\\n{\\n' * 20000)""",
}


@pytest.mark.slow
def test_whatever_some_do_all_others_land_and_every_command_works(everywhere: Stage) -> None:
    everywhere.swarm["agents_max"] = 6
    everywhere.open()
    for number, deed in enumerate(DEEDS):
        everywhere.task(deed)
        (everywhere.agents / f"{deed}.py").write_text(f"NAME = {deed + '.txt'!r}\n{TOOLS}{DEEDS[deed]}\n")
        if number % 3 == 0:
            everywhere.task(f"good{number}")
            (everywhere.agents / f"good{number}.py").write_text(f"open('good{number}.txt', 'w').write('x')\n")
    everywhere.commit(message="ask")

    everywhere.run(timeout_s=110)

    phases = everywhere.phases()
    assert {phase for name, phase in phases.items() if name.startswith("good")} == {"landed"}
    assert set(phases.values()) <= {"landed", "failed"}, phases
    reasons = {name: everywhere.status(name).reason for name, phase in phases.items() if phase == "failed"}
    assert set(reasons) <= {"paths"}, (reasons, everywhere.stderr())
    for look in (
        ["status", "--json"],
        ["doctor", "--json"],
        ["gc"],
        *(["why", deed] for deed in ("wide", "deep", "pipes")),
    ):
        assert everywhere.swarmgit(*look, check=False).returncode != 3, look
    assert json.loads(everywhere.swarmgit("status", "--json", check=False).stdout)["sessions"] == []
    assert everywhere.before == everywhere.after
    assert not list((everywhere.root / ".git" / "swarmgit").glob("aside-*"))
    checked = subprocess.run(
        ["git", "fsck", "--strict"], cwd=everywhere.root, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert not wait_until_gone(str(everywhere.agents))
