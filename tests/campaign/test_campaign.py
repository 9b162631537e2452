"""P1 to P5 under real kills, judged by the world; and the judge itself sees each promise that somebody breaks."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.campaign import judge
from tests.campaign.stage import Stage
from tests.conftest import unpack

pytestmark = [pytest.mark.crash, pytest.mark.timeout(480)]
SEED = 900_000
SHARDS = 2
KILLS = 60
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, judge.Person]]:
    """One wave that nobody kills, settled."""
    from tests.campaign import lives
    from tests.campaign.run import _settle

    stage = Stage(tmp_path_factory.mktemp("stage")).begin()
    stage.ask()
    before = judge.person(stage)
    try:
        assert _settle(stage) == []
        assert judge.judge(stage, before) == []
        yield stage, before
        assert judge.judge(stage, before) == []
    finally:
        lives.end_all(stage)


Breaker = Callable[[Stage], Callable[[], object]]
"""Breaks a promise and returns what mends it again."""


def moved_ref(stage: Stage, ref: str, new: str | None) -> Callable[[], object]:
    old = stage.git("rev-parse", ref)
    if new is None:
        stage.git("update-ref", "-d", ref)
    else:
        stage.git("update-ref", ref, new)
    return lambda: stage.git("update-ref", ref, old)


def commit_on(stage: Stage, tree: str, message: str) -> str:
    return stage.git("commit-tree", tree, "-p", "main", "-m", message)


def rewritten(stage: Stage, path: str, edit: Callable[[str], str]) -> str:
    """Return a commit of state in which one file was edited."""
    index = {"GIT_INDEX_FILE": str(stage.root / "judged-index")}
    file = stage.root / "judged-file"
    file.write_text(edit(stage.git("show", f"swarm/state:{path}") + "\n"))
    stage.git("read-tree", "swarm/state", env=index)
    oid = stage.git("hash-object", "-w", str(file))
    stage.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", env=index)
    return stage.git("commit-tree", stage.git("write-tree", env=index), "-p", "swarm/state", "-m", "edited")


def drop_salvage(stage: Stage) -> Callable[[], object]:
    (ref,) = stage.git("for-each-ref", "--format=%(refname)", "refs/swarm/salvage/nosy-1").split()
    return moved_ref(stage, ref, None)


def land_ungated(stage: Stage) -> Callable[[], object]:
    file = stage.root / "ungated"
    file.write_text("nobody saw this\n")
    index = {"GIT_INDEX_FILE": str(stage.root / "judged-index")}
    stage.git("read-tree", "main", env=index)
    oid = stage.git("hash-object", "-w", str(file))
    stage.git("update-index", "--add", "--cacheinfo", f"100644,{oid},new.txt", env=index)
    tree = stage.git("write-tree", env=index)
    return moved_ref(stage, "refs/heads/main", commit_on(stage, tree, "Land x\n\nSwarm-Task: x"))


def land_twice(stage: Stage) -> Callable[[], object]:
    again = commit_on(stage, "main^{tree}", "Land plain-1\n\nSwarm-Task: plain-1")
    return moved_ref(stage, "refs/heads/main", again)


def drop_the_landings(stage: Stage) -> Callable[[], object]:
    first = stage.git("rev-list", "--first-parent", "--author=pat@example.org", "-1", "main")
    return moved_ref(stage, "refs/heads/main", first)


def edit_phase(stage: Stage) -> Callable[[], object]:
    found = rewritten(stage, "tasks/dep-1.yaml", lambda text: text.replace("phase: landed", "phase: failed"))
    return moved_ref(stage, "refs/heads/swarm/state", found)


def unknown_key(stage: Stage) -> Callable[[], object]:
    found = rewritten(stage, "tasks/dep-1.yaml", lambda text: f"{text}surprise: 1\n")
    return moved_ref(stage, "refs/heads/swarm/state", found)


def unknown_file(stage: Stage) -> Callable[[], object]:
    found = rewritten(stage, "tasks/dep-1.yaml", lambda text: text)
    index = {"GIT_INDEX_FILE": str(stage.root / "judged-index")}
    oid = stage.git("rev-parse", f"{found}:tasks/dep-1.yaml")
    stage.git("update-index", "--add", "--cacheinfo", f"100644,{oid},what/is-this.yaml", env=index)
    tree = stage.git("write-tree", env=index)
    return moved_ref(stage, "refs/heads/swarm/state", stage.git("commit-tree", tree, "-p", found, "-m", "odd"))


def lost_letter(stage: Stage) -> Callable[[], object]:
    (stage.witness / "sent" / "nonce-never").touch()
    return (stage.witness / "sent" / "nonce-never").unlink


def overlap(stage: Stage) -> Callable[[], object]:
    (stage.witness / "overlaps" / "dep-1").touch()
    return (stage.witness / "overlaps" / "dep-1").unlink


def leave_lock(stage: Stage) -> Callable[[], object]:
    lock = stage.top / ".git" / "refs" / "heads" / "main.lock"
    lock.touch()
    return lock.unlink


def leave_ref(stage: Stage) -> Callable[[], object]:
    stage.git("update-ref", "refs/swarm/candidate/x", "main")
    return lambda: stage.git("update-ref", "-d", "refs/swarm/candidate/x")


def leave_process(stage: Stage) -> Callable[[], object]:
    process = subprocess.Popen(["sleep", "60"], env={**stage.environ(), "SWARM_TASK_FILE": f"{stage.root}/x"})

    def end() -> None:
        process.kill()
        process.wait()

    return end


def edit_of_the_person(stage: Stage) -> Callable[[], object]:
    path = stage.top / "edited.txt"
    text = path.read_text()
    path.write_text("hello\n")
    return lambda: path.write_text(text)


def broken_object(stage: Stage) -> Callable[[], object]:
    oid = stage.git("rev-parse", "main:shared-1.txt")
    unpack(stage.top / ".git")
    path = stage.top / ".git" / "objects" / oid[:2] / oid[2:]
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-4])
    return lambda: path.write_bytes(content)


@contextmanager
def broken(stage: Stage, breaks: Breaker) -> Iterator[None]:
    mend = breaks(stage)
    try:
        yield
    finally:
        mend()


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (drop_salvage, "lost work: nonce-nosy-1-"),
        (land_ungated, "ungated landing: "),
        (land_twice, "plain-1 landed 2 times"),
        (drop_the_landings, "plain-1 is landed, and the target lacks it"),
        (edit_phase, "dep-1 ended as failed, not as landed"),
        (unknown_key, "tasks/dep-1.yaml does not fit schemas/status.json"),
        (unknown_file, "what/is-this.yaml: no schema is published"),
        (lost_letter, "the letter nonce-never is recorded 0 times"),
        (overlap, "dep-1 ran twice at once"),
        (leave_lock, "a lock is left: refs/heads/main.lock"),
        (leave_ref, "a ref is left: refs/swarm/candidate/x"),
        (leave_process, "is left: sleep 60"),
        (edit_of_the_person, "the person's checkout changed"),
        (broken_object, "git fsck of the repository: "),
    ],
)
def test_the_judge_sees_what_is_broken(ended: tuple[Stage, judge.Person], breaks: Breaker, says: str) -> None:
    stage, before = ended

    with broken(stage, breaks):
        found = judge.judge(stage, before)

    assert [text for text in found if says in text], found


def test_the_judge_knows_nothing_of_the_product() -> None:
    for name in ("judge.py", "stage.py"):
        tree = ast.parse((HERE / name).read_text())
        imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert [module for module in imported if module.split(".")[0] == "swarmgit"] == []


@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_again_and_again_it_keeps_every_promise(tmp_path: Path, shard: int) -> None:
    wanted = ["--kills", str(KILLS), "--seed", str(SEED), "--shard", f"{shard}/{SHARDS}", "--waves", "1"]
    argv = [sys.executable, "-m", "tests.campaign.run", "--out", str(tmp_path), *wanted]

    done = subprocess.run(argv, cwd=HERE.parents[1], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    runs = [json.loads(path.read_text()) for path in tmp_path.glob("run-*.json")]
    assert [text for each in runs for text in each["violations"]] == []
    assert sum(sum(each["kills"].values()) for each in runs) >= KILLS / SHARDS


def test_a_campaign_goes_on_where_it_was_cut_off_and_sums_what_is_there(tmp_path: Path) -> None:
    for seed, kills, found in ((1, 7, []), (2, 5, ["lost work: x"])):
        record = {"seed": seed, "kills": {"seam": kills}, "seconds": 1.5, "violations": found, "box": "off"}
        (tmp_path / f"run-{seed:06d}.json").write_text(json.dumps(record))
    argv = [sys.executable, "-m", "tests.campaign.run", "--out", str(tmp_path), "--kills", "12"]

    done = subprocess.run(argv, cwd=HERE.parents[1], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "12 kills in 2 runs, 1 violations, longest run 1.5 s" in done.stdout
    assert "seed 2: lost work: x" in done.stdout
