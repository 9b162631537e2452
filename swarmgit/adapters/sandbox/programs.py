"""Which programs of this machine a session sees, and what these need beside themselves.

Without a list in policy.yaml: the system's, and those on the person's PATH with the installation around them. With a
list: only those, and what the shell itself cannot do without. Reading is what is taken away, so a forbidden program
cannot be started by another one, through the loader, or as a copy.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from swarmgit.adapters.sandbox.trails import Seen, trail

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_BINS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin")
LIBRARIES = ("lib", "lib32", "lib64", "libx32", "libexec", "share", "include", "local/lib", "local/share")
SETTINGS = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "debian_version",
    "fonts",
    "group",
    "host.conf",
    "hosts",
    "inputrc",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "login.defs",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "python3",
    "services",
    "shells",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
"""What of /etc programs cannot do without, and anybody may read: root's own session sees what root can read."""
PACKAGES_MAX = 500
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "git-core"})
_DEPTHS = {"/usr/lib": 3, "/usr/libexec": 3, "/usr/lib64": 3, "/usr/local/lib": 3, "/usr/share": 2}
"""Where libraries have programs of their own, and how deep these are looked for."""


def add_swarmgit(seen: Seen) -> None:
    """Make swarmgit itself visible: inside a session it sends and reads mail."""
    add_program(seen, sys.executable)
    package = Path(__file__).resolve().parents[2]
    seen.add(package, package.parent / "schemas", package.parent / ".swarm-template")


@lru_cache(maxsize=32)
def view(path: str, commands: Sequence[str] | None) -> tuple[Seen, tuple[str, ...]]:
    """Return what is visible of the machine's programs for a PATH, and which folders are hidden in it again.

    `commands` None: all of them. The value is shared: copy it before adding to it.
    """
    seen = Seen()
    seen.add(*(f"/etc/{name}" for name in SETTINGS))
    if commands is None:
        seen.add(*SYSTEM)
        for folder in path.split(os.pathsep):
            _add_folder(seen, folder)
        add_swarmgit(seen)
        return seen, ()
    seen.add(*(f"/usr/{name}" for name in LIBRARIES), *(f"/{name}" for name in LIBRARIES if "/" not in name))
    for link in ("/bin", "/sbin", "/usr/sbin"):
        links, _ = trail(link)
        seen.links.update(links)
    where = os.pathsep.join((path, *SYSTEM_BINS))
    for name in commands:
        found = shutil.which(name, path=where)
        if found is not None:
            add_program(seen, found, where)
    if "swarmgit" in commands:
        add_swarmgit(seen)
    return seen, tuple(sorted(_hidden(seen, "git" in commands)))


def add_program(seen: Seen, program: str, path: str = "", depth: int = 0) -> None:
    """Make one program visible, with its installation and the interpreter that its first line names."""
    seen.add(program)
    _, real = trail(program)
    folder = os.path.dirname(real)  # noqa: PTH120
    if "node_modules" in real.split("/"):
        _add_package(seen, _package(real))
    elif folder not in SYSTEM_BINS:
        for place in (os.path.dirname(program), folder):  # noqa: PTH120
            if os.path.basename(place) in _PROGRAM_FOLDERS and place not in SYSTEM_BINS:  # noqa: PTH119
                _add_installation(seen, Path(place))
    for interpreter in _interpreter(real, path) if depth < 3 else ():
        add_program(seen, interpreter, path, depth + 1)


def _add_folder(seen: Seen, folder: str) -> None:
    """Make a folder of PATH visible, and what its links lead to."""
    if not folder.startswith("/") or not os.path.isdir(folder) or seen.has(trail(folder)[1]):  # noqa: PTH112
        return
    place = Path(folder)
    if place == place.parent or Path.home().is_relative_to(place):
        return
    seen.add(place)
    _add_installation(seen, place)
    with os.scandir(place) as entries:
        links = [entry.path for entry in entries if entry.is_symlink()]
    for link in links:
        if not seen.has(trail(link)[1]):
            add_program(seen, link)


def _add_installation(seen: Seen, folder: Path) -> None:
    """Make visible what programs in a `bin` folder need: a virtual environment whole, else the libraries beside."""
    prefix = folder.parent
    settings = prefix / "pyvenv.cfg"
    if settings.is_file():
        seen.add(prefix)
        for base in _bases(settings):
            if str(base) not in SYSTEM_BINS and not seen.has(str(base)):
                seen.add(base)
                _add_installation(seen, base)
    elif prefix.name == ".pyenv":
        seen.add(prefix)
    elif prefix.name == ".cargo":
        seen.add(folder, prefix.parent / ".rustup")
    elif prefix.is_relative_to("/opt") and prefix != Path("/opt"):
        seen.add(prefix)
    elif prefix != Path("/"):
        seen.add(*(prefix / name for name in ("lib", "lib64", "libexec") if prefix != Path.home()))


def _bases(settings: Path) -> Iterator[Path]:
    for line in settings.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip().startswith("/"):
            yield Path(value.strip())


def _add_package(seen: Seen, folder: str) -> None:
    """Make a package visible with those it depends on: beside it, where the installation has put them."""
    wanted, known = [folder], set[Path]()
    while wanted and len(known) < PACKAGES_MAX:
        package = Path(wanted.pop())
        if package in known or not package.is_dir():
            continue
        known.add(package)
        seen.add(package)
        beside = package.parent if package.parent.name == "node_modules" else package.parent.parent
        wanted += [str(beside / name) for name in _dependencies(package)]


def _dependencies(package: Path) -> list[str]:
    """Return what a package's own description says that it depends on; nothing where that cannot be read."""
    try:
        said = json.loads((package / "package.json").read_bytes())
        return [
            name for key in ("dependencies", "optionalDependencies") for name in said.get(key, {}) if ".." not in name
        ]
    except (OSError, ValueError, AttributeError, TypeError):
        return []


def _package(path: str) -> str:
    """Return the folder of the package in `node_modules` that a file belongs to."""
    parts = path.split("/")
    last = len(parts) - 1 - parts[::-1].index("node_modules")
    length = 2 if len(parts) > last + 1 and parts[last + 1].startswith("@") else 1
    return "/".join(parts[: last + 1 + length])


def _interpreter(program: str, path: str) -> list[str]:
    """Return what a script's first line names; nothing for other programs."""
    try:
        with open(program, "rb") as file:  # noqa: PTH123
            head = file.read(256)
    except OSError:
        return []
    words = head[2:].split(b"\n")[0].decode("utf-8", "replace").split() if head.startswith(b"#!") else []
    if not words or not words[0].startswith("/"):
        return []
    named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    by_env = shutil.which(named[0], path=path) if words[0].endswith("/env") and named else None
    return [words[0], *([by_env] if by_env else [])]


def _hidden(seen: Seen, has_git: bool) -> Iterator[str]:
    """Yield folders of programs inside the libraries that hold none of the visible ones."""
    for folder in _program_folders():
        is_used = any(path.startswith(f"{folder}/") for path in seen.paths)
        if not is_used and not (folder.endswith("/git-core") and has_git):
            yield folder


def _program_folders() -> Iterator[str]:
    for top, depth_max in _DEPTHS.items():
        for root, folders, _ in os.walk(top):
            yield from (f"{root}/{name}" for name in folders if name in _PROGRAM_FOLDERS)
            is_deep = root.count("/") - top.count("/") >= depth_max
            folders[:] = [] if is_deep else [name for name in folders if name not in _PROGRAM_FOLDERS]
