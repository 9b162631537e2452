"""The tamper alarm: what an agent without a full sandbox does to the person's own git is seen and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.stage import REDUCED, Stage

DEEDS = {
    "config": "open({git!r} + '/config', 'a').write('[core]\\n\\tpager = x\\n')",
    "hooks/post-merge": "open({git!r} + '/hooks/post-merge', 'w').write('#!/bin/sh\\n')",
    "info/attributes": "open({git!r} + '/info/attributes', 'w').write('* filter=x\\n')",
}


@pytest.mark.parametrize("name", DEEDS)
def test_work_of_a_session_that_meddled_with_the_persons_git_is_refused(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, "off")
    stage.open()
    deed = DEEDS[name].format(git=str(stage.root / ".git"))
    stage.attacker(
        f"import os\nos.makedirs({str(stage.root / '.git/hooks')!r}, exist_ok=True)\n{deed}\nopen('evil.txt', 'w').write('x')\n"
    )
    stage.run()
    assert stage.landed() == []
    assert stage.status("evil").attempts[-1].outcome == "rejected"
    assert f".git/{name}" in stage.git("show", "swarm/state:tasks/evil.yaml")
    assert f".git/{name}" in stage.git("grep", "-h", name, "swarm/state", "--", "incidents")


def test_nothing_that_was_planted_among_the_engines_settings_runs(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "off")
    stage.open({"README.md": "x\n", "a.txt": "1\n"})
    engine, ran = stage.root / ".git/swarmgit/engine.git", stage.outside / "ran"
    stage.attacker(f"""
        import os, time
        time.sleep(0.5)  # not while swarmgit looks at the work in progress: that is nobody's promise
        config = '[core]\\n\\tfsmonitor = touch {ran}\\n[filter "x"]\\n\\tclean = touch {ran}; cat\\n\\tsmudge = touch {ran}; cat\\n'
        open({str(engine / "config")!r}, 'a').write(config)
        open({str(engine / "info/attributes")!r}, 'a').write('* filter=x\\n')
        open({str(engine / "info/exclude")!r}, 'a').write('evil.txt\\n')
        open({str(engine / "config.worktree")!r}, 'a').write(config)
        loot('planted')
        open('evil.txt', 'w').write('x')
    """)
    stage.run()
    assert stage.loot() == "planted\n"
    assert not ran.exists()
    assert stage.landed() == []
    attempt = stage.status("evil").attempts[-1]
    assert ".git/swarmgit/engine" in attempt.rejection.output if attempt.rejection else False
    assert "filter" not in (engine / "config").read_text()
    assert not (engine / "config.worktree").exists()


@pytest.mark.skipif(not REDUCED, reason="this machine has no Landlock")
def test_a_mode_that_a_reduced_sandbox_let_through_is_seen_and_the_work_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "reduced")
    stage.open()
    hook = stage.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o644)
    stage.attacker(f"""
        import os
        try:
            os.chmod({str(hook)!r}, 0o755)
            loot('done')
        except OSError:
            loot('could not')
        open('evil.txt', 'w').write('x')
    """)
    stage.run()
    if "done" in stage.loot():
        assert stage.landed() == []
        assert ".git/hooks/pre-commit" in stage.status("evil").attempts[-1].reason
    else:
        assert stage.landed() == ["evil"]


def test_the_same_deeds_from_inside_the_sandbox_reach_nothing(boxed: Stage) -> None:
    boxed.open()
    lines = "\n".join(
        f"attempt({name!r}, lambda: {deed.format(git=str(boxed.root / '.git'))})" for name, deed in DEEDS.items()
    )
    boxed.attacker(f"{lines}\nopen('evil.txt', 'w').write('x')\n")
    boxed.run()
    assert boxed.before == boxed.after
    assert not (boxed.root / ".git/hooks/post-merge").exists()
    assert boxed.landed() == ["evil"]


REF_DEEDS = {
    "refs/heads/old": "subprocess.run(['git', '-C', {root!r}, 'update-ref', '-d', 'refs/heads/old'], check=True)",
    "refs/heads/side": "subprocess.run(['git', '-C', {root!r}, 'update-ref', 'refs/heads/side', 'main~2'], check=True)",
    "refs/tags/v1": "subprocess.run(['git', '-C', {root!r}, 'tag', '-f', 'v1', 'main~2'], check=True)",
    "refs/replace/": "subprocess.run(['git', '-C', {root!r}, 'replace', 'main', 'main~1'], check=True)",
}


@pytest.mark.default_cases("refs/tags/v1")
@pytest.mark.parametrize("name", REF_DEEDS)
def test_a_ref_of_the_persons_that_loses_something_is_an_incident(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, "off")
    stage.open()
    stage.commit(message="more")
    for args in (["branch", "old"], ["branch", "side"], ["tag", "v1"]):
        stage.git(*args)
    deed = REF_DEEDS[name].format(root=str(stage.root))
    stage.attacker(f"import subprocess\n{deed}\nopen('evil.txt', 'w').write('x')\n")
    stage.run()
    told = stage.git("grep", "-h", name, "swarm/state", "--", "incidents")
    assert "evil" in told


def test_what_people_do_with_branches_every_day_is_no_incident(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "off")
    stage.open()
    stage.git("branch", "side", "main~0")
    deed = (
        f"subprocess.run(['git', '-C', {str(stage.root)!r}, 'branch', 'new'], check=True)\n"
        f"subprocess.run(['git', '-C', {str(stage.root)!r}, 'update-ref', 'refs/heads/side', 'main'], check=True)\n"
    )
    stage.attacker(f"import subprocess\n{deed}\nopen('evil.txt', 'w').write('x')\n")
    stage.run()
    assert stage.landed() == ["evil"]
    assert stage.git("ls-tree", "-r", "--name-only", "swarm/state", "incidents") == ""
