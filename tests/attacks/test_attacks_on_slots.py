"""What one run leaves in a recycled worktree; neither a gate nor another agent may meet it."""

from __future__ import annotations

import pytest

from tests.attacks.stage import Stage

TOOLS = {"setup": ["mkdir -p tools && printf 'test ! -e BROKEN\\n' > tools/really.sh"], "setup_key": ["lock"]}


def one_slot(stage: Stage) -> None:
    stage.swarm["gates_max"] = 1
    stage.swarm["agents_max"] = 1


@pytest.mark.slow
def test_refused_work_cannot_change_what_set_up_made_for_the_next_gate(stage: Stage) -> None:
    stage.gates = [{"name": "check", "run": "sh t/run.sh && sh check.sh"}]
    stage.swarm["worktree"] = TOOLS
    one_slot(stage)
    stage.open({"README.md": "x\n", "lock": "1\n", "t/run.sh": "true\n", "check.sh": "sh tools/really.sh\n"})
    stage.attacker("open('t/run.sh', 'w').write('echo true > tools/really.sh; exit 1\\n')", owns=["t/**"])
    stage.run()
    stage.task("evil", suspend=True)
    stage.attacker("open('BROKEN', 'w').write('x')", name="victim", owns=["BROKEN"])
    stage.run()
    assert stage.landed() == []
    assert "BROKEN" not in stage.git("ls-tree", "--name-only", "main")


@pytest.mark.slow
def test_what_set_up_makes_of_refused_work_serves_nobody_else(stage: Stage) -> None:
    stage.gates = [{"name": "check", "run": "test ! -e REFUSED && sh tools/really.sh"}]
    stage.swarm["worktree"] = {"setup": ["sh make.sh"], "setup_key": ["lock"]}
    one_slot(stage)
    make = "mkdir -p tools && echo 'test ! -e BROKEN' > tools/really.sh\n"
    stage.open({"README.md": "x\n", "lock": "1\n", "make.sh": make})
    evil = "open('make.sh', 'a').write('echo true > tools/really.sh\\n'); open('REFUSED', 'w').write('x')"
    stage.attacker(evil, owns=["make.sh", "REFUSED"])
    stage.run()
    stage.task("evil", suspend=True)
    stage.attacker("open('BROKEN', 'w').write('x')", name="victim", owns=["BROKEN"])
    stage.run()
    assert stage.landed() == []


def test_a_cache_that_refused_work_has_written_serves_no_gate(stage: Stage) -> None:
    stage.gates = [{"name": "check", "run": "sh t/run.sh && { test ! -e BROKEN || test -e node_modules/.ok; }"}]
    stage.swarm["worktree"] = {"share": ["node_modules"]}
    one_slot(stage)
    stage.open({"README.md": "x\n", "t/run.sh": "true\n", ".gitignore": "node_modules\n"})
    poison = "open('t/run.sh', 'w').write('mkdir -p node_modules; touch node_modules/.ok; exit 1')"
    stage.attacker(poison, owns=["t/**"])
    stage.run()
    stage.task("evil", suspend=True)
    stage.attacker("open('BROKEN', 'w').write('x')", name="victim", owns=["BROKEN"])
    stage.run()
    assert stage.landed() == []


def test_an_agent_cannot_plant_code_in_what_set_up_made_for_the_next_agent(stage: Stage) -> None:
    stage.swarm["worktree"] = {"setup": ["mkdir -p tools && printf 'true\\n' > tools/fmt.sh"], "setup_key": ["lock"]}
    one_slot(stage)
    stage.open({"README.md": "x\n", "lock": "1\n"})
    stage.attacker("""
        import os
        facts = os.stat('tools/fmt.sh')
        open('tools/fmt.sh', 'r+').write('echo planted > good.txt')
        os.utime('tools/fmt.sh', ns=(facts.st_atime_ns, facts.st_mtime_ns))
        open('tools/more.sh', 'w').write('echo planted > good.txt')
    """)
    stage.run()
    stage.task("evil", suspend=True)
    honest = """
        import os
        open('good.txt', 'w').write('honest')
        os.system('sh tools/fmt.sh')
        loot('tools', sorted(os.listdir('tools')))
    """
    stage.attacker(honest, name="good", owns=["good.txt"])
    stage.run()
    assert stage.landed() == ["good"]
    assert stage.show("good.txt") == "honest"
    assert "tools ['fmt.sh']" in stage.loot()
