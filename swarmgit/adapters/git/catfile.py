"""One git process that answers for objects, as long as we live."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading

from swarmgit.adapters.git.packedrefs import PackedRefs
from swarmgit.adapters.git.run import Git
from swarmgit.errors import TryLater

OF_OBJECT = re.compile(rb"[0-9a-f]{40}(?![0-9a-z/])|[0-9a-f]{64}(?![0-9a-z/])")
"""What begins with an object's id names no ref."""


class Unreadable(TryLater):
    """git ends over an object whenever it is asked for it."""


class CatFile:
    """`git cat-file --batch-command`, started when first asked, started again if it died, safe for threads."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._packed_refs = PackedRefs(git.git_dir)
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def info(self, spec: str) -> tuple[str, str, int] | None:
        """Return (object id, kind, bytes) of a revision expression, None where it names nothing."""
        answer = self._ask(b"info", spec)
        return None if answer is None else answer[:3]

    def contents(self, spec: str) -> tuple[str, str, bytes] | None:
        """Return (object id, kind, content) of a revision expression, None where it names nothing."""
        answer = self._ask(b"contents", spec)
        return None if answer is None else (answer[0], answer[1], answer[3])

    def close(self) -> None:
        with self._lock:
            self._end()

    def _ask(self, command: bytes, spec: str) -> tuple[str, str, int, bytes] | None:
        name = spec.encode("utf-8", "surrogateescape")
        if not name or b"\n" in name or b"\0" in name:
            return None
        with self._lock:
            if not OF_OBJECT.match(name) and self._packed_refs.have_changed():
                self._end()
            for _ in range(3):
                try:
                    return self._exchange(command, name)
                except (BrokenPipeError, EOFError):
                    self._end()
                except BaseException:
                    self._end()  # interrupted between question and answer
                    raise
        raise Unreadable(f"git in {self._git.git_dir} cannot read {spec}: {self._words(name)}", "git fsck")

    def _words(self, name: bytes) -> str:
        """Return what git says when it is asked once more, as it ends over it."""
        done = self._git.call("cat-file", "--batch", stdin=name + b"\n")
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].removeprefix("fatal: ") if lines else "it ends without an answer"

    def _exchange(self, command: bytes, name: bytes) -> tuple[str, str, int, bytes] | None:
        child = self._child or self._git.start("cat-file", "--batch-command")
        self._child = child
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(command + b" " + name + b"\n")
        child.stdin.flush()
        header = child.stdout.readline()
        if not header.endswith(b"\n"):
            raise EOFError
        fields = header.split()
        is_kind = len(fields) == 3 and fields[1] in {b"blob", b"tree", b"commit", b"tag"}
        if not is_kind or not fields[2].isdigit():  # "docs/family tree missing" has three words as well
            return None
        content, size = b"", int(fields[2])
        if command == b"contents":
            content = child.stdout.read(size + 1)
            if len(content) != size + 1:
                raise EOFError
        return fields[0].decode(), fields[1].decode(), size, content[:-1]

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        child.wait()
