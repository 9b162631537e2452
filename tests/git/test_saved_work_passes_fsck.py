"""Work that did not land is kept in a form that `git fsck --strict` accepts, whatever its agent made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from swarmgit.model.ids import CommitId
from tests.conftest import Repo

BAD_MODULE = '[submodule "x"]\n\tpath = -x\n\turl = --upload-pack=touch\n\tupdate = !touch\n'


@pytest.fixture
def made(repo: Repo) -> Repo:
    return repo.start({"a.txt": "a\n", "sub/b.txt": "b\n"})


def engine_git(repo: Repo, *args: str, stdin: bytes = b"") -> str:
    engine = repo.root / ".git" / "swarmgit" / "engine.git"
    done = subprocess.run(["git", "--git-dir", str(engine), *args], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def tree(repo: Repo, *entries: tuple[bytes, bytes, str]) -> str:
    content = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(oid)) for mode, name, oid in entries)
    return engine_git(repo, "hash-object", "-w", "-t", "tree", "--stdin", "--literally", stdin=content)


def commit(repo: Repo, of: str, *parents: str) -> CommitId:
    words = [word for parent in parents for word in ("-p", parent)]
    repo_words = ["-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", of, "-m", "work", *words]
    return CommitId(engine_git(repo, *repo_words))


def salvaged(repo: Repo, head: CommitId, times: int = 2) -> str:
    """Save it, twice and from another process's view, and return what it is in the person's repository."""
    for _ in range(times):
        world = repo.world(lead=True)
        world.engine.salvage("refs/swarm/salvage/a/s", head)
        world.close()
    return repo.git("rev-parse", "refs/swarm/salvage/a/s")


def strict(repo: Repo) -> str:
    done = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"], cwd=repo.root, capture_output=True, text=True, check=False
    )
    return f"{done.returncode} {done.stdout}{done.stderr}".strip()


@pytest.mark.parametrize(
    "kind",
    [
        "a bad module", "a linked module", "a folder as module", "a twin of git", "git by its short name", "dots",
        "zero-padded modes", "nothing as an object", "long attributes", "a slash in a name", "an odd mode",
        "modules below",
    ],
)  # fmt: skip
def test_what_git_objects_to_is_kept_under_another_name(made: Repo, kind: str) -> None:
    world = made.world(lead=True)
    base = made.git("rev-parse", "HEAD")
    world.engine.code_tree(base)
    world.close()
    blob = engine_git(made, "hash-object", "-w", "--stdin", stdin=b"content\n")
    module = engine_git(made, "hash-object", "-w", "--stdin", stdin=BAD_MODULE.encode())
    long = engine_git(made, "hash-object", "-w", "--stdin", stdin=b"*.x " + b"y" * 5000 + b"\n")
    inner = tree(made, (b"100644", b"c", blob))
    entries = {
        "a bad module": ((b"100644", b".gitmodules", module),),
        "a linked module": ((b"120000", b".gitmodules", blob),),
        "a folder as module": ((b"40000", b".gitmodules", inner),),
        "a twin of git": ((b"40000", b".GIT", inner),),
        "git by its short name": ((b"40000", b"git~1", inner),),
        "dots": ((b"40000", b"..", inner),),
        "zero-padded modes": ((b"040000", b"dir", inner),),
        "nothing as an object": ((b"100644", b"none", "0" * 40), (b"100644", b"some", blob)),
        "long attributes": ((b"100644", b".gitattributes", long),),
        "a slash in a name": ((b"100644", b"x/y", blob),),
        "an odd mode": ((b"100666", b"x", blob),),
        "modules below": ((b"40000", b"deep", tree(made, (b"100644", b".gitmodules", module))),),
    }[kind]
    parent = commit(made, tree(made, *entries), base)
    head = commit(made, tree(made, *entries, (b"100644", b"z.txt", blob)), parent)
    saved = salvaged(made, head)
    assert strict(made).startswith("0"), strict(made)
    assert "error" not in strict(made)
    assert "warning" not in strict(made)
    assert made.git("show", f"{saved}:z.txt") == "content"
    if "module" in kind or "git" in kind:
        names = made.git("ls-tree", "-r", "--name-only", saved)
        assert ".kept" in names
        assert "git objects to it" in made.git("log", "-1", "--format=%B", saved)


def test_work_that_git_accepts_is_kept_as_it_is(made: Repo) -> None:
    made.commit({".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ../x\n', ".gitattributes": "*.x text\n"})
    world = made.world(lead=True)
    world.engine.code_tree(made.git("rev-parse", "HEAD"))
    world.close()
    blob = engine_git(made, "hash-object", "-w", "--stdin", stdin=b"content\n")
    listing = engine_git(made, "ls-tree", made.git("rev-parse", "HEAD")) + f"\n100644 blob {blob}\tz.txt\n"
    head = commit(made, engine_git(made, "mktree", stdin=listing.encode()), made.git("rev-parse", "HEAD"))
    assert salvaged(made, head) == head


def test_the_salvage_of_a_refused_module_leaves_the_repository_sound(repo: Repo, tmp_path: Path) -> None:
    repo.swarm["attempts_max"] = 1
    repo.task("a", f"printf '{BAD_MODULE}' > .gitmodules; echo x > a.txt", owns=["**"])
    repo.start()
    repo.reconcile()
    assert repo.phases() == {"a": "failed"}
    ref = repo.status("a").attempts[0].salvage
    assert ref is not None
    assert strict(repo).startswith("0"), strict(repo)
    assert "upload-pack" in repo.git("show", f"{ref}:gitmodules.kept")
