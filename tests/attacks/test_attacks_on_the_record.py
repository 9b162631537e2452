"""The record of what a session printed: an agent adds to it, within its limit, and can do nothing else to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.stage import Stage, wait_until_gone

HONEST = '{"type": "usage", "input_tokens": 700, "output_tokens": 7}'
TOOLS = f"""
    import fcntl, os, stat, subprocess, sys
    print({HONEST!r}, flush=True)
    print("words", file=sys.stderr, flush=True)
    INSIDE = os.path.dirname(OUT)
    STREAMS = [f"/proc/{{who}}/fd/{{stream}}" for who in ("self", "thread-self", "1", str(os.getppid())) for stream in (1, 2)]
    STREAMS += ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2"]
    STREAMS += [f"{{INSIDE}}/{{name}}" for name in ("stdout.pipe", "stderr.pipe", "setup.pipe")]
    LOGS = [f"{{INSIDE}}/{{name}}" for name in ("stdout.jsonl", "stderr.log", "setup.log")]
    PLACES = STREAMS + LOGS
"""


def folder(stage: Stage, task: str = "evil") -> Path:
    return stage.root / ".git" / "swarmgit" / "sessions" / stage.session_of(task)


def attack(stage: Stage, script: str) -> str:
    """Run an agent that prints honestly, attacks, and hands in its work; return what it printed to stdout."""
    stage.attacker(TOOLS + script + "\n    open('evil.txt', 'w').write('done')\n")
    stage.run()
    assert "words\n" in (folder(stage) / "stderr.log").read_text()
    said = (folder(stage) / "stdout.jsonl").read_text()
    assert said.startswith(HONEST + "\n")
    assert stage.status("evil").attempts[-1].usage.tokens == 707
    return said


def test_it_cannot_be_read_back(stage: Stage) -> None:
    stage.open()
    attack(
        stage,
        """
    for path in PLACES:
        for how in (os.O_RDONLY | os.O_NONBLOCK, os.O_RDWR | os.O_NONBLOCK, os.O_RDWR | os.O_APPEND):
            attempt(path, lambda: os.read(os.open(path, how), 4096))
    attempt("mapped", lambda: __import__("mmap").mmap(1, 16))
    attempt("read", lambda: os.read(1, 16))
    attempt("read errors", lambda: os.read(2, 16))
    ends = os.pipe()
    attempt("spliced", lambda: os.splice(1, ends[1], 16) if hasattr(os, "splice") else os.read(1, 1))
    """,
    )
    stage.assert_nothing_was_had(tried=40)
    assert stage.landed() == ["evil"], stage.status("evil").reason


def test_it_cannot_be_emptied_replaced_or_punched(stage: Stage) -> None:
    stage.open()
    attack(
        stage,
        """
    for path in PLACES:
        attempt("truncate " + path, lambda: os.truncate(path, 0))
        attempt("unlink " + path, lambda: os.unlink(path) if INSIDE in path else os.unlink(os.readlink(path)))
        attempt("rename " + path, lambda: os.rename(path if INSIDE in path else os.readlink(path), OUT + "/moved"))
        attempt("replace " + path, lambda: os.replace(OUT + "/loot.txt", path if INSIDE in path else os.readlink(path)))
        attempt("link " + path, lambda: os.link(path, OUT + "/linked", follow_symlinks=True))
        attempt("link here " + path, lambda: os.link(path, "linked", follow_symlinks=True))
    for stream in (1, 2):
        attempt("ftruncate", lambda: os.ftruncate(stream, 0))
        attempt("fallocate", lambda: os.posix_fallocate(stream, 0, 1 << 30))
        attempt("seek", lambda: os.lseek(stream, 0, os.SEEK_SET))
        attempt("pwrite", lambda: os.pwrite(stream, b"x", 0))
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    def punch(stream):
        if libc.fallocate(stream, 3, ctypes.c_long(0), ctypes.c_long(1 << 20)) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")
    attempt("punch", lambda: punch(1))
    """,
    )
    text = stage.loot()
    assert "GOT" not in text, text
    assert stage.landed() == ["evil"], stage.status("evil").reason


def test_no_mode_of_it_can_be_changed(stage: Stage) -> None:
    stage.open()
    attack(
        stage,
        """
    for path in PLACES:
        attempt("chmod " + path, lambda: os.chmod(path, 0o600))
        attempt("chown " + path, lambda: os.chown(path, os.getuid(), os.getgid()))
        attempt("times " + path, lambda: os.utime(path, (1, 1)))
    for stream in (1, 2):
        attempt("fchmod", lambda: os.fchmod(stream, 0o600))
        attempt("label", lambda: os.setxattr(stream, "user.x", b"x"))
    """,
    )
    text = stage.loot()
    assert "GOT" not in text, text
    assert text.count("refused") >= 30
    assert stage.landed() == ["evil"], stage.status("evil").reason


def test_scripts_may_write_to_their_streams_by_name(stage: Stage) -> None:
    stage.open()
    said = attack(
        stage,
        """
    for path in ("/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "/proc/self/fd/2", "/dev/fd/1", "/dev/fd/2"):
        for how in (">", ">>"):
            subprocess.run(["/bin/sh", "-c", f"echo by {path} {how} {path}"], check=True)
        subprocess.run(["/bin/sh", "-c", f"echo tee by {path} | tee {path} {path}"], check=True)
        with open(path, "a") as file:
            file.write(f"python by {path}\\n")
        with open(path, "w") as file:
            file.write(f"python w by {path}\\n")
    """,
    )
    errors = (folder(stage) / "stderr.log").read_text()
    assert stage.landed() == ["evil"], errors
    for path, text in (
        ("/dev/stdout", said),
        ("/proc/self/fd/1", said),
        ("/dev/stderr", errors),
        ("/dev/fd/2", errors),
    ):
        lines = (f"by {path}", f"tee by {path}", f"python by {path}", f"python w by {path}")
        assert [text.splitlines().count(line) for line in lines] == [2, 3 if text is said else 2, 1, 1], path


FLOODS = {
    "its own stream": "subprocess.run(['/bin/sh', '-c', 'yes'])",
    "its stream of errors by name": "subprocess.run(['/bin/sh', '-c', 'yes > /dev/stderr'])",
    "a descriptor that a grandchild has inherited": (
        "subprocess.Popen(['/bin/sh', '-c', '(setsid yes &) ; exit 0'], start_new_session=True)\n"
        "    import time\n    time.sleep(30)"
    ),
    "a program that does not care for the end of the pipe": (
        "import signal, time\n    signal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"
        "    for _ in range(10_000_000):\n"
        "        try:\n            os.write(1, b'x' * 65536)\n"
        "        except OSError:\n            time.sleep(0.5)"
    ),
}


@pytest.mark.parametrize("how", FLOODS)
def test_it_ends_at_its_limit_and_so_does_the_session_with_its_work_saved(stage: Stage, how: str) -> None:
    _floods(stage, FLOODS[how])


@pytest.mark.parametrize("how", FLOODS)
def test_its_limit_holds_without_a_sandbox(judged: Stage, how: str) -> None:
    if judged.mode == "off":
        _floods(judged, FLOODS[how])


def _floods(stage: Stage, script: str) -> None:
    stage.policy["limits"] = {"disk_gb": 0.004}
    stage.open()
    stage.attacker("import os, subprocess\nopen('evil.txt', 'w').write('half')\n" + script.replace("\n    ", "\n"))
    stage.run()
    last = stage.status("evil").attempts[-1]
    assert last.outcome in {"output-limit", "disk-limit"}, last
    assert "limits.disk_gb" in last.reason
    assert last.salvage is not None
    assert stage.git("show", f"{last.salvage}:evil.txt") == "half"
    size_max = int(0.004 * (1 << 30))
    logs = [folder(stage) / name for name in ("stdout.jsonl", "stderr.log")]
    assert all(log.stat().st_size <= size_max for log in logs)
    assert stage.landed() == []
    assert wait_until_gone(last.session) == []


def test_a_gate_ends_at_the_limit_and_says_so(judged: Stage) -> None:
    judged.policy["limits"] = {"output_mb": 4}
    judged.gates = [{"name": "loud", "run": "trap '' PIPE; head -c 20000000 /dev/zero; true"}]
    judged.open()
    judged.attacker("open('evil.txt', 'w').write('x')")
    judged.run()
    assert judged.landed() == []
    assert "output-limit" in judged.status("evil").reason


@pytest.mark.slow
def test_set_up_ends_at_the_limit_and_cannot_write_the_list_of_what_it_made(stage: Stage) -> None:
    stage.swarm["worktree"] = {"setup": ["git config core.fsmonitor 'sh monitor.sh'; echo made > made.txt"]}
    lines = "for one in 1 2; do : > /proc/self/fd/$one; : > /proc/$PPID/fd/$one; done; yes | head -c 30000000 >&2\n"
    stage.policy["limits"] = {"output_mb": 4}
    stage.open({"README.md": "x\n", "monitor.sh": lines, ".gitignore": "made.txt\n"})
    stage.attacker("open('evil.txt', 'w').write('x')")
    stage.run()
    for log in (stage.root / ".git" / "swarmgit" / "sessions").glob("*/setup.log"):
        assert log.stat().st_size <= 4 << 20
    last = stage.status("evil").attempts[-1]
    assert last.outcome == "output-limit", "a program that waits for the writer of set-up is stopped"
    assert wait_until_gone(last.session) == []
    assert stage.before == stage.after


@pytest.mark.slow
def test_all_that_a_session_writes_counts_together(stage: Stage) -> None:
    stage.policy["limits"] = {"disk_gb": 0.05}
    stage.open()
    stage.attacker("""
        import os, sys, time
        block = b"x" * (12 << 20)
        for place in ("big", OUT + "/big", os.environ["HOME"] + "/big"):
            with open(place, "wb") as file:
                file.write(block)
        os.write(1, b"y\\n")
        for stream in (1, 2):
            left = 12 << 20
            while left:
                left -= os.write(stream, b"z" * min(left, 65536))
        time.sleep(40)
    """)
    stage.run()
    last = stage.status("evil").attempts[-1]
    assert last.outcome == "disk-limit", last
    assert "limits.disk_gb" in last.reason
    assert last.left_out is not None
    assert last.left_out.ref
    assert int(stage.git("cat-file", "-s", f"{last.left_out.ref}:big")) == 12 << 20, "it is saved whole"


def test_a_session_that_ends_its_writers_is_lost_and_others_are_not(judged: Stage) -> None:
    judged.swarm["attempts_max"] = 3
    judged.open()
    judged.attacker(f"""
        import os, signal, time
        print({HONEST!r}, flush=True)
        log = os.path.join(os.path.dirname(OUT), "stdout.jsonl")
        while os.access(log, os.R_OK) and os.path.getsize(log) == 0:
            time.sleep(0.05)
        path = os.path.join(os.path.dirname(OUT), "writers")
        attempt("writers", lambda: [os.kill(int(pid), signal.SIGKILL) for pid in open(path).read().split()])
        print("unheard", flush=True)
        open("evil.txt", "w").write("done")
    """)
    judged.run()
    outcomes = [attempt.outcome for attempt in judged.status("evil").attempts]
    if judged.mode == "off":
        assert set(outcomes) == {"lost"}
        assert judged.status("evil").phase in {"needs-human", "failed"}
        assert len(outcomes) <= 5
        assert all(attempt.usage.tokens for attempt in judged.status("evil").attempts)
    else:
        assert outcomes == ["landed"]
        assert "GOT" not in judged.loot()
