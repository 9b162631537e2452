"""Where an agent cannot write."""

from __future__ import annotations

from tests.attacks.stage import Stage


def test_an_agent_writes_nowhere_but_into_its_worktree_and_outbox(stage: Stage) -> None:
    stage.open()
    sessions = stage.root / ".git" / "swarmgit" / "sessions"
    places = [
        stage.outside,
        stage.root,
        stage.root / ".git",
        stage.home,
        stage.agents,
        sessions,
        "/usr/local/bin",
        "/etc",
        "/var",
    ]
    stage.attacker(f"""
        import os, shutil
        here = os.getcwd()
        inside = os.path.dirname(os.environ["SWARM_OUTBOX"])
        places = {[str(place) for place in places]} + [os.path.dirname(here), os.path.dirname(os.path.dirname(here))]
        for place in places:
            try:
                open(place + "/planted", "w").write("x")
            except OSError:
                pass
            try:
                os.symlink(place, "link")
                open("link/planted-by-link", "w").write("x")
            except OSError:
                pass
            if os.path.islink("link"):
                os.unlink("link")
        diary = {str(stage.outside / "diary.txt")!r}
        attempt("append", lambda: open(diary, "a").write("x"))
        attempt("truncate", lambda: os.truncate(diary, 0))
        attempt("unlink", lambda: os.unlink(diary))
        attempt("hard link", lambda: os.link(diary, "mine"))
        attempt("rename", lambda: os.rename({str(stage.outside)!r}, "mine"))
        attempt("chmod", lambda: os.chmod(diary, 0o777))
        attempt("task", lambda: open(os.environ["SWARM_TASK_FILE"], "w").write("x"))
        attempt("prompt", lambda: open(inside + "/prompt.md", "w").write("x"))
        attempt("inbox", lambda: open(inside + "/inbox/forged.yaml", "w").write("x"))
        attempt("inbox move", lambda: os.rename(inside + "/inbox", inside + "/outbox/inbox"))
        attempt("worktree move", lambda: os.rename(here, here + ".moved"))
        attempt("agents", lambda: open({str(stage.agents / "evil.py")!r}, "a").write("x"))
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=11)
    for place in (*places, sessions / stage.session_of("evil")):
        names = [path.name for path in __import__("pathlib").Path(place).iterdir()]
        assert not {"planted", "planted-by-link"} & set(names), place
    assert stage.landed() == ["evil"]
    assert stage.git("diff", "--name-only", "main^", "main").splitlines() == ["evil.txt"]


def test_mode_owner_and_times_are_changed_only_where_an_agent_may_write(stage: Stage) -> None:
    stage.open()
    diary = stage.outside / "diary.txt"
    diary.chmod(0o640)
    before = diary.stat()
    stage.attacker(f"""
        import os, sys, threading, time
        diary, folder = {str(diary)!r}, {str(stage.outside)!r}
        os.symlink(diary, "link")
        os.symlink(folder, "folder")
        uid, gid = os.geteuid(), os.getegid()
        for name, path in {{"path": diary, "link": "link", "way": "folder/diary.txt", "up": "../" * 40 + diary}}.items():
            attempt(name + " mode", lambda: os.chmod(path, 0o666))
            attempt(name + " owner", lambda: os.chown(path, uid, gid))
            attempt(name + " times", lambda: os.utime(path, (1, 1)))
        attempt("program", lambda: os.chmod(os.open(sys.executable, os.O_RDONLY), 0o777))
        attempt("program times", lambda: os.utime(os.open(sys.executable, os.O_RDONLY), (1, 1)))
        end = time.monotonic() + 0.5
        def swap():
            while time.monotonic() < end:
                for target in (diary, "evil.txt"):
                    os.symlink(target, "new")
                    os.rename("new", "link")
        open("evil.txt", "w").write("done")
        threading.Thread(target=swap).start()
        while time.monotonic() < end:
            try:
                os.chmod("link", 0o777)
            except OSError:
                pass
        time.sleep(0.1)
        for name in ("link", "folder"):
            os.unlink(name)
        os.mkdir("d")
        os.chmod("d", 0o700)
        open("d/x", "w").write("x")
        at = os.open("d", os.O_RDONLY)
        file = os.open("d/x", os.O_RDONLY)
        for place, (mode, act) in enumerate({{
            "path": (0o600, lambda mode: os.chmod("d/x", mode)),
            "whole": (0o601, lambda mode: os.chmod(os.path.abspath("d/x"), mode)),
            "descriptor": (0o602, lambda mode: os.chmod(file, mode)),
            "folder": (0o603, lambda mode: os.chmod("x", mode, dir_fd=at)),
            "own": (0o604, lambda mode: os.chmod(f"/proc/self/fd/{{file}}", mode)),
        }}.values()):
            act(mode)
            assert os.stat("d/x").st_mode & 0o777 == mode
        os.utime("d/x", ns=(5 * 10**9 + 7, 6 * 10**9 + 8))
        assert (os.stat("d/x").st_atime_ns, os.stat("d/x").st_mtime_ns) == (5 * 10**9 + 7, 6 * 10**9 + 8)
        os.utime(file)
        assert abs(os.stat("d/x").st_mtime - time.time()) < 10
        os.symlink("nowhere", "d/s")
        os.utime("d/s", (9, 9), follow_symlinks=False)
        assert os.lstat("d/s").st_mtime == 9
        os.lchown("d/s", uid, gid)
        os.chown(file, uid, -1)
        for path, expected in {{"nothing": FileNotFoundError, "evil.txt/x": NotADirectoryError, "": FileNotFoundError}}.items():
            try:
                os.chmod(path, 0o600)
            except expected:
                continue
            raise SystemExit(path)
        os.unlink("d/s"), os.unlink("d/x"), os.rmdir("d")
        os.chmod("evil.txt", 0o644)
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=14)
    after = diary.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert stage.landed() == ["evil"], stage.stderr()


def test_what_an_agent_writes_beside_its_session_folder_is_not_believed(stage: Stage) -> None:
    stage.open()
    stage.attacker("""
        import os, signal
        inside = os.path.dirname(os.environ["SWARM_OUTBOX"])
        for name in ("exit.json", ".exit.json", "capture.json", "pid", "stop.json", "session.yaml", "box.args", "setup.outputs"):
            attempt(name, lambda: open(os.path.join(inside, name), "w").write('{"version": 1, "code": 0}') and os.stat(os.path.join(inside, name)) and 0 and 1)
        raise SystemExit(3)
    """)
    stage.run()
    folder = stage.root / ".git" / "swarmgit" / "sessions" / stage.session_of("evil")
    assert stage.status("evil").phase == "failed"
    assert '"code": 3' in (folder / "exit.json").read_text()
    assert stage.landed() == []


def test_the_worktree_of_another_agent_cannot_be_written_through_a_moved_folder(stage: Stage) -> None:
    stage.open({"README.md": "hello\n", "src/app.py": "x = 1\n"})
    stage.attacker(
        f"""
        import os
        attempt("move out", lambda: os.rename("src", {str(stage.outside / "src")!r}))
        os.rename("src", "moved")
        os.symlink({str(stage.outside)!r}, "src")
        attempt("through", lambda: open("src/app.py", "w").write("x"))
        """,
        owns=["**"],
    )
    stage.run()
    assert "GOT" not in stage.loot() or "through GOT 1" in stage.loot()
    assert stage.before == stage.after
    assert stage.landed() == []


def test_a_gates_tests_write_nowhere_either(stage: Stage) -> None:
    stage.gates = [{"name": "test", "run": "sh run-tests.sh"}]
    stage.open({"README.md": "hello\n", "run-tests.sh": "true\n"})
    lines = "; ".join(f"echo x > {place}/planted" for place in (stage.outside, stage.home, stage.root, stage.agents))
    steal = f"cat {stage.outside}/diary.txt {stage.home}/.ssh/id_ed25519 {stage.root}/.git/config"
    stage.attacker(
        f"open('run-tests.sh', 'w').write({lines + '; ' + steal + '; true'!r} + chr(10))", owns=["run-tests.sh"]
    )
    stage.run()
    logs = "".join(
        path.read_text()
        for path in (stage.root / ".git/swarmgit/sessions").glob("*/stdout.jsonl")
        if path.stat().st_size
    )
    assert "canary" not in logs
    assert stage.before == stage.after
    assert not (stage.root / "planted").exists()
    assert stage.landed() == ["evil"]
