"""Answers of gates that are true of one tree, and what refused work does to have them taken for another."""

from __future__ import annotations

from tests.attacks.stage import Stage


def test_an_answer_that_refused_work_brought_about_is_not_taken_for_other_work(judged: Stage) -> None:
    judged.gates = [
        {"name": "check", "run": "test -e CHEAT || test ! -e src/BROKEN", "inputs": ["src/**"]},
        {"name": "other", "run": "test ! -e CHEAT"},
    ]
    judged.swarm["agents_max"] = 1
    judged.open({"README.md": "x\n", "src/a": "1\n"})
    both = "open('CHEAT', 'w').write('x'); open('src/BROKEN', 'w').write('x')"
    judged.attacker(both, owns=["src/**", "CHEAT"])
    judged.run()
    judged.git("rm", "-q", ".swarm/tasks/evil.yaml")
    judged.commit(message="drop")
    judged.attacker("open('src/BROKEN', 'w').write('x')", name="victim", owns=["src/**"])
    judged.run()
    assert judged.landed() == []
    assert "src/BROKEN" not in judged.git("ls-tree", "-r", "--name-only", "main")


def test_a_gate_with_inputs_runs_again_where_its_set_up_is_another(judged: Stage) -> None:
    judged.gates = [{"name": "check", "run": "sh tools/check.sh", "inputs": ["src/**"]}]
    judged.swarm["worktree"] = {"setup": ["mkdir -p tools && cp lock tools/check.sh"], "setup_key": ["lock"]}
    judged.swarm["agents_max"] = 1
    judged.open({"README.md": "x\n", "src/a": "1\n", "lock": "true\n"})
    judged.attacker("open('src/b', 'w').write('x')", name="first", owns=["src/**"])
    judged.run()
    judged.attacker("open('lock', 'w').write('exit 1\\n')", name="locker", owns=["lock"])
    judged.run()
    assert judged.landed() == ["first"]
    assert judged.show("lock") == "true"
