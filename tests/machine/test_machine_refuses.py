"""What the machine refuses is never called a bug, has its sentence and its code, and heals with its cause."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from without_links import LINK_CALLS, refuse_links

COMMANDS = ("status", "doctor", "fsck", "gc", "reconcile", "init")
EXPECTED = {0, 1, 4}


def ready(repo):
    repo.start()
    repo.task("api")
    repo.commit()
    return repo


def run(repo, command: str, **given) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "swarmgit", *command.split()]
    return subprocess.run(argv, cwd=repo.root, capture_output=True, text=True, check=False, **given)


def is_told(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode in EXPECTED and "bug" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("descriptors", [8, 12, 17])
def test_without_descriptors_every_command_says_so_and_the_next_reconcile_lands(repo, descriptors: int) -> None:
    ready(repo)

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    for command in COMMANDS:
        done = run(repo, command, preexec_fn=few)
        assert is_told(done), (command, done)
        assert done.returncode != 1 or "files" in done.stderr + done.stdout, (command, done)
    assert run(repo, "reconcile").returncode == 0
    assert repo.git("cat-file", "-p", "main:api.txt") == "api"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PATH": "/nonexistent"}, "git is not installed, or not on PATH"),
        ({"XDG_STATE_HOME": "/proc/1"}, "its worktree could not be made"),
        ({"TMPDIR": "/nonexistent"}, ""),
        ({"HOME": ""}, ""),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, ""),
    ],
)
def test_odd_surroundings_have_a_sentence_or_do_not_matter(repo, environ, words: str) -> None:
    ready(repo)
    env = {**os.environ, **environ}
    for command in COMMANDS:
        done = run(repo, command, env=env)
        assert is_told(done), (command, done)
    reconciled = run(repo, "reconcile", env=env)
    assert (reconciled.returncode != 0) == bool(words)
    assert words in reconciled.stderr + run(repo, "why api", env=env).stdout + reconciled.stdout


def test_a_folder_that_is_gone_is_named(repo, tmp_path: Path) -> None:
    ready(repo)
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir "{gone}"; "{sys.executable}" -m swarmgit status'
    done = subprocess.run(
        ["bash", "-c", script], cwd=gone, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1,
        "error: the folder that this command was started in is gone\nhint: cd to the repository again\n",
    )


def in_own_mounts(script: str, repo, size: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script with a small disk of its own at the repository's place, filled with the repository."""
    root = repo.root
    prelude = f'mv "{root}" "{root}.here" && mkdir "{root}" && mount -t tmpfs -o size={size} none "{root}" '
    prelude += f'&& cp -a "{root}.here/." "{root}/" && cd "{root}"'
    env = {**os.environ, "SWARMGIT": f"{sys.executable} -m swarmgit"}
    return subprocess.run(
        ["unshare", "-r", "-m", "bash", "-c", f"{prelude} || exit 99\n{script}"],
        cwd=root.parent, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def has_mounts() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-r", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], check=False,
                          capture_output=True).returncode == 0  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not has_mounts(), reason="no mounts of one's own here")
def test_a_full_disk_has_its_sentence_and_the_work_goes_on_once_there_is_room(repo) -> None:
    ready(repo)
    looks = "\n".join(
        f'said=$($SWARMGIT {command} 2>&1); code=$?; echo "$said" | grep "bug\\|Traceback"; '
        f'[ $code = 0 ] || [ $code = 1 ] || [ $code = 4 ] || echo "{command}: $code"'
        for command in COMMANDS
    )
    done = in_own_mounts(
        f"""dd if=/dev/zero of=filler bs=4k 2> /dev/null
        {looks}
        $SWARMGIT reconcile 2>&1 | grep -qi "no space" || echo "no sentence"
        rm filler
        said=$($SWARMGIT reconcile 2>&1) || echo "$said"
        git cat-file -p main:api.txt
        """,
        repo,
        "16m",
    )
    assert (done.stdout, done.stderr) == ("api\n", "")


@pytest.mark.slow
@pytest.mark.skipif(not has_mounts(), reason="no mounts of one's own here")
def test_a_full_disk_of_worktrees_is_named_where_git_only_names_the_file(repo) -> None:
    repo.start({"big.bin": "0123456789abcdef" * (3 << 16)})
    repo.task("api")
    repo.commit()
    script = """mkdir disk && mount -t tmpfs -o size=2m none disk && export XDG_STATE_HOME=$PWD/disk
        $SWARMGIT reconcile > said; echo $?
        grep -c "its worktree could not be made: no space is left on the disk: .*/disk/" said
        $SWARMGIT incident list | grep -c "the disk is full"
        mount -o remount,size=64m disk
        $SWARMGIT reconcile -q; echo $?"""
    done = in_own_mounts(script, repo, "64m")
    assert (done.stdout.splitlines()[:1], done.stderr) == (["1"], ""), done.stdout
    assert [int(line) > 0 for line in done.stdout.splitlines()] == [True, True, True, False], done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not LINK_CALLS, reason="the numbers of the calls are not known here")
def test_a_disk_without_hard_links_lands_what_agents_made(repo) -> None:
    ready(repo)
    done = run(repo, "reconcile", preexec_fn=refuse_links)
    assert (done.returncode, done.stderr) == (0, "")
    assert (repo.root / "api.txt").read_text() == "api\n"
    assert repo.git("status", "--porcelain") == ""
    assert run(repo, "init", preexec_fn=refuse_links).returncode == 0
