"""A program that policy does not list cannot be run: not directly, not by another one, not as a copy."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.attacks.stage import Stage

FORBIDDEN = "dd"
"""Stands for any program: it is on every machine, and nothing else needs it."""


@pytest.mark.parametrize("kind", ["command", "role"])
def test_a_program_that_is_not_listed_cannot_be_run_in_any_way(stage: Stage, kind: str) -> None:
    listed = ["python3", "git", "make", "sh"]
    stage.policy["commands"] = listed if kind == "command" else {"default": ["dd"], "builder": listed}
    stage.open()
    stage.attacker(f"""
        import ctypes, os, shutil, subprocess
        name = "{FORBIDDEN}"
        def run(*argv):
            done = subprocess.run(argv, capture_output=True)
            if done.returncode or b"copied" not in done.stderr + done.stdout:
                raise OSError(done.stderr[-200:])
            return done
        attempt("plain", lambda: run(name, "if=/dev/null"))
        for path in ("/bin", "/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/lib/busybox"):
            attempt(path, lambda: run(path + "/" + name, "if=/dev/null"))
        attempt("shell", lambda: run("/bin/sh", "-c", name + " if=/dev/null"))
        open("Makefile", "w").write("all:\\n\\t" + name + " if=/dev/null\\n")
        attempt("make", lambda: run("make"))
        for loader in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"):
            attempt(loader, lambda: run(loader, "/usr/bin/" + name, "if=/dev/null"))
        attempt("git alias", lambda: run("git", "-c", "alias.x=!" + name + " if=/dev/null", "x"))
        attempt("copy", lambda: shutil.copy("/usr/bin/" + name, "mine") and os.chmod("mine", 0o755) or run("./mine", "if=/dev/null"))
        def in_memory():
            handle = os.memfd_create("x")
            os.write(handle, open("/usr/bin/" + name, "rb").read())
            return run(f"/proc/self/fd/{{handle}}", "if=/dev/null")
        attempt("memfd", in_memory)
        attempt("proc root", lambda: run("/proc/1/root/usr/bin/" + name, "if=/dev/null"))
        attempt("hard link", lambda: os.link("/usr/bin/" + name, "mine2") or run("./mine2", "if=/dev/null"))
        attempt("env", lambda: run("env", name, "if=/dev/null"))
        for path in ("Makefile", "mine", "mine2"):
            if os.path.lexists(path):
                os.unlink(path)
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=14)
    assert stage.landed() == ["evil"]


def test_what_is_listed_works_with_all_that_it_needs(stage: Stage) -> None:
    stage.policy["commands"] = ["python3", "git"]
    stage.gates = [{"name": "test", "run": "git --version && ! dd if=/dev/null && test -f evil.txt"}]
    stage.open()
    stage.attacker("""
        import subprocess
        subprocess.run(["git", "status", "--short"], check=True)
        subprocess.run(["git", "log", "-1"], check=True)
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    assert stage.landed() == ["evil"], stage.stderr()


def test_a_gate_sees_the_programs_of_its_own_list(stage: Stage) -> None:
    stage.policy["commands"] = {"gate": ["git", "sh"]}
    stage.gates = [{"name": "test", "run": "! dd if=/dev/null"}]
    stage.open()
    stage.attacker("open('evil.txt', 'w').write('done')")
    stage.run()
    assert stage.landed() == ["evil"], stage.stderr()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a program rights of its own")
def test_a_program_with_rights_of_its_own_gives_none(stage: Stage) -> None:
    program = stage.agents / "raise"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    stage.open()
    stage.attacker(f"""
        import subprocess
        done = subprocess.run([{str(program)!r}], capture_output=True, text=True)
        status = open("/proc/self/status").read()
        loot(status[status.index("NoNewPrivs"):].splitlines()[0])
        loot(*status[status.index("CapInh"):].splitlines()[:5])
        import os, stat
        for kind, name in ((stat.S_IFBLK, "block"), (stat.S_IFCHR, "char")):
            attempt(name, lambda: os.mknod(name, kind | 0o600, os.makedev(254 if name == "block" else 1, 0 if name == "block" else 1)))
    """)
    stage.run()
    assert "NoNewPrivs:\t1" in stage.loot()
    assert stage.loot().count("0" * 16) == 5, stage.loot()
    assert "GOT" not in stage.loot()
