"""Write what a worktree holds into the engine anew, where a damaged copy of it is in the way.

Git does not write an object that is there already, be it unreadable, in the engine or in the person's repository.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from swarmgit.adapters.git.filling import places
from swarmgit.adapters.git.findings import DEFAULT_LIMITS, Limits
from swarmgit.adapters.git.loose import is_whole, loose_path, write_file
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.scan import scan
from swarmgit.adapters.git.slots import Slot


def rewrite(engine: Git, slot: Slot, limits: Limits = DEFAULT_LIMITS) -> int:
    """Write the changed files of a slot's tree, and all its folders; return how many the engine had no good copy of."""
    findings = scan(engine, slot, limits)
    with tempfile.TemporaryDirectory(dir=slot.folder, prefix="work-") as made:
        index, store = Path(made, "index"), Path(made, "objects")
        shutil.copy2(slot.index, index)
        store.mkdir()
        env = {**places(slot, index), "GIT_OBJECT_DIRECTORY": str(store)}
        for option, paths in (("--force-remove", findings.absent), ("--add", findings.present)):
            listing = b"".join(path + b"\0" for path in sorted(paths))
            engine.call("update-index", option, "--replace", "-z", "--stdin", stdin=listing, env=env)
        engine.out("write-tree", "--missing-ok", env=env)
        return sum(_adopt(path, engine.git_dir / "objects") for path in store.glob("??/*"))


def _adopt(path: Path, objects: Path) -> bool:
    """Move an object to its place in the engine, unless a good copy of it is there."""
    oid = path.parent.name + path.name
    goal = loose_path(objects, oid)
    if goal.exists() and is_whole(goal, oid):
        return False
    goal.parent.mkdir(exist_ok=True)
    write_file(goal, path.read_bytes())  # perhaps from another file system
    return True
