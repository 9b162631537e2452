"""P8: bad input gives an error with its place and harms nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Repo

SLOW = pytest.mark.slow
MARKERS = "<<<<<<< ours\ntitle: a\n=======\ntitle: b\n>>>>>>> theirs\n"


def problems(repo: Repo) -> list[dict[str, object]]:
    done = repo.swarmgit("validate", "--json", check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)["problems"]
    return found


def state_commit(repo: Repo, files: dict[str, str]) -> None:
    """Commit by hand on the state branch, as somebody would who repairs or breaks it."""
    place = repo.root.parent / "by-hand"
    repo.git("worktree", "add", "-q", "--force", "--detach", str(place), "swarm/state")
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    repo.git("add", "-A", cwd=place)
    repo.git("commit", "-q", "-m", "by hand", cwd=place)
    repo.git("update-ref", "refs/heads/swarm/state", repo.git("rev-parse", "HEAD", cwd=place))
    repo.git("worktree", "remove", "--force", str(place))


@pytest.mark.default_cases("syntax")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("version: 1\ntitle: [unclosed\n", None),
        ("version: 1\ntitle: T\nscope: {owns: [x.txt]}\nbuget: {}\n", 4),
        ("version: 1\ntitle: T\ntitle: T2\nscope: {owns: [x.txt]}\n", 3),
        ("version: 99\ntitle: T\n", 1),
        ("- a\n- b\n", 1),
        ("", None),
        (MARKERS, 1),
        ("version: 1\ntitle: T\nscope: {owns: 7}\n", 3),
        ("version: 1\ntitle: \x00\n", None),
        ("&a [*a, *a]\n", None),
    ],
    ids=["syntax", "unknown", "repeated", "version", "list", "empty", "markers", "type", "nul", "alias"],
)
def test_a_broken_task_file_is_named_and_every_other_task_lands(repo: Repo, text: str, line: int | None) -> None:
    repo.start()
    repo.task("good")
    repo.write({".swarm/tasks/bad.yaml": ""})
    (repo.root / ".swarm/tasks/bad.yaml").write_text(text)
    repo.commit()

    result = repo.reconcile()

    assert result.code == 1
    assert repo.landed() == ["good"]
    found = problems(repo)
    assert {problem["file"] for problem in found} == {".swarm/tasks/bad.yaml"}
    assert all(problem["message"] for problem in found)
    assert line is None or line in {problem["line"] for problem in found}


def test_bytes_that_are_no_text_are_named(repo: Repo) -> None:
    repo.start()
    repo.task("good")
    (repo.root / ".swarm/tasks/bad.yaml").write_bytes(b"version: 1\ntitle: \xff\xfe\n")
    repo.commit()
    assert repo.reconcile().code == 1
    assert repo.landed() == ["good"]


@pytest.mark.default_cases("*unheard*-gates.yaml")
@pytest.mark.parametrize("name", ["gates.yaml", "swarm.yaml", "policy.yaml"])
@pytest.mark.parametrize("text", ["version: 1\nnonsense: {\n", MARKERS, "version: 1\nunheard: of\n"])
def test_settings_that_break_leave_the_last_good_ones_in_force(repo: Repo, name: str, text: str) -> None:
    # given settings that were good, and then broke together with a new task
    repo.start({".swarm/policy.yaml": "version: 1\n"})
    repo.task("a")
    repo.commit()
    assert repo.reconcile().code == 0
    repo.write({f".swarm/{name}": text})
    repo.task("b")
    repo.commit()

    result = repo.reconcile()

    # then the new task runs under the last good settings, and the exit code says that a person must act
    assert result.code == 1
    assert repo.landed() == ["a", "b"]
    assert problems(repo)[0]["file"] == f".swarm/{name}"


def test_a_task_that_breaks_while_its_agent_is_at_work_is_not_disturbed(repo: Repo) -> None:
    repo.start()
    repo.task("it", "sleep 1; echo it > it.txt")
    repo.commit()
    repo.reconcile(mode="once")
    repo.write({".swarm/tasks/it.yaml": MARKERS})
    repo.commit()

    result = repo.reconcile()

    assert result.code == 1
    assert len(repo.status("it").attempts) == 1
    assert repo.phases()["it"] == "landed"


@pytest.mark.default_cases("tasks/it.yaml-markers", "gates/check.yaml-phase")
@pytest.mark.parametrize(
    "text",
    [
        MARKERS,
        pytest.param("", marks=SLOW),
        pytest.param("version: 1\n", marks=SLOW),
        "version: 1\ntask: it\ntitle: T\nphase: nonsense\n",
        pytest.param("[]\n", marks=SLOW),
        pytest.param("\x00\x01", marks=SLOW),
    ],
    ids=["markers", "empty", "nothing", "phase", "list", "binary"],
)
@pytest.mark.parametrize(
    "path", ["tasks/it.yaml", "agents/builder-01/identity.yaml", "control/freeze.yaml", "gates/check.yaml"]
)
def test_a_broken_state_file_is_named_and_everything_else_goes_on(repo: Repo, path: str, text: str) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    assert repo.reconcile().code == 0
    state_commit(repo, {path: text})
    repo.task("next")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 1
    assert path in {problem.file for problem in result.look.observed.problems}
    assert repo.git("show", f"swarm/state:{path}") == text.strip("\n")
    assert repo.landed() == (["it"] if path == "control/freeze.yaml" else ["it", "next"])


def test_a_broken_ledger_file_is_named_and_everything_else_goes_on(repo: Repo) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    assert repo.reconcile().code == 0
    (path,) = repo.git("ls-tree", "-r", "--name-only", "swarm/state", "merge-queue").splitlines()
    state_commit(repo, {path: MARKERS})
    repo.task("next")
    repo.commit()

    assert repo.reconcile().code == 1

    assert repo.landed() == ["it", "next"]


def test_a_task_whose_state_is_broken_is_left_alone(repo: Repo) -> None:
    repo.start()
    repo.task("it", "echo x >> it.txt; exit 1", budget={"attempts": 1})
    repo.commit()
    assert repo.reconcile().code == 4
    state_commit(repo, {"tasks/it.yaml": MARKERS})

    assert repo.reconcile().code == 1

    assert repo.git("show", "swarm/state:tasks/it.yaml") == MARKERS.strip()


def test_names_in_state_that_are_no_names_harm_nothing(repo: Repo) -> None:
    repo.start()
    repo.task("first")
    repo.commit()
    repo.reconcile()
    repo.task("good")
    repo.commit()
    state_commit(
        repo,
        {
            "tasks/.hidden.yaml": "x",
            "tasks/with space.yaml": MARKERS,
            "merge-queue/not-a-month/x.yaml": "x: 1\n",
            "mail/nobody/readme": "hello",
            "unheard/of": "x",
        },
    )
    assert repo.reconcile().code == 1
    assert repo.landed() == ["first", "good"]


def test_a_state_file_in_the_place_of_another_is_named_and_everything_else_goes_on(repo: Repo) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    repo.reconcile()
    status = repo.git("show", "swarm/state:tasks/it.yaml") + "\n"
    wrong = ["tasks/other.yaml", "control/tasks/it.yaml", "agents/it/identity.yaml", "merge-queue/2026-01/it.yaml"]
    state_commit(repo, dict.fromkeys(wrong, status))
    repo.task("other")
    repo.task("next")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 1
    assert {problem.file for problem in result.look.observed.problems} == set(wrong)
    assert repo.landed() == ["it", "next"]


def test_a_repaired_state_file_is_no_problem_any_more(repo: Repo) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    repo.reconcile()
    good = repo.git("show", "swarm/state:tasks/it.yaml") + "\n"
    state_commit(repo, {"tasks/it.yaml": MARKERS})
    assert repo.reconcile().code == 1
    state_commit(repo, {"tasks/it.yaml": good})
    assert repo.reconcile().code == 0


AGENT_OUTPUT = [
    "head -c 300000 /dev/urandom",
    """printf '{"type": "usage", "input_tokens": "many"}\\n'""",
    """printf '{"type": "usage", "input_tokens": -5, "usd": 1e999}\\n'""",
    """printf '{"type": "action", "action": 7, "file": ["x"]}\\n'""",
    """printf '{"type": "no_change", "reason": {"a": 1}}\\n'""",
    """printf '[[[[[[[[[[[[\\n{"type":\\n\\n\\0\\377\\n'""",
    """python3 -c "print('[' * 200000)" """,
    """yes '{"type": "action", "action": "edit", "file": "it.txt"}' | head -20000""",
    """printf '\\377\\376' > "$SWARM_OUTBOX/message.md" """,
    """mkfifo "$SWARM_OUTBOX/message.md" """,
    """mkdir "$SWARM_OUTBOX/message.md" "$SWARM_OUTBOX/report.md" """,
    """ln -s /etc/passwd "$SWARM_OUTBOX/message.md" """,
    """ln -s loop "$SWARM_OUTBOX/message.md"; ln -s message.md "$SWARM_OUTBOX/loop" """,
    """rm -rf "$SWARM_OUTBOX" """,
]


@pytest.mark.default_cases("7")
@pytest.mark.parametrize("does", AGENT_OUTPUT, ids=range(len(AGENT_OUTPUT)))
def test_whatever_an_agent_prints_or_leaves_its_work_is_judged_and_the_others_land(repo: Repo, does: str) -> None:
    repo.start()
    repo.task("it", f"{does}\necho it > it.txt")
    repo.task("good")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert sorted(repo.landed()) == ["good", "it"]
    assert repo.phases() == {"good": "landed", "it": "landed"}
    assert "root:" not in repo.git("log", "--format=%B", "main")


@pytest.mark.default_cases("5")
@pytest.mark.parametrize(
    "does",
    [
        "mkfifo pipe; echo it > it.txt",
        "ln -s /etc it.txt",
        "git init -q it.txt && git -C it.txt -c user.name=a -c user.email=b commit -q --allow-empty -m x",
        "rm -rf .git; echo it > it.txt",
        "echo 'ref: refs/heads/nowhere' > .git/HEAD; echo it > it.txt",
        "rm -rf .git; echo 'gitdir: /nowhere' > .git; echo it > it.txt",
        "touch .git/index.lock; echo it > it.txt",
        "printf 'it' > \"$(printf 'a\\nb')\"",
        "chmod 000 .; true",
        "mkdir -p deep; chmod 000 deep; echo it > it.txt",
        'cd /; rm -rf "$OLDPWD"',
    ],
    ids=range(11),
)
def test_whatever_an_agent_does_to_its_worktree_the_others_land(repo: Repo, does: str) -> None:
    repo.start()
    repo.task("it", does, budget={"attempts": 2}, owns=["**"])
    repo.task("good", "sleep 0.3; echo good > good.txt", owns=["**"], shares=[])
    repo.commit()

    result = repo.reconcile()

    assert result.code in {0, 4}
    assert repo.phases()["good"] == "landed"
    assert repo.phases()["it"] in {"landed", "failed", "needs-human"}
    assert repo.git("status", "--porcelain") == ""


def test_a_broken_edit_in_the_working_tree_is_a_draft_and_nobody_minds(repo: Repo) -> None:
    repo.start()
    repo.task("good")
    repo.commit()
    repo.write({".swarm/swarm.yaml": MARKERS, ".swarm/tasks/bad.yaml": MARKERS})

    assert repo.reconcile().code == 0
    assert repo.landed() == ["good"]


@pytest.mark.default_cases("cache/state*", "cache/desired")
@pytest.mark.parametrize(
    "name",
    [
        "cache/evidence.jsonl",
        "cache/merges.jsonl",
        "cache/blocked.json",
        "cache/state.json",
        "cache/desired",
        "landing.json",
    ],
)
def test_a_live_file_that_is_rubbish_costs_a_delay_at_most(repo: Repo, name: str) -> None:
    repo.start()
    repo.task("a")
    repo.commit()
    assert repo.reconcile().code == 0
    path: Path = repo.root / ".git/swarmgit" / name
    if not path.is_dir():
        path.write_bytes(b'{"half": [1, \x00\xff')
    else:
        for file in path.iterdir():
            file.write_bytes(b"\x00\xff{")
    repo.task("b")
    repo.commit()

    assert repo.reconcile().code == 0

    assert repo.landed() == ["a", "b"]


@pytest.mark.default_cases("pid-{")
@pytest.mark.parametrize("text", ["{", *(pytest.param(t, marks=SLOW) for t in ("", '{"version": 1}', "\0", "[]"))])
@pytest.mark.parametrize("name", ["session.yaml", "exit.json", "stop.json", "capture.json", "pid"])
def test_a_session_file_that_is_rubbish_harms_that_session_only(repo: Repo, name: str, text: str) -> None:
    repo.start()
    repo.task("it", "sleep 0.6; echo it > it.txt", budget={"minutes": 0.1})
    repo.commit()
    repo.reconcile(mode="once")
    (session,) = (repo.root / ".git/swarmgit/active").iterdir()
    (repo.root / ".git/swarmgit/sessions" / session.name / name).write_text(text)
    repo.task("good")
    repo.commit()

    result = repo.reconcile(timeout_s=30)

    assert "good" in repo.landed()
    assert result.reason.startswith("settled"), result.reason


@pytest.mark.default_cases("tasks/it.yaml")
@pytest.mark.parametrize("path", ["tasks/it.yaml", "gates/check.yaml", "control/queue.yaml"])
def test_state_of_a_newer_swarmgit_is_one_clear_error_and_nothing_is_written(repo: Repo, path: str) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    assert repo.reconcile().code == 0
    repo.swarmgit("queue", "pause")
    shown = repo.root / ".swarm" / "state"
    text = (shown / path).read_text()
    (shown / path).write_text(text.replace("version: 1", "version: 2\nshiny: true"))
    repo.git("commit", "-q", "-am", "newer", cwd=shown)
    before = repo.git("rev-parse", "swarm/state")
    for words in (["reconcile"], ["status"], ["task", "restart", "it"], ["queue", "resume"]):
        done = repo.swarmgit(*words, check=False)
        assert done.returncode == 1, words
        assert done.stderr.count("a newer swarmgit wrote it") == 1
    assert repo.git("rev-parse", "swarm/state") == before
