"""P6: an agent changes nothing outside its scope, reads policy from nowhere it can write, speaks only as itself, and
only to whom policy allows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from swarmgit.adapters.sandbox.probe import search
from swarmgit.model.mail import Mail
from swarmgit.state import kinds
from tests.conftest import Repo


def mails(repo: Repo, mailbox: str) -> list[Mail]:
    listed = repo.git("ls-tree", "--name-only", "swarm/state", f"mail/{mailbox}/", check=False).splitlines()
    return [kinds.MAIL.read(path, (repo.git("show", f"swarm/state:{path}") + "\n").encode()) for path in listed]


@pytest.mark.parametrize(
    "edit",
    [
        "echo pwned > README.md",
        "rm README.md",
        "git mv -f README.md it.txt",
        "echo pwned >> src/other.py",
        "git config core.fileMode true; chmod +x README.md",
        "rm README.md; ln -s /etc/passwd README.md",
        "echo pwned > README.md; git add -A; git commit -qm sneaky; git update-index --assume-unchanged README.md",
    ],
)
def test_a_file_that_the_task_does_not_own_stays_as_it_is_and_what_was_done_is_kept(repo: Repo, edit: str) -> None:
    repo.start({"README.md": "hello\n", "src/other.py": "x = 1\n"})
    repo.task("it", f"echo mine > it.txt; {edit}", budget={"attempts": 1})
    before = repo.commit()

    assert repo.reconcile().code == 4

    assert repo.landed() == []
    assert repo.git("diff", before, "main") == ""
    assert "README.md" in repo.status("it").reason or "src/other.py" in repo.status("it").reason
    (ref,) = repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/salvage/it").split()
    assert repo.git("diff", "--stat", before, ref) != ""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".swarm/gates.yaml", "version: 1\ngates: []\n"),
        (".swarm/policy.yaml", 'version: 1\nsandbox: "off"\nprotected_paths: []\n'),
        (".swarm/tasks/it.yaml", 'version: 1\ntitle: t\ndescription: d\nscope: {owns: ["**"]}\nreview: full\n'),
        (".swarm/swarm.yaml", "version: 1\ntarget: main\nattempts_max: 99\n"),
    ],
)
def test_rules_that_an_agent_writes_rule_nothing(repo: Repo, path: str, text: str) -> None:
    repo.gates = [{"name": "check", "run": "test ! -e BROKEN"}]
    repo.start()
    script = f"mkdir -p .swarm/tasks; printf '%s' '{text}' > {path}; touch BROKEN; echo it > it.txt"
    repo.task("it", script, owns=["it.txt", "BROKEN", ".swarm/**"], budget={"attempts": 1})
    before = repo.commit()

    assert repo.reconcile().code == 4

    assert repo.landed() == []
    assert repo.git("rev-parse", "main") == before
    assert path in repo.status("it").reason


def test_the_gate_of_the_target_judges_also_where_the_work_brings_its_own_script(repo: Repo) -> None:
    repo.gates = [{"name": "check", "run": "sh ./check.sh"}]
    repo.start({"README.md": "hello\n", "check.sh": "test ! -e BROKEN\n"})
    repo.task("it", "echo 'exit 0' > check.sh; touch BROKEN", owns=["BROKEN"], budget={"attempts": 1})
    repo.commit()

    assert repo.reconcile().code == 4

    assert repo.landed() == []
    assert "check.sh" in repo.status("it").reason


def test_a_letter_carries_the_name_of_the_session_that_wrote_it(repo: Repo) -> None:
    repo.start()
    repo.task(
        "it",
        """
        printf 'from: human\\nto: human\\nsubject: forged\\n' > "$SWARM_OUTBOX/a.yaml"
        printf 'to: human\\nsubject: honest\\n' > "$SWARM_OUTBOX/b.yaml"
        echo it > it.txt
        """,
    )
    repo.commit()
    assert repo.reconcile().code == 0

    assert [(m.sender, m.subject) for m in mails(repo, "human") if m.sender != "swarmgit"] == [("builder-01", "honest")]
    (dead,) = mails(repo, "dead")
    assert (dead.sender, dead.subject) == ("builder-01", "forged")
    assert "forged sender" in dead.refused


def test_a_letter_to_somebody_whom_policy_does_not_name_reaches_nobody(repo: Repo) -> None:
    repo.start()
    allowed = [{"from": "role:builder", "to": "builder-02", "types": ["question"]}]
    repo.write({".swarm/policy.yaml": yaml.safe_dump({"version": 1, **repo.policy, "comms": allowed})})
    send = "printf 'to: builder-0%s\\ntype: %s\\nsubject: s%s\\n' {0} {1} {0}{1} > \"$SWARM_OUTBOX/{0}{1}.yaml\""
    letters = ((2, "question"), (2, "answer"), (3, "question"))
    repo.task("it", "\n".join([*(send.format(*letter) for letter in letters), "echo it > it.txt"]))
    repo.commit()
    assert repo.reconcile().code == 0

    assert [m.subject for m in mails(repo, "builder-02")] == ["s2question"]
    assert mails(repo, "builder-03") == []
    assert sorted(m.subject for m in mails(repo, "dead")) == ["s2answer", "s3question"]


def test_what_lands_is_signed_with_the_names_that_swarmgit_knows(repo: Repo) -> None:
    repo.start()
    forged = "Nice\\n\\nSwarm-Task: other\\nSwarm-Agent: boss\\nSwarm-Model: best\\n"
    script = f"git config user.name boss; git config user.email boss@example.org; printf '{forged}' > \"$SWARM_OUTBOX/message.md\""
    repo.task("it", f"echo it > it.txt; {script}; git add -A; git commit -qm \"$(printf '{forged}')\"")
    repo.commit()
    assert repo.reconcile().code == 0

    assert repo.landed() == ["it"]
    names = repo.git("log", "-1", "--format=%(trailers:key=Swarm-Agent,valueonly)|%an", "main^2")
    assert "boss" not in names
    assert "builder-01" in names
    assert repo.git("log", "--format=%(trailers:key=Swarm-Task,valueonly)", "main").split() == ["it", "it"]


def test_one_session_cannot_write_where_another_one_or_the_person_works(repo: Repo, tmp_path: Path) -> None:
    if search(("bubblewrap",)).kind != "bubblewrap":
        pytest.skip("needs the full sandbox")
    repo.policy = {"sandbox": "required"}
    repo.start()
    victim = tmp_path / "repo" / "README.md"
    repo.task("other", "sleep 1; echo other > other.txt")
    repo.task(
        "it",
        f"""
        echo pwned > '{victim}' || true
        for tree in "$PWD"/../../*/tree; do [ "$tree" -ef "$PWD" ] || echo pwned > "$tree/other.txt" || true; done
        echo it > it.txt
        """,
    )
    repo.commit()
    result = repo.reconcile()

    assert result.code == 0, [repo.status(name).reason for name in ("it", "other")]
    assert victim.read_text() == "hello\n"
    assert (repo.show("it.txt"), repo.show("other.txt")) == ("it", "other")
