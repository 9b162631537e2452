"""What hard links are good for, also where there are none: exFAT, SMB, shared folders of virtual machines."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


def claim(path: Path, content: bytes, scratch: Path) -> bool:
    """Make a file that nobody else has made; return False where it is there.

    With hard links it appears with its content, from a file in `scratch`; without, it is empty for an instant.
    """
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="swarmgit-") as fresh:
        fresh.write(content)
        fresh.flush()
        try:
            os.link(fresh.name, path)
        except FileExistsError:
            return False
        except OSError:
            return _claim_plainly(path, content)
    return True


def second_name(source: Path, goal: Path) -> None:
    """Give a file a second name; without hard links a copy with its times. FileExistsError where `goal` is there."""
    try:
        os.link(source, goal)
    except FileExistsError:
        raise
    except OSError:
        handle, name = tempfile.mkstemp(prefix=f".{goal.name}.", dir=goal.parent)
        os.close(handle)
        try:
            shutil.copy2(source, name)
            Path(name).replace(goal)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _claim_plainly(path: Path, content: bytes) -> bool:
    with contextlib.suppress(FileExistsError), path.open("xb") as file:
        try:
            file.write(content)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return True
    return False
