"""The tamper alarm: what an agent without a full sandbox does to the person's own git is seen and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.stage import Stage

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
