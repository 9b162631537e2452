"""What the machine refuses, in words: no room, no permission, no descriptors. None of it is a bug of ours. Pure."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from swarmgit.errors import PersonMustAct

AGAIN = "then run the same command again"
LOOK = "swarmgit doctor"

SENTENCES: Mapping[int, tuple[str, str]] = {
    errno.ENOSPC: ("no space is left on the disk{at}", f"make room (swarmgit gc removes what is finished), {AGAIN}"),
    errno.EDQUOT: ("your disk quota is used up{at}", f"make room (swarmgit gc removes what is finished), {AGAIN}"),
    errno.EFBIG: ("a file would grow beyond its limit{at}", f"raise it: ulimit -f unlimited, {AGAIN}"),
    errno.EMFILE: ("this process may open no more files{at}", f"allow more: ulimit -n 4096, {AGAIN}"),
    errno.ENFILE: ("this machine has too many files open{at}", f"end what holds them, {AGAIN}"),
    errno.ENOMEM: ("there is not enough memory{at}", f"end what uses it, {AGAIN}"),
    errno.EAGAIN: ("this machine starts no more processes for you{at}", f"end some, or raise ulimit -u, {AGAIN}"),
    errno.EACCES: ("permission denied{at}", "see who owns it: ls -ld {path}"),
    errno.EPERM: (
        "the system does not permit it{at}",
        "see who owns it and its flags: ls -ld {path}; lsattr -d {path}",
    ),
    errno.EROFS: ("the file system is read-only{at}", f"mount it for writing, {AGAIN}"),
    errno.EIO: ("the disk or terminal gives errors{at}", "look at the system's log: dmesg"),
    errno.ENXIO: ("a device is not there{at}", LOOK),
    errno.ENODEV: ("a device is not there{at}", LOOK),
    errno.ESTALE: ("a network folder went away{at}", f"mount it anew, {AGAIN}"),
    errno.ETIMEDOUT: ("the file system does not answer{at}", f"see whether it is mounted, {AGAIN}"),
    errno.ENAMETOOLONG: ("a path is too long for this system{at}", "move the repository or XDG_STATE_HOME further up"),
    errno.ELOOP: ("links lead in a circle{at}", "ls -ld {path}"),
    errno.EOPNOTSUPP: ("this file system cannot do it{at}", LOOK),
    errno.ENOLCK: ("this file system has no locks{at}", "keep the repository on a local disk"),
    errno.EXDEV: ("two places are on different file systems{at}", LOOK),
    errno.EBUSY: ("it is in use{at}", f"end what uses it, {AGAIN}"),
    errno.ETXTBSY: ("a program is just being written{at}", f"wait a moment, {AGAIN}"),
    errno.ENOEXEC: ("the system cannot run a program{at}", "file {path}"),
    errno.E2BIG: ("a command line grew too long{at}", LOOK),
    errno.ENOENT: ("it is not there, or not any more{at}", LOOK),
    errno.ENOTDIR: ("a file is where a folder should be{at}", "ls -ld {path}"),
    errno.EISDIR: ("a folder is where a file should be{at}", "ls -ld {path}"),
    errno.EEXIST: ("something is in the way{at}", "ls -ld {path}"),
    errno.ENOTEMPTY: ("a folder is not empty{at}", "ls -la {path}"),
    errno.EPIPE: ("a program that swarmgit talks to ended in the middle{at}", f"see the system's log, {AGAIN}"),
    errno.ECONNRESET: ("a program that swarmgit talks to ended in the middle{at}", f"see the system's log, {AGAIN}"),
}
"""errno → (what, with the place; the command that answers)."""


def fault_of(error: BaseException) -> PersonMustAct | None:
    """Return what a person can do about a failure of the machine; None: nobody can, it is a bug."""
    if isinstance(error, MemoryError):
        return PersonMustAct(*(each.format(at="") for each in SENTENCES[errno.ENOMEM]))
    if not isinstance(error, OSError) or error.errno not in SENTENCES:
        return None
    return _named(error) or _by_number(error)


def _named(error: OSError) -> PersonMustAct | None:
    """Return the sentence for what has a cause of its own."""
    if error.errno != errno.ENOENT:
        return None
    if error.filename in {"git", b"git"}:
        return PersonMustAct("git is not installed, or not on PATH", "install git 2.38 or newer")
    if error.filename is None and "temporary directory" in str(error.strerror):
        return PersonMustAct(
            "there is no folder for temporary files that can be written",
            f"make the folder that TMPDIR names, or unset TMPDIR, {AGAIN}",
        )
    if error.filename is None:
        return PersonMustAct("the folder that this command was started in is gone", "cd to the repository again")
    return None


def _by_number(error: OSError) -> PersonMustAct:
    what, answer = SENTENCES[error.errno or 0]
    cause = "cause/disk-full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
    place = error.filename
    if isinstance(place, int) or place is None:
        return PersonMustAct(what.format(at=""), LOOK if "{path}" in answer else answer, cause)
    shown = place.decode("utf-8", "backslashreplace") if isinstance(place, bytes) else str(place)
    return PersonMustAct(what.format(at=f": {shown}"), answer.format(path=shown), cause)
