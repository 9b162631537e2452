"""doctor names what is wrong and the repair; gc removes only what nobody needs; logs follow a session to its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from paper import Paper

from swarmgit.adapters.machine import Machine
from swarmgit.app.doctor import Finding, examine
from swarmgit.app.sessions import read_output
from swarmgit.cli.render_health import doctor_text
from swarmgit.errors import PersonMustAct
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job
from swarmgit.model.policy import SandboxReport
from tests.calls import call, document
from tests.worlds import with_parts


class OldMachine:
    """A machine on which everything is too old or too small."""

    git = (2, 20)
    python = (3, 8)
    sandbox = SandboxReport("", "none", "none: nothing here")

    @property
    def inotify(self) -> dict[str, int]:
        return {"max_user_watches": 100}

    def free_bytes(self, path: Path) -> int:
        return 1 << 20

    def lock_holder(self, lock: Path) -> str | None:
        return "pid 7"


def nowhere():
    raise PersonMustAct("/x is not in a git repository", "git init")


def test_an_old_machine_gets_a_repair_for_everything() -> None:
    report = examine(nowhere, OldMachine())
    assert doctor_text(report).splitlines() == [
        "fail  git         git 2.20",
        "                  install git 2.38 or newer",
        "fail  python      Python 3.8",
        "                  use Python 3.11 or newer",
        "warn  sandbox     none: nothing here",
        "                  install bubblewrap and allow user namespaces, as docs/security.md says",
        "warn  inotify     only 100 watches a user",
        "                  sysctl fs.inotify.max_user_watches=65536",
        "fail  repository  /x is not in a git repository",
        "                  git init",
    ]
    assert not report.is_healthy


def test_this_machine_answers() -> None:
    machine = Machine(dict(os.environ))
    assert machine.git >= (2, 38)
    assert machine.free_bytes(Path("/nonexistent/folder")) > 0
    assert machine.lock_holder(Path("/nonexistent")) is None


def levels(repo) -> dict[str, str]:
    done = call(repo, "doctor", "--json", check=False)
    return {each["name"]: each["level"] for each in json.loads(done.stdout)["checks"]}


def test_a_checkout_that_is_behind_broken_state_and_broken_intent_are_found(repo) -> None:
    # given a repository that has run
    repo.start()
    repo.task("api")
    repo.commit()
    call(repo, "reconcile")
    assert set(levels(repo).values()) <= {"ok", "warn"}

    # when state, its checkout and the intent are broken by hand
    world = repo.world()
    world.state.write({"tasks/api.yaml": b"version: 1\ntask: [\n"}, "broken", world.clock.now())
    world.close()
    repo.commit({".swarm/gates.yaml": "version: 1\ngates: 7\n"})

    # then each is named
    found = levels(repo)
    assert (found["state"], found["checkout"], found["intent"]) == ("fail", "warn", "fail")
    assert document(repo, "fsck", code=1)["violations"][0]["promise"] == "P8"
    assert document(repo, "status")["problems"] != []


def test_doctor_fix_repairs_what_is_safe_and_says_what_it_did(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    call(repo, "reconcile")
    repo.git("update-ref", "refs/swarm/candidate/01old", "HEAD")
    shutil.rmtree(repo.root / ".swarm/state")
    assert (levels(repo)["leftovers"], levels(repo)["checkout"]) == ("warn", "warn")
    assert "doctor --fix" in call(repo, "doctor").stdout

    done = document(repo, "doctor", "--fix")
    assert done["fixed"] == [
        "checkout: .swarm/state shows the state branch again",
        "leftovers: dropped 1 ref of finished entries",
    ]
    assert {each["level"] for each in done["checks"] if each["name"] in {"leftovers", "checkout"}} == {"ok"}
    assert "fixed" not in document(repo, "doctor", "--fix")


def test_doctor_fix_leaves_everything_to_a_reconcile_that_leads(repo) -> None:
    repo.start()
    repo.git("update-ref", "refs/swarm/candidate/01old", "HEAD")
    leader = repo.world(lead=True)
    try:
        done = call(repo, "doctor", "--fix", check=False)
    finally:
        leader.close()
    assert (done.returncode, "another reconcile" in done.stderr) == (1, True)
    assert repo.git("rev-parse", "refs/swarm/candidate/01old")


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(repo) -> None:
    repo.start()

    def broken(_world, _facts):
        raise ZeroDivisionError("oh")
        yield

    def fine(_world, _facts):
        yield Finding("fine", "ok", "all is well")

    world = repo.world()
    report = examine(lambda: world, OldMachine(), (broken, fine))
    world.close()
    assert [(each.name, each.level) for each in report.findings[-2:]] == [("broken", "fail"), ("fine", "ok")]
    assert "could not be checked: ZeroDivisionError: oh" in report.findings[-2].message


def test_gc_drops_candidates_of_finished_entries_and_says_before_what_it_would_do(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    call(repo, "reconcile")
    ref = "refs/swarm/candidate/01old"
    repo.git("update-ref", ref, "HEAD")
    assert levels(repo)["leftovers"] == "warn"
    assert call(repo, "gc", "--dry-run").stderr == "would remove 1 candidate\n"
    assert repo.git("rev-parse", ref)
    assert document(repo, "gc")["candidates"] == [ref]
    assert repo.git("for-each-ref", "refs/swarm/candidate") == ""


def test_gc_removes_session_folders_only_after_retention(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    call(repo, "reconcile")
    sessions = repo.root / ".git/swarmgit/sessions"
    (name, *_) = [each.name for each in sessions.iterdir()]
    assert document(repo, "gc")["session_folders"] == 0
    for path in (*(sessions / name).rglob("*"), sessions / name):
        os.utime(path, (0, 0), follow_symlinks=False)
    assert document(repo, "gc", "--dry-run")["session_folders"] == 1
    assert document(repo, "gc")["session_folders"] == 1
    assert not (sessions / name).exists()


def test_gc_counts_the_transcripts_that_it_drops(repo) -> None:
    repo.start()
    tree = repo.git("rev-parse", "HEAD^{tree}")
    old = repo.git("-c", "user.name=x", "-c", "user.email=x@y", "commit-tree", "-m", "said", tree)
    raw = repo.git("cat-file", "commit", old)
    dated = re.sub(r"> \d+ ", "> 86400 ", raw) + "\n"
    oid = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=repo.root, input=dated, text=True, capture_output=True, check=True,
    ).stdout.strip()  # fmt: skip
    for name in ("s1", "s2"):
        repo.git("update-ref", f"refs/swarm/sessions/{name}", oid)
    repo.git("update-ref", "refs/swarm/sessions/s3", old)

    assert call(repo, "gc", "--dry-run").stderr == "would remove 2 transcripts\n"
    assert call(repo, "gc").stderr == "removed 2 transcripts\n"
    assert repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/sessions") == "refs/swarm/sessions/s3"


class Talking:
    """An executor whose one session prints a line each time somebody waits, and then ends."""

    def __init__(self) -> None:
        self.said = b"one\n"
        self.state = "running"

    def poll(self, ids):
        return {SessionId("s1"): Job(None, self.state)}

    def read(self, session, name, offset=0, size_max=1 << 20):
        return self.said[offset : offset + 2]

    def wait(self, _seconds: float) -> None:
        self.said, self.state = self.said + b"two\n", "succeeded"


def test_following_a_session_shows_everything_up_to_its_end(paper: Paper) -> None:
    executor = Talking()
    world = with_parts(paper.world(), executor=executor)
    assert b"".join(read_output(world, "s1", "stdout.jsonl", follow=False)) == b"one\n"
    assert b"".join(read_output(world, "s1", "stdout.jsonl", follow=True, wait=executor.wait)) == b"one\ntwo\n"


def test_the_output_of_a_session_is_found_by_its_task_also_after_it_was_retired(repo) -> None:
    repo.start()
    repo.task("api", "echo hello; printf 'o\\033ops\\n' >&2; echo x > api.txt")
    repo.commit()
    call(repo, "reconcile")
    (session,) = [each["session"] for each in document(repo, "status")["tasks"]]
    assert call(repo, "logs", session).stdout == "hello\n"
    assert call(repo, "logs", "api", "--stderr").stdout == "o\\x1bops\n"
    assert call(repo, "logs", "api", "--stderr", "--raw").stdout == "o\x1bops\n"
    assert call(repo, "logs", session[-8:]).stdout == "hello\n"
    assert "has no worktree any more" in call(repo, "worktree", "path", session, check=False).stderr
