"""What an agent cannot read."""

from __future__ import annotations

import os

import pytest

from tests.attacks.stage import CANARY, Stage


def test_an_agent_cannot_read_keys_other_folders_or_the_persons_settings(stage: Stage) -> None:
    stage.open()
    git = stage.root / ".git"
    paths = [
        stage.home / ".ssh/id_ed25519",
        stage.outside / "diary.txt",
        git / "config",
        git / "HEAD",
        stage.root / "README.md",
    ]
    stage.attacker(f"""
        import os
        for path in {[str(path) for path in paths]}:
            attempt(path, lambda: open(path).read())
        attempt("home", lambda: os.listdir({str(stage.home)!r} + "/.ssh"))
        attempt("~", lambda: open(os.path.expanduser("~root/.bashrc")).read())
        attempt("shadow", lambda: open("/etc/shadow").read())
        attempt("git dir", lambda: os.listdir({str(git)!r} + "/refs"))
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=9)


def test_an_agent_cannot_read_the_reconcilers_environment_or_memory(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONS_TOKEN", CANARY)
    stage.open()
    stage.attacker(f"""
        import os
        loot("own", "{CANARY}" in repr(os.environ) and "GOT" or "refused")
        for pid in [{os.getpid()}, os.getppid(), *(int(n) for n in os.listdir("/proc") if n.isdigit())]:
            if pid == os.getpid():
                continue
            for name in ("environ", "mem", "maps"):
                try:
                    data = open(f"/proc/{{pid}}/{{name}}", "rb").read(1 << 16)
                    loot(pid, name, "{CANARY}".encode() in data and "GOT" or "read")
                except OSError as error:
                    loot(pid, name, "refused")
            try:
                root = os.listdir(f"/proc/{{pid}}/root/") and open(f"/proc/{{pid}}/root{stage.outside}/diary.txt").read()
                loot(pid, "root GOT", root)
            except OSError as error:
                loot(pid, "root refused")
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=3)


def test_an_agent_cannot_read_another_sessions_worktree_or_folder(stage: Stage) -> None:
    stage.open()
    stage.task("quiet")
    (stage.agents / "quiet.py").write_text(
        f"import os, time\nopen('quiet.txt', 'w').write('{CANARY}')\n"
        f"open(OUT + '/secret.txt', 'w').write('{CANARY}')\ntime.sleep(1.5)\n"
    )
    store = os.environ["XDG_STATE_HOME"]
    stage.attacker(f"""
        import glob, os, time
        time.sleep(0.7)
        for top in ({store!r}, {str(stage.root)!r}):
            for root, folders, files in os.walk(top):
                if root.startswith(os.getcwd()):
                    continue
                for name in files:
                    path = os.path.join(root, name)
                    try:
                        loot("{CANARY}" in open(path, errors="replace").read() and "GOT " + path or "refused nothing there")
                    except OSError:
                        loot("refused")
        attempt("store", lambda: [name for name in os.listdir(os.path.join(os.getcwd(), "../..")) if name not in os.getcwd()] or 1 / 0)
        loot("refused, and done")
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=1)


def test_the_record_of_a_session_names_its_sandbox(stage: Stage) -> None:
    stage.open()
    stage.attacker("open('evil.txt', 'w').write('harmless')")
    stage.run()
    words = {"sandboxed": "bubblewrap", "reduced": "landlock, reduced: "}[stage.mode]
    assert stage.record("evil")["sandbox"].startswith(words)
    assert stage.landed() == ["evil"]


def test_an_agent_cannot_read_any_signing_key(stage: Stage) -> None:
    stage.swarm["merge"] = {"sign": "ssh"}
    stage.open()
    stage.attacker("open('good.txt', 'w').write('x')", name="good", agent="ada")
    stage.run()
    keys = stage.root / ".git" / "swarmgit" / "keys"
    assert (keys / "ada" / "key").is_file()
    stage.attacker(
        f"""
        import os, subprocess
        keys = {str(keys)!r}
        attempt("key", lambda: open(keys + "/ada/key").read())
        attempt("public", lambda: open(keys + "/ada/key.pub").read())
        attempt("list", lambda: os.listdir(keys))
        attempt("up", lambda: open(os.environ["SWARM_PROMPT_FILE"] + "/../../../../keys/ada/key").read())
        attempt("root", lambda: open("/proc/1/root" + keys + "/ada/key").read())
        os.symlink(keys + "/ada/key", "link")
        attempt("link", lambda: open("link").read())
        os.unlink("link")
        attempt("hard", lambda: os.link(keys + "/ada/key", "hard"))
        attempt("sign", lambda: subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", keys + "/ada/key", "/etc/hostname"],
            check=True, capture_output=True).stdout)
        """,
        agent="eve",
    )
    stage.run()
    stage.assert_nothing_was_had(tried=8)


@pytest.mark.default_cases("sandboxed-read")
@pytest.mark.parametrize("which", ["read", "write"])
def test_a_policy_that_would_open_the_keys_starts_nothing_and_says_why(stage: Stage, which: str) -> None:
    stage.policy["filesystem"] = {which: [str(stage.root.parent)]}
    stage.open()
    stage.attacker("open('evil.txt', 'w').write('done')")
    stage.run()
    assert stage.landed() == []
    assert stage.status("evil").attempts == ()
    assert "would show sessions the keys" in stage.status("evil").reason
