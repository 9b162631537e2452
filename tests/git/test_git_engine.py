"""The engine repository: merges in memory, trees to gate, and bringing work to the person."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from person_repository import Person, make_person

from swarmgit.adapters.git.engine import engine_git
from swarmgit.adapters.git.run import SWARMGIT
from swarmgit.model.desired import Gate
from swarmgit.model.ids import GateName


def test_both_sides_changes_come_together(person: Person) -> None:
    base = person.head()
    head = person.make(base, {"src/b.txt": "theirs\n"})
    onto = person.commit({"src/c.txt": "ours\n"})
    tried = person.engine().merge(onto, head, "Merge it\n\nSwarm-Task: t\n", (), "merge")
    assert tried.conflicts == ()
    engine = person.engine()
    assert engine.objects.commit(tried.commit).parents == (onto, head)
    files = {path: engine.objects.blob(entry.oid) for path, entry in engine.objects.walk(tried.code_tree).items()}
    assert files == {"a.txt": b"a\n", "src/b.txt": b"theirs\n", "src/c.txt": b"ours\n"}


LINES = "".join(f"line {number}\n" for number in range(20))


@pytest.mark.parametrize(
    ("theirs", "ours", "conflicts"),
    [
        ({"a.txt": "theirs\n"}, {"a.txt": "ours\n"}, ("a.txt",)),
        ({"a.txt": "t\n", "src/b.txt": "t\n"}, {"a.txt": "o\n", "src/b.txt": "o\n"}, ("a.txt", "src/b.txt")),
        ({"new": "theirs\n"}, {"new": "ours\n"}, ("new",)),
        ({"a.txt": None}, {"a.txt": "ours\n"}, ("a.txt",)),
        ({"a.txt": "same\n"}, {"a.txt": "same\n"}, ()),
        ({"a.txt": "x:a\n"}, {"src/b.txt": "ours\n"}, ()),
        ({"long": None, "moved/long": LINES}, {"long": LINES + "tail\n"}, ()),
        ({"odd\nname": "theirs\n"}, {"odd\nname": "ours\n"}, ("odd\nname",)),
    ],
)  # fmt: skip
def test_conflicts_name_their_paths(person: Person, theirs, ours, conflicts) -> None:
    base = person.commit({"long": LINES})
    head, onto = person.make(base, theirs), person.make(base, ours)
    engine = person.engine()
    tried = engine.merge(onto, head, "m", (), "merge")
    assert tried.conflicts == conflicts
    assert (tried.commit is None) == bool(conflicts)
    if "moved/long" in theirs:
        merged = engine.objects.walk(tried.code_tree)
        assert engine.objects.blob(merged["moved/long"].oid).decode() == LINES + "tail\n"
    if theirs.get("a.txt", "") == "x:a\n":
        assert engine.objects.walk(tried.code_tree)["a.txt"].mode == "100755"


def test_the_same_merge_is_the_same_commit(person: Person, tmp_path: Path) -> None:
    base = person.head()
    head = person.make(base, {"src/b.txt": "theirs\n"})
    for onto in (base, person.commit({"src/c.txt": "ours\n"})):
        tries = [person.engine().merge(onto, head, "m", (), style) for style in ("merge", "merge", "squash")]
        assert tries[0] == tries[1]
        assert tries[0].code_tree == tries[2].code_tree
        engine = person.engine()
        merged, squashed = (engine.objects.commit(tries[number].commit) for number in (0, 2))
        assert merged.parents == (onto, head)
        assert squashed.parents == (onto,)
        assert (squashed.author, squashed.author_email) == ("Pat", "pat@example.org")
        shown = subprocess.run(
            ["git", "--git-dir", str(engine.git.git_dir), "show", "-s", "--format=%an %cn %at %ct", merged.oid],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        assert shown[:2] == ["Pat", "swarmgit"]
        assert shown[2] == shown[3] == person.git("show", "-s", "--format=%ct", head)


def test_histories_that_share_nothing_conflict(person: Person) -> None:
    onto = person.head()
    person.git("checkout", "-q", "--orphan", "stranger")
    head = person.commit({"a.txt": "stranger\n"})
    person.git("checkout", "-q", "main")
    assert "a.txt" in person.engine().merge(onto, head, "m", (), "merge").conflicts


def test_attributes_in_the_tree_do_not_decide_merges(person: Person) -> None:
    base = person.commit({".gitattributes": "* merge=union\n*.txt merge=evil\n"})
    person.git("config", "merge.evil.driver", "touch %A")
    head, onto = person.make(base, {"a.txt": "theirs\n"}), person.make(base, {"a.txt": "ours\n"})
    assert person.engine().merge(onto, head, "m", (), "merge").conflicts == ("a.txt",)


def test_the_code_tree_is_the_tree_without_swarm_files(person: Person) -> None:
    engine = person.engine()
    before = engine.code_tree(person.head())
    intent = person.commit({".swarm/tasks/t.yaml": "x\n"})
    assert engine.code_tree(intent) == before
    person.commit({"a.txt": "other\n"})
    assert engine.code_tree(person.head()) != before
    assert {entry.name for entry in engine.objects.tree(before)} == {"a.txt", "src"}
    assert engine.code_tree(before) == before


def test_gate_inputs_change_exactly_with_the_files_that_match(person: Person) -> None:
    gates = [
        Gate(GateName("src"), "x", inputs=("src/**", "!src/c.txt")),
        Gate(GateName("all"), "x", inputs=("**",)),
        Gate(GateName("none"), "x"),
    ]
    engine = person.engine()
    first = engine.gate_inputs(person.head(), gates)
    assert first.keys() == {"src", "all"}
    assert engine.gate_inputs(person.commit({".swarm/x": "x"}), gates) == first
    second = engine.gate_inputs(person.commit({"src/c.txt": "x"}), gates)
    assert second["src"] == first["src"]
    assert second["all"] != first["all"]
    (person.top / "src/b.txt").chmod(0o755)
    assert engine.gate_inputs(person.commit({}), gates)["src"] != first["src"]


def agents_commit(person: Person, base: str, files: dict[str, str], parents: int = 1) -> str:
    """Make commits that only the engine has, as a captured worktree does."""
    engine = person.engine()
    work = person.home / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    env = {
        **engine.git.environment(), "GIT_INDEX_FILE": str(person.home / "index"), "GIT_WORK_TREE": str(work),
        **SWARMGIT,
    }  # fmt: skip

    def run(*args: str) -> str:
        return subprocess.run(
            ["git", "-c", "core.bare=false", *args], env=env, cwd=work, capture_output=True, text=True, check=True
        ).stdout.strip()

    run("read-tree", base)
    run("checkout-index", "-a", "-f")
    commit = base
    for number in range(parents):
        person.write(files | {"number": str(number)}, work)
        run("add", "-A")
        commit = run("commit-tree", run("write-tree"), "-p", commit, "-m", f"work {number}")
    return commit


def test_salvage_brings_everything_and_pins_it(person: Person) -> None:
    head = agents_commit(person, person.head(), {"src/b.txt": "agent\n", "deep/er/x": "x\n"}, parents=3)
    assert person.objects().resolve(head) is None
    engine = person.engine()
    for _ in range(2):
        engine.salvage("refs/swarm/salvage/t/s", head)
    assert person.head("refs/swarm/salvage/t/s") == head
    shutil.rmtree(engine.git.git_dir)
    person.git("fsck", "--strict", "--full")
    assert person.git("show", "refs/swarm/salvage/t/s:deep/er/x") == "x"
    assert person.git("log", "--format=%s", "-3", "refs/swarm/salvage/t/s").split("\n") == [
        "work 2",
        "work 1",
        "work 0",
    ]


def test_many_or_packed_objects_come_as_a_pack(person: Person) -> None:
    head = agents_commit(person, person.head(), {f"many/{number}": f"{number}\n" for number in range(700)})
    engine = person.engine()
    engine.salvage("refs/swarm/salvage/t/many", head)
    packed = agents_commit(person, person.head(), {"packed": "packed\n"})
    engine.pin({"refs/swarm/captured/t/packed": packed})
    subprocess.run(["git", "--git-dir", str(engine.git.git_dir), "repack", "-adql"], check=True)
    engine.salvage("refs/swarm/salvage/t/packed", packed)
    shutil.rmtree(engine.git.git_dir)
    person.git("fsck", "--strict", "--full")
    assert person.git("show", f"{packed}:packed") == "packed"


def test_no_differences_are_looked_for_in_what_is_brought(person: Person) -> None:
    lines = "".join(f"a line like many others, number {number}\n" for number in range(200))
    head = agents_commit(person, person.head(), {f"many/{number}": f"{lines}{number}\n" for number in range(501)})
    person.engine().salvage("refs/swarm/salvage/t/many", head)
    (pack,) = (person.common_dir / "objects/pack").glob("pack-*.idx")
    assert "chain length" not in person.git("verify-pack", "-v", str(pack))


def test_salvage_writes_nowhere_but_under_refs_swarm(person: Person) -> None:
    with pytest.raises(ValueError, match="refs/swarm"):
        person.engine().salvage("refs/heads/main", person.head())


def test_a_stale_lock_of_our_own_ref_does_not_stop_salvage(person: Person) -> None:
    lock = person.common_dir / "refs/swarm/salvage/t/s.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    os.utime(lock, (1, 1))
    person.engine().salvage("refs/swarm/salvage/t/s", person.head())
    assert person.head("refs/swarm/salvage/t/s") == person.head()


BROKEN = {"empty": b"", "zeros": bytes(41), "garbage": b"no commit\n", "short": b"1234abcd\n"}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("act", ["move", "drop"])
def test_a_ref_of_ours_that_says_nothing_is_written_anew_or_dropped(person: Person, content: bytes, act: str) -> None:
    ref = "refs/swarm/salvage/t/s"
    path = person.common_dir / ref
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    if act == "move":
        person.engine().salvage(ref, person.head())
        assert person.head(ref) == person.head()
    else:
        person.engine().withdraw([ref])
        assert not path.exists()


def test_a_ref_to_a_missing_commit_hides_no_others_and_can_be_moved_and_dropped(person: Person) -> None:
    for name in ("s", "u"):
        path = person.common_dir / f"refs/swarm/salvage/t/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1" * 40 + "\n")
    person.engine().salvage("refs/swarm/salvage/t/s", person.head())
    assert person.objects().refs("refs/swarm/")["refs/swarm/salvage/t/s"] == person.head()
    person.engine().withdraw(["refs/swarm/salvage/t/u"])
    assert not (person.common_dir / "refs/swarm/salvage/t/u").exists()


def test_submitted_work_is_told_by_what_its_ref_says_wherever_git_keeps_it(person: Person) -> None:
    engine, head = person.engine(), person.head()
    works = {"refs/swarm/submitted/t/one": head, "refs/swarm/submitted/t/two": head}
    assert engine.unsubmitted(works) == works.keys()
    engine.submit(works)
    assert engine.unsubmitted(works) == frozenset()
    person.git("pack-refs", "--all")
    assert engine.unsubmitted(works) == frozenset()
    (person.common_dir / "refs/swarm/submitted/t").mkdir(parents=True)
    (person.common_dir / "refs/swarm/submitted/t/one").write_bytes(b"")
    assert engine.unsubmitted(works) == {"refs/swarm/submitted/t/one"}
    engine.withdraw(works)
    assert person.git("for-each-ref", "refs/swarm") == ""


def test_pins_of_the_engine_are_not_the_person_s_refs(person: Person) -> None:
    engine = person.engine()
    engine.pin({"refs/swarm/captured/t/s": person.head()})
    assert engine.objects.ref("refs/swarm/captured/t/s") == person.head()
    assert person.objects().refs("refs/swarm/") == {}
    engine.unpin("refs/swarm/captured/t/s")
    assert engine.objects.refs("refs/") == {}


def test_changed_paths_are_those_that_git_names(person: Person) -> None:
    old = person.head()
    new = person.make(old, {"a.txt": None, "a.txt/x": "x:1", "src/b.txt": "2", "src/c.txt": None, "z/z/z": "3"})
    engine = person.engine()
    wanted = person.git("diff-tree", "-r", "--no-renames", "--name-only", old, new).split()
    assert list(engine.changed_paths(old, new)) == sorted(wanted)
    assert engine.changed_paths(old, old) == ()


def test_a_half_made_or_spoiled_engine_is_mended(person: Person) -> None:
    engine = person.engine()
    folder = engine.git.git_dir
    for name in ("config", "HEAD", "info/attributes", "objects/info/alternates"):
        (folder / name).unlink()
        git = engine_git(person.live, person.common_dir)
        assert git.line("cat-file", "-t", person.head()) == "commit"
        assert git.line("config", "core.bare") == "true"
    (folder / "config").write_text("[core]\n\thooksPath = /evil\n")
    git = engine_git(person.live, person.common_dir)
    assert git.line("config", "--file", str(folder / "config"), "core.hooksPath") == "/dev/null"


def test_an_engine_moves_with_its_repository(person: Person, tmp_path: Path) -> None:
    person.engine()
    moved = tmp_path / "moved"
    shutil.copytree(person.top, moved)
    git = engine_git(moved / ".git/swarmgit", moved / ".git")
    shutil.rmtree(person.top)
    person.top = moved
    assert git.line("cat-file", "-t", person.head()) == "commit"


def test_the_engine_is_made_once_also_where_several_make_it(person: Person, tmp_path: Path) -> None:
    for number in range(20):
        live = tmp_path / f"live-{number}"
        with ThreadPoolExecutor(4) as threads:
            made = list(threads.map(lambda _, live=live: engine_git(live, person.common_dir), range(4)))
        assert [path.name for path in live.iterdir()] == ["engine.git"]
        assert made[0].line("rev-parse", "--git-dir")


def test_a_sha256_repository_has_an_engine_of_its_kind(tmp_path: Path) -> None:
    person = make_person(tmp_path, "--object-format=sha256")
    base = person.commit({"a": "1\n", "b": "1\n", ".swarm/x": "x"})
    head, onto = person.make(base, {"a": "2\n"}), person.make(base, {"b": "2\n"})
    tried = person.engine().merge(onto, head, "m", (), "merge")
    assert len(tried.commit) == 64
    person.engine().salvage("refs/swarm/salvage/t/s", tried.commit)
    person.git("fsck", "--strict")
    person.close()


def test_a_shallow_clone_can_be_merged_in(person: Person, tmp_path: Path) -> None:
    for number in range(3):
        person.commit({"n": str(number)})
    folder = tmp_path / "shallow"
    folder.mkdir()
    clone = make_person(folder)
    clone.git("fetch", "-q", "--update-head-ok", "--depth=1", f"file://{person.top}", "main:main")
    head, onto = clone.make("main", {"a.txt": "2\n"}), clone.make("main", {"n": "9\n"})
    tried = clone.engine().merge(onto, head, "m", (), "merge")
    assert tried.commit
    clone.engine().salvage("refs/swarm/salvage/t/s", tried.commit)
    clone.close()
