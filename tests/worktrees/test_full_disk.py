"""The disk that worktrees lie on is full by an agent's own doing: its work is taken in all the same."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SCRIPT = """
import errno, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from worktree_world import AGENT, AT, World, git, write_files
from swarmgit.model.desired import Scope
from swarmgit.model.ids import SessionId
from swarmgit.model.intake import Intake
import subprocess

root = Path({root!r})
world = World(root)
base = world.commit({{"src/a.py": "a = 1\\n", ".gitignore": "*.log\\n", ".swarm/tasks/t.yaml": "version: 1\\n"}})
world.store.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(world.store)], check=True)
tree = world.lease("s1", base).tree
write_files(tree, {{"src/a.py": "a = 2\\n", "src/new.py": "n = 1\\n"}})

def fill(name):
    try:
        with (tree / name).open("wb", buffering=0) as junk:
            while True:
                junk.write(b"x" * 4096)
    except OSError as error:
        assert error.errno == errno.ENOSPC, error

fill({junk!r})
found = world.trees.capture(SessionId("s1"), "Do it\\n", AGENT, AT, Intake(Scope(owns=("src/**",)), file_bytes=1 << 20))
print("changes", *(change.path for change in found.changes))
print("objections", *found.objections)
print("left", *(found.left_out.items if found.left_out else ()))
print("there", (tree / {junk!r}).exists(), (tree / "src/new.py").read_text().strip())
world.release("s1")
again = world.lease("s2", base)
print("again", (again.tree / "src/a.py").read_text().strip(), (again.tree / {junk!r}).exists())
"""


def run(root: Path, junk: str) -> dict[str, str]:
    text = SCRIPT.format(here=str(HERE), root=str(root), junk=junk)
    words = ["unshare", "--map-root-user", "--mount", sys.executable, "-c", text]
    if subprocess.run(
        [*words[:3], "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    ).returncode:
        pytest.skip("no mount namespaces here")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())


def test_what_git_ignores_makes_room_and_nothing_else_does(tmp_path: Path) -> None:
    told = run(tmp_path, "src/junk.log")
    assert told == {
        "changes": "src/a.py src/new.py",
        "objections": "",
        "left": "",
        "there": "False n = 1",
        "again": "a = 1 False",
    }


def test_a_giant_in_scope_is_an_objection_and_the_work_is_saved(tmp_path: Path) -> None:
    told = run(tmp_path, "src/giant")
    assert told["changes"] == "src/a.py src/giant src/new.py"
    assert told["objections"].startswith("src/giant is larger than 1 MiB")
    assert told["there"] == "True n = 1"
    assert told["again"] == "a = 1 False"


def test_junk_outside_the_scope_is_left_out_and_the_work_is_saved(tmp_path: Path) -> None:
    told = run(tmp_path, "junk")
    assert (told["changes"], told["objections"]) == ("src/a.py src/new.py", "")
    assert told["left"].startswith("junk ")
    assert told["again"] == "a = 1 False"
