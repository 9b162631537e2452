"""What an agent leaves running, and how much of the machine it can take."""

from __future__ import annotations

import os
import time

import msgspec
import pytest
from msgspec.structs import replace

from swarmgit.adapters.sandbox.probe import CACHE_NAME, Found, best
from tests.attacks.stage import Stage, wait_until_gone

DAEMON = """
    import os, sys, time
    for number in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.chdir("/")
                null = os.open("/dev/null", os.O_RDWR)
                for fd in range(3):
                    os.dup2(null, fd)
                os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(30)  # {word}"], {{}})
            os._exit(0)
    time.sleep(0.4)
    open("evil.txt", "w").write("done")
"""


def test_a_daemon_does_not_outlive_its_session(stage: Stage) -> None:
    word = f"daemon-{os.getpid()}-{stage.mode}"
    stage.open()
    stage.attacker(DAEMON.format(word=word))
    stage.run()
    assert wait_until_gone(word) == []
    assert stage.landed() == ["evil"]


def test_a_daemon_does_not_outlive_a_stopped_session(stage: Stage) -> None:
    word = f"stopped-{os.getpid()}-{stage.mode}"
    stage.swarm["minutes_per_session"] = 0.03
    stage.open()
    stage.attacker(
        DAEMON.format(word=word) + "    import signal\n    signal.signal(15, signal.SIG_IGN)\n    time.sleep(40)\n"
    )
    stage.run()
    assert wait_until_gone(word) == []
    assert stage.status("evil").attempts[0].outcome == "timeout"


def test_nothing_is_left_when_the_sessions_parent_is_killed(stage: Stage) -> None:
    word = f"orphan-{os.getpid()}-{stage.mode}"
    stage.open()
    stage.attacker(DAEMON.format(word=word) + "    time.sleep(20)\n")
    world = stage.world(lead=True)
    world.close()
    stage.reconcile(mode="once")
    sessions = stage.root / ".git/swarmgit/sessions"
    end = time.monotonic() + 10
    while not (pids := [path.read_text().split("\n")[0] for path in sessions.glob("*/pid")]) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(int(pids[0]), 9)
    assert wait_until_gone(word) == []


def test_an_agent_cannot_signal_processes_of_the_person(stage: Stage) -> None:
    stage.open()
    stage.attacker(f"""
        import os
        for pid in ({os.getpid()}, os.getppid(), 1):
            if pid > 1:
                attempt(pid, lambda: os.kill(pid, 0) or "reached")
        attempt("group", lambda: os.killpg({os.getpgid(0)}, 0) or "reached")
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    text = stage.loot()
    assert "group refused" in text
    assert f"{os.getpid()} refused" in text
    assert stage.landed() == ["evil"]


def test_a_fork_bomb_is_bounded_and_ends_with_its_session(boxed: Stage) -> None:
    word = f"bomb-{os.getpid()}"
    boxed.policy["limits"] = {"processes": 60}
    boxed.swarm["minutes_per_session"] = 0.1
    boxed.open()
    boxed.attacker(f"""
        import os, sys, time
        word = "{word}"
        begun = time.monotonic()
        most = 0
        try:
            for most in range(300):
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
        except OSError as error:
            loot("refused after", most, error)
        open("evil.txt", "w").write("done")
    """)
    boxed.run(timeout_s=40)
    text = boxed.loot()
    if "refused after" not in text:
        pytest.skip("as root this machine lets nobody limit processes: no control groups")
    assert 20 < int(text.split("refused after")[1].split()[0]) <= 60


def test_memory_is_bounded(stage: Stage) -> None:
    stage.policy["limits"] = {"memory_gb": 0.25}
    stage.open()
    stage.attacker("""
        attempt("a gigabyte", lambda: len(bytearray(1 << 30)))
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=0)
    assert "a gigabyte refused MemoryError" in stage.loot() or stage.landed() == []


def test_files_that_lie_in_memory_take_a_share_of_it_and_no_more(boxed: Stage) -> None:
    boxed.policy["limits"] = {"memory_gb": 0.25}
    boxed.open()
    boxed.attacker("""
        import os
        def fill(path):
            size = 0
            try:
                with open(path, "wb", buffering=0) as file:
                    for _ in range(256):
                        size += file.write(bytes(1 << 20))
            except OSError:
                pass
            os.unlink(path)
            return size >> 20
        for folder in ("/tmp", "/run", "/var/tmp", "/dev/shm"):
            loot("filled", fill(folder + "/big"))
        for folder in ("/", "/dev", "/proc", "/etc", "/usr"):
            attempt(folder, lambda: open(folder + "/big", "w").write("x"))
        open("evil.txt", "w").write("done")
    """)
    boxed.run()
    boxed.assert_nothing_was_had(tried=5)
    sizes = [int(line.split()[1]) for line in boxed.loot().splitlines() if line.startswith("filled")]
    assert len(sizes) == 4
    assert sum(sizes) <= 256
    assert min(sizes) >= 16


@pytest.mark.slow
def test_a_session_that_fills_the_disk_is_ended(stage: Stage) -> None:
    stage.policy["limits"] = {"disk_gb": 0.05}
    stage.open()
    stage.attacker("""
        import os, time
        for number in range(400):
            with open(f"{os.environ['HOME']}/{number}", "wb") as file:
                file.write(b"x" * (1 << 20))
            time.sleep(0.05)
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    assert stage.status("evil").attempts[-1].outcome == "disk-limit"
    assert "limits.disk_gb" in stage.status("evil").reason
    assert stage.landed() == []
    assert stage.status("evil").phase in {"failed", "needs-human"}


def test_a_file_cannot_grow_for_ever_also_when_it_is_sparse(stage: Stage) -> None:
    stage.policy["limits"] = {"file_gb": 0.01}
    stage.open()
    stage.attacker("""
        import os, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        def giant(path):
            with open(path, "wb") as file:
                os.ftruncate(file.fileno(), 1 << 40)
            return os.path.getsize(path)
        def grow(path):
            with open(path, "wb", buffering=0) as file:
                for _ in range(64):
                    if file.write(b"x" * (1 << 20)) < 1 << 20:
                        raise OSError("short")
            return os.path.getsize(path)
        for act in (giant, grow):
            attempt("worktree " + act.__name__, lambda: act("big.bin"))
            attempt("outbox " + act.__name__, lambda: act(OUT + "/big.bin"))
            attempt("home " + act.__name__, lambda: act(os.environ["HOME"] + "/big.bin"))
        for path in ("big.bin",):
            os.unlink(path)
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=6)
    assert stage.landed() == ["evil"]


def forget_groups(stage: Stage) -> None:
    """Have the machine be one where root can make no control groups."""
    world = stage.world()
    found = best(world.cache, stage.sandboxes)
    key, _ = msgspec.json.decode(world.cache.read(CACHE_NAME) or b"", type=tuple[str, Found])
    world.cache.write(CACHE_NAME, msgspec.json.encode((key, replace(found, groups=()))))
    world.close()


@pytest.mark.slow
def test_where_nothing_else_bounds_processes_a_session_with_too_many_is_ended(stage: Stage) -> None:
    word = f"swarm-{os.getpid()}"
    stage.policy["limits"] = {"processes": 40}
    stage.open()
    forget_groups(stage)
    stage.attacker(f"""
        import os, sys, time
        for _ in range(150):  # bounded, whatever becomes of it: each ends by itself
            if os.fork() == 0:
                os.setsid()
                os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(25)", "{word}"])
        time.sleep(20)
        open("evil.txt", "w").write("done")
    """)
    begun = time.monotonic()
    stage.run(timeout_s=40)
    if os.geteuid() == 0:
        assert "more than 48 processes; it was ended" in stage.stderr()
    assert stage.landed() == []
    assert wait_until_gone(word) == []
    assert time.monotonic() - begun < 18
