"""Answers the system calls that Landlock does not guard: those that change mode, owner and times of a file.

Loaded by landlock_start.py, with nothing but the standard library. The kernel holds such a call and tells us of it; we
open what it names, look where that really lies, and change it ourselves where the session may write. So it does not
matter what the session moves meanwhile. The structures are those of linux/seccomp.h.
"""

# Paths are bytes here, as the session gave them, which pathlib does not take.
# ruff: noqa: PTH101, PTH115

import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

RECEIVE, SEND, IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
NOTE, ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
HERE, NO_FOLLOW, EMPTY_PATH = -100, 0x100, 0x1000
PATH_BYTES_MAX, PAGE = 4096, 4096

libc = ctypes.CDLL(None, use_errno=True)


class Call(NamedTuple):
    """Which argument of a system call is what, None: there is none.

    `what`: mode, owner or times, which begin at argument `value`. `fractions`: how many ns one unit of a second's
    fraction is, 0: times are whole seconds.
    """

    what: str
    value: int
    folder: int | None = None
    path: int | None = None
    flags: int | None = None
    follows: bool = True
    fractions: int = 0


CALLS: Mapping[str, Call] = {
    "chmod": Call("mode", 1, path=0),
    "fchmod": Call("mode", 1, folder=0),
    "fchmodat": Call("mode", 2, folder=0, path=1),
    "fchmodat2": Call("mode", 2, folder=0, path=1, flags=3),
    "chown": Call("owner", 1, path=0),
    "fchown": Call("owner", 1, folder=0),
    "lchown": Call("owner", 1, path=0, follows=False),
    "fchownat": Call("owner", 2, folder=0, path=1, flags=4),
    "utime": Call("times", 1, path=0),
    "utimes": Call("times", 1, path=0, fractions=1000),
    "futimesat": Call("times", 2, folder=0, path=1, fractions=1000),
    "utimensat": Call("times", 2, folder=0, path=1, flags=3, fractions=1),
}


def serve(listener: int, names: Mapping[int, str], write: list[str]) -> None:
    """Answer until nobody is left to ask. `names`: of calls by number; `write`: where files may be changed."""
    tops = [os.fsencode(os.path.realpath(path)) for path in write]
    while True:
        note = bytearray(NOTE.size)
        try:
            fcntl.ioctl(listener, RECEIVE, note)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EINTR}:  # who asked has ended
                continue
            return
        asked, task, _, number, _, _, *arguments = NOTE.unpack(note)

        def is_asking(asked: int = asked) -> bool:
            return _is_asking(listener, asked)

        try:
            _obey(CALLS[names[number]], task, arguments, tops, is_asking)
            answer = 0
        except OSError as error:
            answer = -(error.errno or errno.EPERM)
        except Exception:  # noqa: BLE001 - whatever it asked: it gets an answer, and so does the next
            answer = -errno.EPERM
        try:
            fcntl.ioctl(listener, SEND, ANSWER.pack(asked, 0, answer, 0))
        except OSError:  # it did not wait
            continue


def _is_asking(listener: int, asked: int) -> bool:
    try:
        fcntl.ioctl(listener, IS_VALID, struct.pack("=Q", asked))
    except OSError:
        return False
    return True


def _obey(call: Call, task: int, arguments: list[int], tops: list[bytes], is_asking: Callable[[], bool]) -> None:
    """Do what a task asks for; OSError as the kernel would say it, and where the file lies elsewhere."""
    flags = _signed(arguments[call.flags]) if call.flags is not None else 0
    times = _times(call, task, arguments[call.value]) if call.what == "times" else None
    place = _opened(call, task, arguments, flags)
    try:
        real = os.readlink(b"/proc/self/fd/%d" % place)
        if not is_asking():  # the number of the task may be another's by now
            raise OSError(errno.EPERM, "")
        if not any(real == top or real.startswith(top + b"/") for top in tops):
            raise OSError(errno.EPERM, "")
        name = b"/proc/self/fd/%d" % place
        if call.what == "mode":
            os.chmod(name, arguments[call.value] & 0o1777)
        elif call.what == "owner":
            os.chown(name, _signed(arguments[call.value]), _signed(arguments[call.value + 1]))
        elif libc.utimensat(HERE, name, times, 0) != 0:
            raise OSError(ctypes.get_errno(), "")
    finally:
        os.close(place)


def _opened(call: Call, task: int, arguments: list[int], flags: int) -> int:
    """Return a descriptor that stands for what a call names."""
    folder = _signed(arguments[call.folder]) if call.folder is not None else HERE
    base = f"/proc/{task}/cwd" if folder == HERE else f"/proc/{task}/fd/{folder}"
    pointer = arguments[call.path] if call.path is not None else 0
    path = _text(task, pointer) if pointer else b""
    if not path:
        is_descriptor = call.path is None or not pointer or flags & EMPTY_PATH
        if not is_descriptor:
            raise OSError(errno.ENOENT, "")
        return _open(base.encode(), os.O_PATH, None)
    how = os.O_PATH | (os.O_NOFOLLOW if flags & NO_FOLLOW or not call.follows else 0)
    for own in (b"/proc/self/", b"/proc/thread-self/"):
        if path.startswith(own):
            path = b"/proc/%d/" % task + path[len(own) :]
    if path.startswith(b"/dev/fd/"):
        path = b"/proc/%d/fd/" % task + path[len(b"/dev/fd/") :]
    if path.startswith(b"/"):
        return _open(path, how, None)
    at = _open(base.encode(), os.O_PATH, None)
    try:
        return _open(path, how, at)
    finally:
        os.close(at)


def _open(path: bytes, how: int, at: int | None) -> int:
    return os.open(path, how | os.O_CLOEXEC, dir_fd=at)


def _text(task: int, pointer: int) -> bytes:
    """Return the text at an address, read page by page: behind its end there may be nothing."""
    text = b""
    while len(text) < PATH_BYTES_MAX:
        more = _memory(task, pointer + len(text), PAGE - (pointer + len(text)) % PAGE)
        end = more.find(b"\0")
        if end >= 0:
            return text + more[:end]
        text += more
    raise OSError(errno.ENAMETOOLONG, "")


def _times(call: Call, task: int, pointer: int) -> bytes | None:
    """Return two struct timespec, None for now."""
    if not pointer:
        return None
    if not call.fractions:
        first, last = struct.unpack("=2q", _memory(task, pointer, 16))
        return struct.pack("=4q", first, 0, last, 0)
    first, first_part, last, last_part = struct.unpack("=4q", _memory(task, pointer, 32))
    return struct.pack("=4q", first, first_part * call.fractions, last, last_part * call.fractions)


def _memory(task: int, pointer: int, size: int) -> bytes:
    place = os.open(f"/proc/{task}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = os.pread(place, size, pointer)
    finally:
        os.close(place)
    if not found:
        raise OSError(errno.EFAULT, "")
    return found


def _signed(value: int) -> int:
    """Return what the lower half of a register is as an int."""
    return ctypes.c_int(value & 0xFFFFFFFF).value
