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
        if {stage.mode != "reduced"}:  # the one thing that Landlock does not know
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
