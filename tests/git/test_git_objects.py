"""Reading the person's repository through one process."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
from person_repository import AT, Person, make_person

from swarmgit.adapters.git.discover import discover, find_target
from swarmgit.adapters.git.loose import LooseWriter, new_object
from swarmgit.adapters.git.objects import MissingObject
from swarmgit.adapters.git.person import blame
from swarmgit.errors import PersonMustAct, TryLater
from swarmgit.model.git import TreeEntry


def test_refs_are_read_as_they_move(person: Person) -> None:
    objects = person.objects()
    assert objects.ref("refs/heads/main") == person.head()
    assert objects.ref("refs/heads/none") is None
    moved = person.commit({"x": "1"})
    assert objects.ref("refs/heads/main") == moved
    person.git("pack-refs", "--all")
    assert objects.ref("refs/heads/main") == moved
    person.git("tag", "-a", "-m", "annotated", "v1")
    assert objects.ref("refs/tags/v1") == moved
    assert objects.refs("refs/") == {"refs/heads/main": moved, "refs/tags/v1": moved}
    assert objects.refs("refs/heads/m") == {"refs/heads/main": moved}
    person.git("branch", "-m", "main", "trunk")
    assert objects.ref("refs/heads/main") is None


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "no such",
        "main:none",
        "main:family tree",
        "main:price tag",
        "x\ny",
        "a b c",
        "refs/heads/",
        "..",
        "0" * 40,
        "\udcff",
    ],
)
def test_what_names_nothing_is_none(person: Person, spec: str) -> None:
    objects = person.objects()
    assert objects.resolve(spec) is None
    assert objects.ref(spec) is None
    assert objects.ref("refs/heads/main") == person.head()


def test_trees_and_blobs_are_read(person: Person) -> None:
    (person.top / "link").symlink_to("a.txt")
    person.commit({"odd name\t.txt": "x", "bin": "y"})
    (person.top / "bin").chmod(0o755)
    person.commit({})
    objects = person.objects()
    root = objects.resolve("HEAD^{tree}")
    assert [(e.mode, e.kind, e.name) for e in objects.tree(root)] == [
        ("040000", "tree", ".swarm"), ("100644", "blob", "a.txt"), ("100755", "blob", "bin"),
        ("120000", "blob", "link"), ("100644", "blob", "odd name\t.txt"), ("040000", "tree", "src"),
    ]  # fmt: skip
    assert list(objects.walk(objects.resolve("HEAD:src"), "src")) == ["src/b.txt", "src/c.txt"]
    assert objects.blob(objects.walk(root)["src/b.txt"].oid) == b"b\n"
    assert objects.tree(root) is objects.tree(root)
    with pytest.raises(MissingObject):
        objects.blob("1" * 40)
    with pytest.raises(MissingObject):
        objects.tree(objects.walk(root)["a.txt"].oid)
    assert isinstance(objects.tree(root)[0], TreeEntry)


def test_a_commit_s_fields(person: Person) -> None:
    person.git("commit", "-q", "--allow-empty", "-m", "Title\n\nBody: ü", "--author", "Ünï <u@x>", "--date", "@1 +0100")
    info = person.objects().commit("HEAD")
    assert (info.oid, info.parents) == (person.head(), (person.head("HEAD~1"),))
    assert (info.author, info.author_email, info.message) == ("Ünï", "u@x", "Title\n\nBody: ü\n")
    assert int(info.committed.timestamp()) == int(person.git("show", "-s", "--format=%ct"))


def test_ancestry(person: Person) -> None:
    first = person.head()
    second = person.commit({"x": "1"})
    objects = person.objects()
    for _ in range(2):
        assert objects.is_ancestor(first, second)
        assert objects.is_ancestor(first, first)
        assert not objects.is_ancestor(second, first)
        assert not objects.is_ancestor("1" * 40, first)


def test_objects_that_arrive_later_are_seen(person: Person) -> None:
    objects = person.objects()
    assert objects.resolve("HEAD:later") is None
    person.commit({"later": "x"})
    person.git("gc", "-q")
    assert objects.blob(objects.resolve("HEAD:later")) == b"x"


def test_a_killed_reader_is_started_again_and_threads_may_share_it(person: Person) -> None:
    objects = person.objects()
    head = objects.ref("refs/heads/main")
    os.kill(objects._cat._child.pid, signal.SIGKILL)
    answers = []

    def ask() -> None:
        answers.extend(objects.ref("refs/heads/main") for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [head] * 200


def test_the_reader_ends_when_its_owner_closes_it(person: Person) -> None:
    objects = person.objects()
    objects.ref("refs/heads/main")
    pid = objects._cat._child.pid
    objects.close()
    assert not Path(f"/proc/{pid}").exists()
    assert objects.ref("refs/heads/main") == person.head()


def test_the_cost_of_reading_a_ref_is_printed(person: Person, capsys) -> None:
    objects = person.objects()
    objects.ref("refs/heads/main")
    start = time.perf_counter()
    for _ in range(200):
        objects.ref("refs/heads/main")
    with capsys.disabled():
        print(f"\nref: {(time.perf_counter() - start) / 200 * 1e3:.3f} ms")


def test_replaced_objects_are_read_as_they_are(person: Person) -> None:
    old = person.head()
    new = person.commit({"a.txt": "replaced\n"})
    person.git("replace", old, new)
    assert person.objects().commit(old).oid == old
    assert person.objects().tree_of(old) != person.objects().tree_of(new)


def test_discovery_from_a_subfolder_a_linked_worktree_and_a_bare_repository(person: Person, tmp_path: Path) -> None:
    environ = {**person.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    found = discover(person.top / "src", environ)
    assert (found.common_dir, found.top, found.algorithm) == (person.top / ".git", person.top, "sha1")
    assert found.live == person.top / ".git/swarmgit"
    assert found.store.parent == tmp_path / "state/swarmgit"
    assert found.store.name.startswith("project-")
    person.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = discover(tmp_path / "linked", environ)
    assert (linked.common_dir, linked.top, linked.store) == (found.common_dir, tmp_path / "linked", found.store)
    assert linked.git_dir == found.common_dir / "worktrees/linked"
    person.git("init", "-q", "--bare", str(tmp_path / "b.git"))
    bare = discover(tmp_path / "b.git", person.environ)
    assert (bare.common_dir, bare.top) == (tmp_path / "b.git", None)
    assert bare.store.parent == person.home / ".local/state/swarmgit"


def test_discovery_says_what_to_do(person: Person, tmp_path: Path) -> None:
    with pytest.raises(PersonMustAct, match="not in a git repository") as missing:
        discover(tmp_path, {**person.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert missing.value.hint == "git init"
    with pytest.raises(PersonMustAct, match="inside the git directory"):
        discover(person.top / ".git/refs", person.environ)
    with pytest.raises(PersonMustAct, match="not installed"):
        discover(person.top, {"PATH": str(tmp_path)})
    old = tmp_path / "old"
    old.mkdir()
    (old / "git").write_text("#!/bin/sh\n[ $1 = version ] && echo git version 2.30.2 && exit\nexit 129\n")
    (old / "git").chmod(0o755)
    with pytest.raises(PersonMustAct, match=r"git 2\.30 is too old"):
        discover(person.top, {"PATH": f"{old}:{os.environ['PATH']}"})


def test_the_target_is_the_branch_that_names_itself(person: Person) -> None:
    objects = person.objects()
    assert find_target(objects, None) == "main"
    person.git("checkout", "-q", "-b", "trunk")
    person.commit({".swarm/swarm.yaml": "version: 1\ntarget: 'trunk' # it\nbroken: [\n"})
    assert find_target(objects, None) == "trunk"
    person.git("checkout", "-q", "main")
    assert find_target(objects, None) == "main"
    assert find_target(objects, "trunk") == "main"
    person.git("rm", "-q", ".swarm/swarm.yaml")
    person.git("commit", "-q", "-m", "gone")
    assert find_target(objects, "trunk") == "trunk"
    assert find_target(objects, None) == "trunk"
    person.git("branch", "-D", "trunk")
    assert find_target(objects, "trunk") is None


def test_an_empty_repository_has_no_target(tmp_path: Path) -> None:
    person = make_person(tmp_path)
    assert find_target(person.objects(), None) is None
    person.close()


def test_blame_names_the_commit_of_a_line(person: Person) -> None:
    first = person.head()
    second = person.commit({"src/b.txt": "new\nb\n"})
    found = blame(person.common_dir, second, "src/b.txt", 2)
    assert (found.commit, found.line, found.path, found.text) == (first, 1, "src/b.txt", "b")
    assert blame(person.common_dir, second, "src/b.txt", 1).commit == second
    with pytest.raises(PersonMustAct, match="no line 99"):
        blame(person.common_dir, second, "src/b.txt", 99)
    assert AT


def test_where_git_ends_over_a_question_its_words_are_told(person: Person) -> None:
    objects = person.objects()
    person.git("pack-refs", "--all")
    packed = person.common_dir / "packed-refs"
    packed.write_bytes(packed.read_bytes() + b"half a li\n")
    with pytest.raises(TryLater, match=r"unexpected line in .*packed-refs"):
        objects.ref("refs/heads/main")


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"1" * 40 + b"\n"], ids=["empty", "garbage", "dangling"])
def test_a_target_whose_ref_is_broken_is_told_apart_from_one_that_is_not_there(person: Person, content: bytes) -> None:
    (person.common_dir / "refs/heads/main").write_bytes(content)
    assert find_target(person.objects(), "gone") is None
    with pytest.raises(PersonMustAct, match="branch main cannot be read"):
        find_target(person.objects(), "main")


def test_a_write_that_fails_leaves_neither_a_descriptor_nor_a_file(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = person.top / ".git" / "objects"
    before = sorted(folder.rglob("*")), len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "write", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    for number in range(5):
        with pytest.raises(OSError, match="No space"):
            LooseWriter(folder).write([new_object("blob", b"%d" % number, "sha1")])
    assert [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in before[0]] == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before[1]
