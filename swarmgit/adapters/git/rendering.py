"""Whether a checkout's own filters can make the files that a landing brings: a file is taken away only then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import lexists
from pathlib import Path

from swarmgit.adapters.git.pathdiff import Change
from swarmgit.adapters.git.run import Git, OutOfTime
from swarmgit.model.ids import CommitId

FILTERS_S_MAX = 5.0
CPU_S_MAX = 60
UNFILTERED = frozenset({"unspecified", "unset", ""})


def unrenderable(
    git: Git, top: Path, commit: CommitId, changes: Mapping[str, Change], seconds_max: float = FILTERS_S_MAX
) -> dict[str, str]:
    """Return the files of `commit` whose filter fails, with git's words; git is asked only where there may be one.

    All filters together have `seconds_max`: one that hangs has failed, and is asked again later.
    """
    late = f"its filter does not end within {seconds_max:g} s"
    wanted = [path for path, (_, after) in changes.items() if after is not None and after.kind == "blob"]
    failing: dict[str, str] = {}
    bounded = git.bounded(CPU_S_MAX, seconds_max)
    for path in filtered(git, top, wanted):
        if late in failing.values():
            failing[path] = late  # nobody waits for a filter twice
            continue
        try:
            done = bounded.call("cat-file", "--filters", f"{commit}:{path}", cwd=top)
        except OutOfTime:
            failing[path] = late
            continue
        if done.returncode != 0:
            failing[path] = done.stderr.decode("utf-8", "replace").strip() or "its filter fails"
    return failing


def filtered(git: Git, top: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Return those of the paths that have a filter; git is asked only where there may be one."""
    if not paths or not _may_be_filtered(git, top, paths):
        return ()
    names = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    done = git.call("check-attr", "-z", "--stdin", "filter", stdin=names, cwd=top)
    fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return tuple(path for path, value in zip(fields[::3], fields[2::3], strict=False) if value not in UNFILTERED)


def _may_be_filtered(git: Git, top: Path, paths: Sequence[str]) -> bool:
    """Return whether there is a file of attributes at all: in the checkout, in the repository, or the person's own."""
    home, config = git.base.get("HOME", ""), git.base.get("XDG_CONFIG_HOME", "")
    own = Path(config) / "git/attributes" if config else Path(home) / ".config/git/attributes"
    if any(lexists(each) for each in (own, git.git_dir / "info/attributes", *_common(git.git_dir))):
        return True
    return any(lexists(f"{top}/{folder}.gitattributes") for folder in _folders(paths))


def _folders(paths: Sequence[str]) -> set[str]:
    """Return the folders that paths lie in, each with a slash behind it, and the top as ''; a landing may be large."""
    found = {""}
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and f"{folder}/" not in found:
            found.add(f"{folder}/")
            folder = folder.rpartition("/")[0]
    return found


def _common(git_dir: Path) -> tuple[Path, ...]:
    """Return where the attributes of a linked worktree's repository are."""
    return (git_dir.parent.parent / "info/attributes",) if git_dir.parent.name == "worktrees" else ()
