"""A session's life on this machine: started once, exactly as asked, and its end always known."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from msgspec.structs import replace
from session_desk import Desk, session_spec, start_spec, wait

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes import LocalExecutor
from swarmgit.errors import PersonMustAct
from swarmgit.model.endings import Stop
from swarmgit.model.ids import SessionId


def test_a_program_runs_in_its_folder_and_its_end_is_known(desk: Desk) -> None:
    session = desk.sh("ok", "pwd; echo words >&2; echo made > file")

    job = desk.until(session, "succeeded")

    assert (job.exit_code, job.error, job.setup_failed) == (0, "", False)
    assert desk.text(session, "stdout.jsonl").strip() == str(desk.cwd)
    assert desk.text(session, "stderr.log") == "words\n"
    assert (desk.cwd / "file").read_text() == "made\n"
    assert job.ended is not None
    assert abs((datetime.now(UTC) - job.ended).total_seconds()) < 30
    assert job.spec == session_spec(session)


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("no-such-program", 127), ("kill -INT $$", 130)],
)
def test_the_exit_code_is_the_programs(desk: Desk, script: str, code: int) -> None:
    session = desk.sh("code", script)

    job = desk.until(session, "failed", "lost")

    assert (job.state, job.exit_code) == ("failed", code)


def test_a_program_that_does_not_exist_fails_with_127_and_says_so(desk: Desk) -> None:
    desk.executor.start(desk.spec("missing", "/nonexistent/agent"))

    assert desk.until(desk.name("missing"), "failed").exit_code == 127
    assert "/nonexistent/agent" in desk.text(desk.name("missing"), "stderr.log")


def test_a_program_named_like_a_word_of_the_shell_is_still_a_program(desk: Desk) -> None:
    desk.executor.start(desk.spec("builtin", "exit", "0"))

    assert desk.until(desk.name("builtin"), "failed").exit_code == 127


def test_arguments_arrive_as_they_are(desk: Desk) -> None:
    odd = ("a b", "", "$HOME `id` 'quoted' \"too\"", "line\nbreak", "*", "\\", "-n", "ünï")
    desk.executor.start(
        desk.spec("args", sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *odd)
    )

    desk.until(desk.name("args"), "succeeded")

    assert tuple(json.loads(desk.text(desk.name("args"), "stdout.jsonl"))) == odd


def test_nothing_of_the_hosts_environment_leaks(desk: Desk) -> None:
    given = {"PATH": "/usr/bin:/bin", "SWARM_SESSION": desk.name("env"), "A_B": "x y\nz", "EMPTY": ""}
    spec = start_spec(desk.name("env"), "/usr/bin/env", "-0", cwd=desk.cwd)
    desk.executor.start(replace(spec, env=given))

    desk.until(desk.name("env"), "succeeded")

    lines = desk.text(desk.name("env"), "stdout.jsonl").split("\0")
    assert dict(line.split("=", 1) for line in lines if line) == given


def test_a_program_has_no_open_files_of_the_reconciler_and_no_input(desk: Desk) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        session = desk.sh("fds", "ls /proc/self/fd; cat; readlink /proc/self/fd/0")
        desk.until(session, "succeeded")
    finally:
        os.close(read)
        os.close(write)

    *descriptors, stdin = desk.text(session, "stdout.jsonl").split()
    assert (descriptors, stdin) == (["0", "1", "2", "3"], "/dev/null")


def test_files_of_the_start_are_there_before_the_program(desk: Desk) -> None:
    folder = desk.executor.folder(desk.name("files"))
    spec = desk.spec("files", "/bin/sh", "-c", f"cat {folder}/prompt.md {folder}/inbox/1.yaml; ls -d {folder}/outbox")
    desk.executor.start(replace(spec, files={"prompt.md": b"do it\n", "inbox/1.yaml": b"hello\n"}))

    desk.until(desk.name("files"), "succeeded")

    assert desk.text(desk.name("files"), "stdout.jsonl") == f"do it\nhello\n{folder}/outbox\n"


def test_session_yaml_is_readable_yaml_with_a_version(desk: Desk) -> None:
    session = desk.sh("yaml", "true")

    document = yaml.safe_load(desk.text(session, "session.yaml"))

    assert (document["version"], document["id"], document["kind"], document["minutes_max"]) == (
        1,
        session,
        "agent",
        1.0,
    )


def test_setup_runs_first_in_order_and_its_output_is_kept(desk: Desk) -> None:
    session = desk.sh("setup", "cat order", setup=("echo one >> order; echo hello", "echo two >> order"))

    assert desk.until(session, "succeeded", "failed").state == "succeeded"
    assert desk.text(session, "stdout.jsonl") == "one\ntwo\n"
    assert desk.text(session, "setup.log") == "hello\n"


def test_a_failed_setup_ends_the_session_before_the_program(desk: Desk) -> None:
    session = desk.sh("badsetup", "echo ran", setup=("exit 7", "echo more"))

    job = desk.until(session, "failed")

    assert (job.setup_failed, job.exit_code) == (True, 7)
    assert desk.text(session, "stdout.jsonl") == desk.text(session, "setup.log") == ""


def test_twenty_starts_at_once_run_the_program_once(desk: Desk) -> None:
    spec = desk.spec("race", "/bin/sh", "-c", "echo run; sleep 0.2")
    desk.executor.start(
        replace(spec, spec=session_spec(desk.name("warm")), env={**spec.env, "SWARM_SESSION": desk.name("warm")})
    )
    others = [LocalExecutor(desk.live, SystemClock()) for _ in range(20)]
    desk.executor._make(spec.spec, {})
    threads = [threading.Thread(target=other.start, args=(spec,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    desk.until(desk.name("race"), "succeeded")
    wait(lambda: not any(other._launcher._children for other in others if other.poll() or True))

    assert desk.text(desk.name("race"), "stdout.jsonl") == "run\n"


def test_a_start_killed_before_the_spawn_goes_on_with_the_next_call(desk: Desk) -> None:
    spec = desk.spec("again", "/bin/echo", "hello")

    def die(name: str) -> None:
        if name == "executor.spawn":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(desk.live, SystemClock(), fault=die).start(spec)
    assert desk.job(desk.name("again")).state == "queued"
    desk.executor.start(spec)

    desk.until(desk.name("again"), "succeeded")
    desk.executor.start(spec)
    assert desk.text(desk.name("again"), "stdout.jsonl") == "hello\n"


@pytest.mark.parametrize("point", ["executor.mark", "executor.make"])
def test_a_start_killed_before_the_folder_leaves_no_session(desk: Desk, point: str) -> None:
    def die(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(desk.live, SystemClock(), fault=die).start(desk.spec("half", "/bin/true"))

    assert desk.executor.poll() == {}


def test_a_marker_without_a_folder_is_removed_once_it_is_old(desk: Desk) -> None:
    desk.until(desk.sh("first", "true"), "succeeded")
    marker = desk.live / "active" / desk.name("orphan")
    marker.touch()
    desk.executor.poll()
    assert marker.exists()
    os.utime(marker, (1, 1))

    desk.executor.poll()

    assert not marker.exists()


def test_a_refused_session_is_seen_like_any_other_end(desk: Desk) -> None:
    desk.executor.refuse(session_spec(desk.name("no")), "the worktree is gone")
    desk.executor.refuse(session_spec(desk.name("no")), "the worktree is gone")

    job = desk.adopted().job(desk.name("no"))

    assert (job.state, job.exit_code, job.error) == ("failed", None, "the worktree is gone")


def test_a_refusal_of_a_session_that_runs_changes_nothing(desk: Desk) -> None:
    session = desk.sh("runs", "sleep 30")
    wait(lambda: desk.job(session).pid is not None)

    desk.executor.refuse(session_spec(session), "too late")

    assert desk.job(session).state == "running"
    assert desk.stop(session).state == "cancelled"


def test_a_worktree_that_is_gone_is_a_persons_matter(desk: Desk) -> None:
    spec = replace(desk.spec("gone", "/bin/true"), cwd=str(desk.cwd / "nothing"))

    with pytest.raises(PersonMustAct, match="could not start in"):
        desk.executor.start(spec)


def test_a_name_that_the_shell_would_drop_is_refused(desk: Desk) -> None:
    spec = desk.spec("names", "/bin/true")

    with pytest.raises(PersonMustAct, match=r"'A\.B'"):
        desk.executor.start(replace(spec, env={**spec.env, "A.B": "1"}))


def test_an_id_cannot_leave_the_folder(desk: Desk) -> None:
    for bad in ("../x", "a/b", "", ".new-x", "a\0b", "x" * 200):
        with pytest.raises(PersonMustAct):
            desk.executor.folder(SessionId(bad))
        assert desk.executor.poll([SessionId(bad)]) == {}


def test_the_bell_is_touched_at_the_end(desk: Desk) -> None:
    session = desk.sh("bell", "true")

    desk.until(session, "succeeded")

    wait((desk.live / "bell" / session).exists)


def test_last_output_is_the_newest_of_both_streams(desk: Desk) -> None:
    session = desk.sh("out", "echo a; sleep 30")
    wait(lambda: desk.text(session, "stdout.jsonl") == "a\n")
    before = desk.job(session).last_output
    log = desk.executor.folder(session) / "stderr.log"

    os.utime(log, (4_000_000_000, 4_000_000_000))

    assert before is not None
    assert desk.job(session).last_output == datetime.fromtimestamp(4_000_000_000, UTC)
    desk.stop(session, grace_s=0)


def test_which_stream_spoke_last_is_told_where_there_is_time_between_them(desk: Desk) -> None:
    id_ = desk.sh("voices", "echo asks >&2; echo begun; while [ ! -e go ]; do sleep 0.01; done; echo more; sleep 60")
    folder = desk.executor.folder(id_)
    while not all(
        (folder / name).exists() and (folder / name).stat().st_size for name in ("stdout.jsonl", "stderr.log")
    ):
        time.sleep(0.01)
    assert set(desk.job(id_).spoke) == {"stdout", "stderr"}, "their writers may come in any order"
    time.sleep(0.5)
    (desk.cwd / "go").touch()
    while desk.job(id_).spoke != ("stdout",):
        time.sleep(0.01)
    desk.executor.cancel(id_, Stop("the test is over"), 0.0)


def test_a_forgotten_session_is_readable_but_not_reported_nor_started_again(desk: Desk) -> None:
    session = desk.sh("past", "echo words")
    desk.until(session, "succeeded")

    desk.executor.forget(session)
    desk.executor.forget(session)
    desk.executor.start(desk.spec("past", "/bin/sh", "-c", "echo words"))

    assert desk.executor.poll() == {}
    assert desk.text(session, "stdout.jsonl") == "words\n"
    assert desk.job(session).state == "succeeded"


def test_gc_removes_old_forgotten_folders_only(desk: Desk) -> None:
    old, kept, live = (desk.sh(name, "mkdir -p closed/in; chmod 0 closed") for name in ("old", "kept", "live"))
    for session in (old, kept, live):
        desk.until(session, "succeeded")
    desk.executor.forget(old)
    desk.executor.forget(kept)
    now = datetime.now(UTC) + timedelta(seconds=5)

    assert desk.executor.gc(now - timedelta(days=1)) == 0
    assert desk.executor.gc(now, keep={kept}) == 1

    assert sorted(path.name for path in (desk.live / "sessions").iterdir()) == sorted([kept, live])


def test_reading_follows_no_link_and_waits_for_no_pipe(desk: Desk) -> None:
    session = desk.sh("read", "true")
    desk.until(session, "succeeded")
    outbox = desk.executor.folder(session) / "outbox"
    (outbox / "link").symlink_to("/etc/passwd")
    (outbox / "etc").symlink_to("/etc")
    (outbox / "folder").mkdir()
    os.mkfifo(outbox / "pipe")
    (outbox / "file").write_bytes(b"0123456789")

    reads = {
        name: desk.executor.read(session, f"outbox/{name}") for name in ("link", "etc/passwd", "folder", "pipe", "no")
    }

    assert reads == dict.fromkeys(reads, b"")
    assert desk.executor.read(session, "outbox/file", offset=3, size_max=4) == b"3456"
    for bad in ("../x", "/etc/passwd", "outbox//x", "."):
        with pytest.raises(ValueError):
            desk.executor.read(session, bad)


def test_writing_is_whole_and_follows_no_link(desk: Desk, tmp_path) -> None:
    session = desk.sh("write", "true")
    desk.until(session, "succeeded")
    folder = desk.executor.folder(session)
    (tmp_path / "other").mkdir()
    (folder / "trap").symlink_to(tmp_path / "other")

    desk.executor.write(session, "inbox/a.yaml", b"one")
    desk.executor.write(session, "inbox/a.yaml", b"two")
    with pytest.raises(OSError):
        desk.executor.write(session, "trap/x", b"out")

    assert desk.executor.read(session, "inbox/a.yaml") == b"two"
    assert sorted(p.name for p in (folder / "inbox").iterdir()) == ["a.yaml"]
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("junk", [b"", b"{", b"[1]", b'{"code": "x"}', b'{"code": true}', b"\xff", b"[" * 60000])
def test_a_damaged_end_is_a_failure_with_a_reason(desk: Desk, junk: bytes) -> None:
    session = desk.sh("junk", "true")
    desk.until(session, "succeeded")
    (desk.executor.folder(session) / "exit.json").write_bytes(junk)

    job = desk.adopted().job(session)

    assert (job.state, job.exit_code, job.error) == ("failed", None, "exit.json cannot be read")


def test_a_damaged_session_file_hides_only_that_session(desk: Desk) -> None:
    good, bad = desk.sh("good", "true"), desk.sh("bad", "true")
    for session in (good, bad):
        desk.until(session, "succeeded")
    (desk.executor.folder(bad) / "session.yaml").write_bytes(b"\xff{")

    assert set(desk.adopted().executor.poll()) == {good}


def test_no_zombie_stays(desk: Desk) -> None:
    wrappers = []
    for number in range(5):
        session = desk.sh(f"z{number}", "true")
        wrappers.append(desk.executor._launcher._children[session])
        desk.until(session, "succeeded")

    wait(lambda: not (desk.executor.poll() and desk.executor._launcher._children))

    for wrapper in wrappers:
        with suppress(ChildProcessError):  # that is what a number means that nobody has
            assert os.waitpid(wrapper, os.WNOHANG) == (0, 0), (
                "only a zombie has a status; a number may have a new owner"
            )
