"""What an agent changes of the machine itself: its settings, other processes, programs with somebody's rights."""

from __future__ import annotations

import ctypes
import os
import pty
import resource
import select
import socket
import subprocess
import sys
import tempfile
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.stage import CANARY, Stage, wait_until_gone

HARMLESS = Path("/proc/sys/vm/stat_interval")
CALLS = """
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    def call(name, *arguments):
        if getattr(libc, name)(*arguments) < 0:
            raise OSError(ctypes.get_errno(), name)
        return name
"""
SET_ID = (
    CALLS
    + """
    import shutil
    shutil.copy("/bin/true", "evil.txt")
    shutil.copy("/bin/true", OUT + "/program")
    for path in ("evil.txt", OUT + "/program"):
        for mode in (0o4755, 0o2755, 0o6755):
            attempt("chmod", lambda: os.chmod(path, mode))
        with open(path) as file:
            attempt("fchmod", lambda: os.chmod(file.fileno(), 0o4755))
        attempt("fchmodat", lambda: os.chmod(os.path.basename(path), 0o4755, dir_fd=os.open(os.path.dirname(path) or ".", 0)))
    attempt("fchmodat2", lambda: call("syscall", 452, -100, b"evil.txt", 0o4755, 0))
    attempt("open", lambda: os.open("a", os.O_CREAT | os.O_WRONLY, 0o4755))
    attempt("unnamed", lambda: os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o4755))
    attempt("creat", lambda: call("creat", b"b", 0o6755))
    attempt("mknod", lambda: os.mknod("c", 0o104755))
    how = (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o4755, 0)
    attempt("openat2", lambda: call("syscall", 437, -100, b"d", how, 24))
    os.chmod("evil.txt", 0o1755)
    os.chmod("evil.txt", 0o755)
"""
)


@pytest.fixture
def harmless() -> Iterator[bytes]:
    if not HARMLESS.exists():
        pytest.skip("this kernel has other settings")
    before = HARMLESS.read_bytes()
    yield before
    if os.access(HARMLESS, os.W_OK) and HARMLESS.read_bytes() != before:
        HARMLESS.write_bytes(before)


def test_settings_of_the_kernel_stay_as_they_are(stage: Stage, harmless: bytes) -> None:
    stage.open()
    stage.attacker(f"""
        import glob, os
        attempt("setting", lambda: open({str(HARMLESS)!r}, "w").write("7\\n"))
        attempt("keys", lambda: open("/proc/sysrq-trigger", "w").write("h"))
        attempt("device", lambda: open("/dev/planted", "w").write("x"))
        attempt("mount", lambda: open("/proc/self/uid_map", "w").write("0 0 1"))
        writable = [path for top in ("/proc/sys", "/proc/irq", "/proc/bus", "/sys")
            for path in glob.glob(top + "/**", recursive=True) if os.path.isfile(path) and os.access(path, os.W_OK)]
        def write(path):
            with open(path, "r+b"):
                return "opened"
        for path in writable[:2000]:
            attempt(path, lambda: write(path))
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    stage.assert_nothing_was_had(tried=4)
    assert HARMLESS.read_bytes() == harmless
    assert stage.landed() == ["evil"]


def test_no_program_with_somebodys_rights_is_left_on_the_disk(stage: Stage) -> None:
    stage.open()
    stage.attacker(SET_ID)
    stage.run()
    stage.assert_nothing_was_had(tried=16)
    for top in (stage.home, stage.root):
        assert [path for path in top.rglob("*") if path.is_file() and path.lstat().st_mode & 0o6000] == []
    assert stage.landed() == ["evil"]


def test_what_agents_wrote_is_out_of_other_users_reach(stage: Stage) -> None:
    stage.open()
    stage.attacker("open('evil.txt', 'w').write('x')\nopen(OUT + '/x', 'w').write('x')")
    stage.run()
    trees = list((stage.home / "state").rglob("tree/evil.txt"))
    outboxes = list((stage.root / ".git/swarmgit/sessions").glob("*/outbox/x"))
    assert trees
    assert outboxes
    for path in (*trees, *outboxes):
        tops = (top.stat().st_mode for top in path.parents if {stage.home, stage.root}.intersection(top.parents))
        assert any(not mode & 0o077 for mode in tops), path


def test_processes_of_the_person_keep_their_limits_and_their_turn(stage: Stage) -> None:
    if not Path("/proc/self/limits").exists():
        pytest.skip("not Linux")
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(40)"])
    before = (resource.prlimit(sleeper.pid, resource.RLIMIT_CPU), os.getpriority(os.PRIO_PROCESS, sleeper.pid))
    stage.open()
    stage.attacker(
        CALLS
        + f"""
    import resource
    for pid in ({sleeper.pid}, {os.getpid()}):
        attempt("limit", lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (1000, 1000)))
        attempt("policy", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
        attempt("parameters", lambda: os.sched_setparam(pid, os.sched_param(0)))
        attempt("processors", lambda: os.sched_setaffinity(pid, [0]))
        attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
        attempt("idle", lambda: call("syscall", 251, 1, pid, 3 << 13))
    resource.prlimit(0, resource.RLIMIT_CPU, resource.prlimit(0, resource.RLIMIT_CPU))
    os.setpriority(os.PRIO_PROCESS, 0, 5)
    open("evil.txt", "w").write("done")
    """
    )
    try:
        stage.run()
        after = (resource.prlimit(sleeper.pid, resource.RLIMIT_CPU), os.getpriority(os.PRIO_PROCESS, sleeper.pid))
        assert before == after
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()
    stage.assert_nothing_was_had(tried=12)
    assert stage.landed() == ["evil"]


@pytest.mark.slow
def test_a_crowd_that_the_session_leaves_does_not_outlive_it(stage: Stage) -> None:
    word = f"crowd-{os.getpid()}-{stage.mode}"
    stage.open()
    stage.attacker(f"""
        import os, resource, sys, time
        attempt("cripple", lambda: resource.prlimit(os.getppid(), resource.RLIMIT_AS, (4096, 4096)))
        if os.fork() == 0:
            os.setsid()
            null = os.open("/dev/null", os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            code = "import os, time\\nfor _ in range(200):\\n  if os.fork() == 0: time.sleep(20); os._exit(0)\\n# {word}"
            os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code], {{}})
        time.sleep(1)
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    assert wait_until_gone(word) == []
    assert stage.landed() == ["evil"]


def test_the_persons_terminal_and_shared_memory_are_out_of_reach(stage: Stage) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    key = 0x5157 << 16 | os.getpid() & 0xFFFF
    segment = libc.shmget(key, 4096, 0o1600)
    ctypes.memmove(libc.shmat(segment, None, 0), CANARY.encode(), len(CANARY))
    os.write(master, f"{CANARY} password\n".encode())
    stage.open()
    stage.attacker(
        CALLS
        + f"""
    libc.shmat.restype = ctypes.c_void_p
    def shared():
        call("shmget", {key}, 4096, 0)
        return ctypes.string_at(libc.shmat(libc.shmget({key}, 4096, 0), None, 0), 20)
    def read():
        at = os.open({os.ttyname(slave)!r}, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        os.write(at, b"sudo password: ")
        return os.read(at, 100)
    attempt("terminal", read)
    attempt("shared memory", shared)
    open("evil.txt", "w").write("done")
    """
    )
    try:
        stage.run()
        assert select.select([master], [], [], 0)[0] == []
    finally:
        libc.shmctl(segment, 0, None)
        os.close(master)
        os.close(slave)
    stage.assert_nothing_was_had(tried=2)


def test_with_an_open_network_the_persons_sockets_are_still_out_of_reach(stage: Stage) -> None:
    near = tempfile.TemporaryDirectory(dir="/var/tmp")  # the address of a socket is short
    path = Path(near.name) / "agent.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(4)
    server.setblocking(False)
    stage.policy["network"] = ["full"]
    stage.open()
    stage.attacker(f"""
        import socket
        def go(kind):
            with socket.socket(socket.AF_UNIX, kind) as client:
                client.settimeout(2)
                client.connect({str(path)!r})
                return client.recv(100)
        attempt("stream", lambda: go(socket.SOCK_STREAM))
        attempt("datagrams", lambda: go(socket.SOCK_DGRAM))
        for family in (40, 38, 17, 31):  # of a machine's host, of the kernel's ciphers, packets, bluetooth
            attempt(family, lambda: socket.socket(family, socket.SOCK_STREAM))
        attempt("events of devices", lambda: socket.socket(16, socket.SOCK_RAW, 15))
        a, b = socket.socketpair()
        a.send(b"x")
        assert b.recv(1) == b"x"
        open("evil.txt", "w").write("done")
    """)
    stage.run()
    with near, server, pytest.raises(BlockingIOError):
        server.accept()
    stage.assert_nothing_was_had(tried=7)
    assert stage.landed() == ["evil"]


def test_the_doors_that_containers_keep_shut_are_shut(stage: Stage) -> None:
    stage.open()
    stage.attacker(
        CALLS
        + """
    new = {"unshare " + hex(flag): (272, flag) for flag in (0x10000000, 0x20000, 0x40000000)}
    calls = {"keyctl": (250, 0, -4, 1), "bpf": (321, 0, 0, 0), "perf_event_open": (298, 0, 0, -1, -1, 0),
        "userfaultfd": (323, 1), "io_uring_setup": (425, 1, 0), "mount": (165, b"x", b"/tmp", b"tmpfs", 0, 0),
        "setns": (308, 0, 0), "open_by_handle_at": (304, -100, 0, 0), "kexec_load": (246, 0, 0, 0, 0),
        "init_module": (175, 0, 0, 0), "acct": (163, 0), "swapon": (167, b"/x", 0), "quotactl": (179, 0, 0, 0, 0),
        "settimeofday": (164, 0, 0), "fanotify_init": (300, 0, 0), "chroot": (161, b"."), "fsopen": (430, b"tmpfs", 0),
        "syslog": (103, 3, 0, 0), "sethostname": (170, b"x", 1), "iopl": (172, 3)}
    if os.uname().machine == "x86_64":
        for name, arguments in {**calls, **new}.items():
            attempt(name, lambda: call("syscall", *arguments))
        attempt("typing", lambda: call("ioctl", 0, 0x5412, b"x"))
    open("evil.txt", "w").write("done")
    """
    )
    stage.run()
    stage.assert_nothing_was_had(tried=24 if os.uname().machine == "x86_64" else 0)
    for line in stage.loot().splitlines():
        assert "Operation not permitted" in line or "PermissionError(1, " in line, line
    assert stage.landed() == ["evil"]
