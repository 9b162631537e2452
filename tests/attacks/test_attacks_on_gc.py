"""What a session leaves so that nobody can clean up after it."""

from __future__ import annotations

import os
import time

from tests.attacks.stage import Stage


def test_folders_of_any_depth_and_mode_do_not_stop_the_cleaning(stage: Stage) -> None:
    stage.swarm["retention_days"] = 1
    stage.open()
    stage.attacker("""
        import os
        os.chdir(OUT)
        for _ in range(1500):
            os.mkdir('d')
            os.chdir('d')
        os.chdir(os.environ['HOME'])
        for _ in range(30):
            os.mkdir('n' * 250)
            os.chdir('n' * 250)
        os.chdir(OUT)
        os.makedirs('locked/inner')
        os.chmod('locked/inner', 0)
        os.chmod('locked', 0)
        open('evil.txt', 'w').write('x')
    """)
    stage.attacker("open('good.txt', 'w').write('x')", name="good", owns=["good.txt"])
    stage.run()
    sessions = stage.root / ".git/swarmgit/sessions"
    old = time.time() - 40 * 86400
    for folder in sessions.iterdir():
        for name in ("exit.json", "session.yaml"):
            if (folder / name).exists():
                os.utime(folder / name, (old, old))
    stage.swarmgit("gc")
    assert list(sessions.iterdir()) == []
