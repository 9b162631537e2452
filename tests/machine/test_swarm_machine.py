"""Whatever people, agents, gates and crashes do in whatever order: the promises hold after each step, and in the end
exactly that has landed which a small model says."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from swarmgit.app import control
from swarmgit.app.fsck import check
from swarmgit.app.look import look
from swarmgit.errors import PersonMustAct
from tests.conftest import Repo

SCRIPTS = {
    "ok": "echo {name} > {name}.txt",
    "slow": "sleep 0.4; echo {name} > {name}.txt",
    "shared": 'echo {name} > {name}.txt; sed -i "s/$/ {name}/" shared.txt',
    "fails": "echo half > {name}.txt; exit 3",
    "nothing": "true",
    "strays": "echo {name} > {name}.txt; echo pwned > README.md",
    "red": "echo bad > {name}.txt",
    "noop": """printf '{{"type": "no_change", "reason": "there"}}\\n'""",
}
LANDS = {"ok", "slow", "shared"}
END = {"noop": "unchanged"}
WHO = "pat"


@dataclass
class Asked:
    """What the model knows of a task. `is_sure`: its end does not depend on when something was seen."""

    kind: str
    is_suspended: bool = False
    is_removed: bool = False
    is_sure: bool = True


class Killed(BaseException):
    """The reconciler ends here."""


class Swarm(RuleBasedStateMachine):
    """One repository, its person, and everybody who disturbs it."""

    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="swarm-machine-"))
        self.repo = Repo(self.root)
        self.model: dict[str, Asked] = {}
        self.mine: dict[str, str] = {}
        self.is_broken = False
        self.commits = 0
        self.seen_landed: list[str] = []

    @initialize()
    def begin(self) -> None:
        self.repo.gates = [{"name": "check", "run": "! grep -qs bad *.txt"}]
        files = {"README.md": "hello\n", "shared.txt": "one\n", "notes.txt": "notes\n"}
        self.repo.start({**files, ".swarm/policy.yaml": 'version: 1\nsandbox: "off"\n'})
        self.head = self.repo.git("rev-parse", "main")

    # --- the person ---------------------------------------------------------------------------------------------------

    def commit(self, *paths: str) -> None:
        self.repo.git("add", "-A", "--", *paths)
        self.repo.git("commit", "-q", "--allow-empty", "-m", "by a person", "--", *paths)

    @rule(target=tasks, kind=st.sampled_from(sorted(SCRIPTS)), is_suspended=st.booleans())
    def add_task(self, kind: str, is_suspended: bool) -> str:
        name = f"t{len(self.model)}"
        is_suspended = is_suspended and len(self.model) % 3 == 2
        self.model[name] = Asked(kind, is_suspended)
        self.write_task(name)
        return name

    def write_task(self, name: str, title: str = "A task") -> None:
        asked = self.model[name]
        fields = {"shares": ["shared.txt"]} if asked.kind == "shared" else {}
        self.repo.task(
            name,
            SCRIPTS[asked.kind].format(name=name),
            budget={"attempts": 1},
            suspend=asked.is_suspended,
            allow_no_change=asked.kind == "noop",
            **fields,
        )
        path = f".swarm/tasks/{name}.yaml"
        document = yaml.safe_load((self.repo.root / path).read_text())
        (self.repo.root / path).write_text(yaml.safe_dump({**document, "title": title}))
        self.commit(path)

    @rule(name=tasks)
    def mend_task(self, name: str) -> None:
        """Its file is edited, and from now on its agent does what it should."""
        asked = self.model[name]
        if asked.is_removed or asked.kind in {*LANDS, "noop"}:
            return
        asked.kind = "ok"
        self.write_task(name, f"Mended {len(self.model)}")

    @rule(name=tasks)
    def resume_task(self, name: str) -> None:
        asked = self.model[name]
        if asked.is_suspended and not asked.is_removed:
            asked.is_suspended = False
            self.write_task(name)

    @rule(name=consumes(tasks))
    def remove_task(self, name: str) -> None:
        self.model[name].is_removed = True
        path = f".swarm/tasks/{name}.yaml"
        (self.repo.root / path).unlink()
        self.commit(path)

    @rule()
    def break_a_file(self) -> None:
        self.is_broken = True
        self.repo.write({".swarm/tasks/broken.yaml": "<<<<<<< ours\n"})
        self.commit(".swarm/tasks/broken.yaml")

    @precondition(lambda self: self.is_broken)
    @rule()
    def repair_the_file(self) -> None:
        self.is_broken = False
        (self.repo.root / ".swarm/tasks/broken.yaml").unlink()
        self.commit(".swarm/tasks/broken.yaml")

    @rule()
    def commit_on_the_target(self) -> None:
        self.commits += 1
        self.repo.write({f"person-{self.commits}.md": "mine\n"})
        self.commit(f"person-{self.commits}.md")

    @rule(name=st.sampled_from(["notes.txt", "untracked.txt"]), text=st.sampled_from(["one\n", "two\n"]))
    def edit_without_committing(self, name: str, text: str) -> None:
        self.mine[name] = text
        self.repo.write({name: text})

    @rule()
    def freeze(self) -> None:
        world = self.repo.world()
        control.freeze(world, WHO)
        world.close()

    @rule()
    def thaw(self) -> None:
        world = self.repo.world()
        control.thaw(world)
        world.close()

    # --- the reconciler -----------------------------------------------------------------------------------------------

    @rule(ticks=st.integers(1, 4))
    def tick(self, ticks: int) -> None:
        for _ in range(ticks):
            self.repo.reconcile(mode="once")

    @rule()
    def run_for_a_second(self) -> None:
        self.repo.reconcile(timeout_s=1)

    @rule(at=st.integers(1, 40))
    def crash(self, at: int) -> None:
        calls: list[str] = []

        def fault(name: str) -> None:
            calls.append(name)
            if len(calls) >= at:
                raise Killed(name)

        try:
            self.repo.reconcile(timeout_s=1, fault=fault)
        except Killed:
            return

    @rule()
    def start_two_at_once(self) -> None:
        first = self.repo.world(lead=True)
        try:
            with pytest.raises(PersonMustAct, match="reconcile"):
                self.repo.reconcile()
        finally:
            first.close()

    # --- what holds after each step -----------------------------------------------------------------------------------

    @invariant()
    def the_target_only_moves_forward(self) -> None:
        if not hasattr(self, "head"):
            return
        head = self.repo.git("rev-parse", "main")
        self.repo.git("merge-base", "--is-ancestor", self.head, head)
        self.head = head

    @invariant()
    def what_landed_stays_landed_and_lands_once(self) -> None:
        if not hasattr(self, "head"):
            return
        landed = self.repo.landed()
        assert landed[: len(self.seen_landed)] == self.seen_landed
        assert len(landed) == len(set(landed))
        assert all(self.model[name].kind in LANDS for name in landed)
        self.seen_landed = landed

    @invariant()
    def the_person_s_tree_is_as_they_left_it(self) -> None:
        if not hasattr(self, "head"):
            return
        status = {line.split()[-1] for line in self.repo.git("status", "--porcelain").splitlines()}
        expected = {name for name, text in self.mine.items() if name != "notes.txt" or text != "notes\n"}
        assert status == expected
        for name, text in self.mine.items():
            assert (self.repo.root / name).read_text() == text

    @invariant()
    def the_state_can_be_read(self) -> None:
        if not hasattr(self, "head"):
            return
        world = self.repo.world()
        assert look(world).observed.problems == ()
        world.close()

    # --- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if hasattr(self, "head"):
                self.settle()
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def settle(self) -> None:
        self.thaw()
        result = self.repo.reconcile(timeout_s=60)
        assert result.reason.startswith("settled"), result.reason
        phases = self.repo.phases() if self.model else {}
        for name, asked in self.model.items():
            assert phases.get(name, "absent") in self.ends_of(asked), (name, asked, phases)
        assert sorted(self.repo.landed()) == sorted(name for name, phase in phases.items() if phase == "landed")
        sure = [n for n, a in self.model.items() if a.kind == "shared" and phases.get(n) == "landed"]
        assert sorted(self.repo.show("shared.txt").split()) == sorted(["one", *sure])
        self.the_target_only_moves_forward()
        self.what_landed_stays_landed_and_lands_once()
        self.the_person_s_tree_is_as_they_left_it()
        world = self.repo.world()
        assert check(world).violations == ()
        assert world.worktrees.leases() == {}
        world.close()
        before = self.repo.git("for-each-ref")
        self.repo.reconcile(timeout_s=60)
        assert self.repo.git("for-each-ref") == before

    def ends_of(self, asked: Asked) -> set[str]:
        """Return the phases in which a task may end."""
        done = "landed" if asked.kind in LANDS else END.get(asked.kind, "failed")
        if asked.is_removed:
            return {"absent", "cancelled", done} if done != "failed" else {"absent", "cancelled"}
        return {"waiting", "absent"} if asked.is_suspended else {done}


def examine(examples: int, steps: int) -> None:
    run_machine(
        Swarm,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_promises_hold_whatever_happens() -> None:
    examine(examples=6, steps=10)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_promises_hold_whatever_happens_for_longer() -> None:
    examine(examples=20, steps=25)
