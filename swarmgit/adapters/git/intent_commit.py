"""Committing new files on a branch for a person: in their name, and nothing else of theirs is touched.

The order is files, index, branch. A run that is killed in between leaves new staged files, which the next run finds
to be what it would write anyway, and commits.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.adapters.git.checkouts import Checkout, find_checkouts, main_top, read_head, work_in_progress
from swarmgit.adapters.git.discover import FoundRepository, discover, find_target
from swarmgit.adapters.git.loose import NewObject, new_object
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.overlay import Overlay
from swarmgit.adapters.git.packs import Packs
from swarmgit.adapters.git.run import Git, persons_environment, quoted_place
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, TryLater
from swarmgit.model.ids import CommitId

TRIES_MAX = 5
SKIPPED = frozenset({".git", ".swarm", "node_modules", ".venv", "venv", "target", "__pycache__"})
_PERSONS_GIT = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")


class Committed(Struct, frozen=True):
    """`commit` None: nothing was missing. `drafts`: left alone, because a working tree has them differently."""

    commit: CommitId | None
    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()


@contextlib.contextmanager
def open_intent(cwd: Path, environ: Mapping[str, str]) -> Iterator[GitIntentRepository]:
    """Open the repository around a folder for `swarmgit init`; PersonMustAct where there is none."""
    found = discover(cwd, environ)
    objects = GitObjects(Git(found.common_dir), found.algorithm)
    try:
        yield GitIntentRepository(found, objects, environ)
    finally:
        objects.close()


class GitIntentRepository(Struct, frozen=True):
    """The repository around a person's working folder, for `swarmgit init`."""

    found: FoundRepository
    objects: GitObjects
    environ: Mapping[str, str]

    @property
    def _git(self) -> Git:
        return Git(self.found.common_dir)

    def find_target(self) -> str:
        """Return the target that a committed swarm.yaml names, else origin's default branch, the current one, main."""
        named = find_target(self.objects, None)
        if named:
            return named
        origin = self._git.call("symbolic-ref", "-q", "refs/remotes/origin/HEAD").stdout.decode("utf-8", "replace")
        default = origin.strip().removeprefix("refs/remotes/origin/")
        if default and self._has(default):
            return default
        current = read_head(self._git, self.found.git_dir)
        if current and current.startswith("refs/heads/"):
            return current.removeprefix("refs/heads/")
        if self._has("main"):
            return "main"
        raise PersonMustAct("no branch is checked out, so nothing says where work should land", "git switch main")

    def names(self, target: str) -> frozenset[str]:
        """Return the files in the root and one folder down, committed on `target` or in its working tree."""
        return frozenset({*self._committed_names(target), *self._uncommitted_names(target)})

    def read(self, target: str, path: str) -> bytes | None:
        """Return a file as committed on `target`, else from its working tree; None where it is in neither."""
        oid = self.objects.resolve(f"{paths.branch_ref(target)}:{path}")
        if oid and self.objects.kind(oid) == "blob":
            return self.objects.blob(oid)
        for checkout in self._checkouts(target):
            with contextlib.suppress(OSError):
                return (checkout.top / path).read_bytes()
        return None

    def commit(self, target: str, files: Mapping[str, bytes], message: str) -> Committed:
        """Commit those of `files` that do not exist yet on `target`; files and index of its checkouts follow."""
        ref = paths.branch_ref(target)
        for _ in range(TRIES_MAX):
            head = self._head(target)
            present = self._present(head)
            missing = {path: content for path, content in files.items() if path not in present}
            checkouts = self._checkouts(target)
            drafts = {path for checkout in checkouts for path in self._drafts(checkout, missing)}
            fresh = {path: content for path, content in missing.items() if path not in drafts}
            kept = tuple(sorted(files.keys() & present))
            if not fresh:
                return Committed(None, (), kept, tuple(sorted(drafts)))
            self._refuse_while_busy(checkouts, ref)
            identity = self._identity()
            with self._built(head, fresh, message, identity) as commit:
                for checkout in checkouts:
                    _place_files(checkout, fresh)
                    self._stage(checkout, {path: self._blob(content).oid for path, content in fresh.items()})
                if self._move(ref, head, commit, identity):
                    return Committed(commit, tuple(sorted(fresh)), kept, tuple(sorted(drafts)))
        raise TryLater(f"the branch '{target}' does not hold still", "swarmgit init")

    def _has(self, branch: str) -> bool:
        return self.objects.ref(paths.branch_ref(branch)) is not None

    def _head(self, target: str) -> CommitId | None:
        """Return the target's commit; None for the branch that the first commit of all will make."""
        head = self.objects.ref(paths.branch_ref(target))
        if head is None and self.objects.refs("refs/heads/"):
            raise PersonMustAct(f"there is no branch '{target}'", f"git branch {target}")
        return head

    def _checkouts(self, target: str) -> list[Checkout]:
        ref = paths.branch_ref(target)
        every = find_checkouts(self._git, main_top(self._git))
        return [checkout for checkout in every if checkout.head == ref]

    def _refuse_while_busy(self, checkouts: list[Checkout], ref: str) -> None:
        every = find_checkouts(self._git, main_top(self._git))
        for checkout in {other.git_dir: other for other in (*checkouts, *every)}.values():
            busy = work_in_progress(checkout, ref)
            if busy:
                raise PersonMustAct(
                    f"another git command is at work on this branch in {checkout.top} ({busy})", "git status"
                )

    def _present(self, head: CommitId | None) -> frozenset[str]:
        oid = self.objects.resolve(f"{head}:{paths.SWARM}") if head else None
        if oid is None:
            return frozenset()
        if self.objects.kind(oid) != "tree":
            raise PersonMustAct(f"{paths.SWARM} is a file in this repository; swarmgit needs a folder of that name")
        return frozenset(self.objects.walk(oid, paths.SWARM))

    def _committed_names(self, target: str) -> Iterator[str]:
        head = self.objects.ref(paths.branch_ref(target))
        if head is None:
            return
        for entry in self.objects.tree(self.objects.commit(head).tree):
            if entry.kind == "tree" and entry.name not in SKIPPED:
                below = self.objects.tree(entry.oid)
                yield from (f"{entry.name}/{inner.name}" for inner in below if inner.kind == "blob")
            elif entry.kind == "blob":
                yield entry.name

    def _uncommitted_names(self, target: str) -> Iterator[str]:
        for checkout in self._checkouts(target)[:1]:
            for path in checkout.top.iterdir():
                if path.is_file():
                    yield path.name
                elif path.is_dir() and not path.is_symlink() and path.name not in SKIPPED:
                    with contextlib.suppress(OSError):
                        yield from (f"{path.name}/{inner.name}" for inner in path.iterdir() if inner.is_file())

    def _drafts(self, checkout: Checkout, missing: Mapping[str, bytes]) -> set[str]:
        """Return the paths that a checkout has in its files or index, with a content that is not ours."""
        drafts = set()
        for path, content in missing.items():
            file = checkout.top / path
            if os.path.lexists(file) and (file.is_symlink() or not file.is_file() or file.read_bytes() != content):
                drafts.add(path)
        staged = replace(self._git, git_dir=checkout.git_dir).out("ls-files", "-s", "-z", "--", paths.SWARM)
        for line in staged.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            facts, _, path = line.partition("\t")
            if path in missing and facts.split(" ")[1] != self._blob(missing[path]).oid:
                drafts.add(path)
        return drafts

    def _blob(self, content: bytes) -> NewObject:
        return new_object("blob", content, self.found.algorithm)

    @contextlib.contextmanager
    def _built(
        self, head: CommitId | None, files: Mapping[str, bytes], message: str, identity: Mapping[str, str]
    ) -> Iterator[CommitId]:
        """Yield a commit of `head`'s tree with the files added; nobody collects it before the branch has moved."""
        objects_dir = self.found.common_dir / "objects"
        packs, overlay = Packs(objects_dir), Overlay(self.objects)
        tree = overlay.apply(self.objects.commit(head).tree if head else None, files)
        parents = ("-p", head) if head else ()
        with packs.holding(overlay.new), tempfile.TemporaryDirectory() as store:
            places = {"GIT_OBJECT_DIRECTORY": store, "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted_place(objects_dir)}
            env = {**places, **identity}
            made = self._git.out("commit-tree", tree, *parents, "-F", "-", stdin=message.encode(), env=env)
            content = self._git.out("cat-file", "commit", made.decode().strip(), env=env)
            commit = new_object("commit", content, self.found.algorithm)
            with packs.holding([commit]):
                yield CommitId(commit.oid)

    def _stage(self, checkout: Checkout, oids: Mapping[str, str]) -> None:
        git = replace(self._git, git_dir=checkout.git_dir)
        done = git.call("update-index", "-z", "--index-info", stdin=_index_info(oids))
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise TryLater(f"the index of {checkout.top} cannot be written: {words}", "git status")

    def _move(self, ref: str, old: CommitId | None, new: CommitId, identity: Mapping[str, str]) -> bool:
        """Move the branch, compare-and-swap; False where somebody else moved it first."""
        done = self._git.call(
            "update-ref", "-m", "swarmgit init", ref, new, old or "0" * len(new), env=dict(identity)
        )  # fmt: skip
        if done.returncode == 0:
            return True
        if self.objects.ref(ref) != old:
            return False
        words = done.stderr.decode("utf-8", "replace").strip()
        raise TryLater(f"the branch {ref} cannot be moved: {words}", "swarmgit init")

    def _identity(self) -> dict[str, str]:
        """Return the person's own identity as git would use it, for the environment of a commit."""
        theirs = {name: value for name, value in self.environ.items() if name.startswith(_PERSONS_GIT)}
        settings = {
            name: value for name, value in persons_environment(self.environ).items() if not name.startswith("GIT_A")
        }
        base = {name: value for name, value in settings.items() if not name.startswith("GIT_COMMITTER")} | theirs
        git = Git(self.found.git_dir, base=base)
        found: dict[str, str] = {}
        for role in ("AUTHOR", "COMMITTER"):
            told = git.call("-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT", cwd=self.found.top)
            name, _, rest = told.stdout.decode("utf-8", "replace").partition(" <")
            email = rest.partition(">")[0]
            if told.returncode or not name.strip() or not email:
                raise PersonMustAct(
                    "git does not know who you are, and the commit of .swarm/ is made in your name",
                    'git config --global user.name "Your Name" && git config --global user.email you@example.org',
                )
            found |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": email}
        return found


def _index_info(oids: Mapping[str, str]) -> bytes:
    return b"".join(f"100644 {oid}\t{path}\0".encode() for path, oid in sorted(oids.items()))


def _place_files(checkout: Checkout, files: Mapping[str, bytes]) -> None:
    """Make the files that are not there yet, each whole or not at all; an existing one is never replaced."""
    for path, content in files.items():
        file = checkout.top / path
        for folder in (checkout.top / paths.SWARM, file.parent):
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise PersonMustAct(f"{folder} is in the way: swarmgit needs a folder there")
        file.parent.mkdir(parents=True, exist_ok=True)
        # written in the git folder, so that a kill leaves nothing half-made where the person works
        with tempfile.NamedTemporaryFile(dir=checkout.git_dir, prefix="swarmgit-", delete=True) as fresh:
            fresh.write(content)
            fresh.flush()
            os.fsync(fresh.fileno())
            Path(fresh.name).chmod(0o666 & ~_umask())
            _link(Path(fresh.name), file, content)


def _link(fresh: Path, file: Path, content: bytes) -> None:
    try:
        os.link(fresh, file)
    except FileExistsError:
        return
    except OSError:  # another file system, or one without hard links
        with contextlib.suppress(FileExistsError), file.open("xb") as plain:
            plain.write(content)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
