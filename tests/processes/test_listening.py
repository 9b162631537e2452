"""Listening to sessions: a bounded piece at a look, nobody starves, and a place that survives the process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from session_desk import Desk

from swarmgit import runtimes
from swarmgit.documents import paths
from swarmgit.model.endings import Stop
from swarmgit.model.ids import SessionId
from swarmgit.model.usage import Usage
from swarmgit.observe.hearing import KEPT_EVERY_BYTES, LOOK_BYTES_MAX, PIECE_BYTES, UNREAD_BYTES_MAX, Ear, Listener
from swarmgit.ports.runtimes import StreamReader
from swarmgit.runtimes.jsonlines import JsonLinesReader

USAGE = b'{"type": "usage", "input_tokens": 1}\n'
STILL: Callable[[], float] = lambda: 0.0  # noqa: E731  a clock that stands still: the bytes alone bound a look


class Room:
    """Sessions that have ended, whose output a test writes by hand, and those who listen to them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.read = 0

    def session(self, name: str, output: bytes = b"") -> SessionId:
        id_ = self.desk.sh(name, "true")
        self.desk.until(id_, "succeeded")
        self.output(id_).write_bytes(output)
        return id_

    def output(self, id_: SessionId) -> Path:
        return self.desk.executor.folder(id_) / "stdout.jsonl"

    def listener(self, *, notes: bool = True, clock: Callable[[], float] = STILL) -> Listener:
        return Listener(self.desk.executor, self.reader, clock, self.desk.executor if notes else None)

    def reader(self, adapter: str) -> StreamReader:
        made = runtimes.stream_reader(adapter)
        feed = made.feed

        def counted(chunk: bytes) -> None:
            self.read += len(chunk)
            feed(chunk)

        made.feed = counted  # type: ignore[method-assign]
        return made

    def look(self, listener: Listener, *ids: SessionId) -> dict[SessionId, Ear]:
        jobs = self.desk.executor.poll(ids)
        return listener.listen([(id_, jobs[id_], "command") for id_ in ids], ids)

    def to_the_end(self, listener: Listener, id_: SessionId) -> tuple[Ear, int]:
        for number in range(1, 5000):
            ear = self.look(listener, id_)[id_]
            if ear.is_at_the_end:
                return ear, number
        raise AssertionError("it never came to the end")


@pytest.fixture
def room(desk: Desk) -> Room:
    return Room(desk)


def test_one_look_reads_a_bounded_piece_and_the_rest_is_said_to_be_unread(room: Room) -> None:
    id_ = room.session("flood", b"y\n" * (5 << 20) + USAGE)
    listener = room.listener()

    ear = room.look(listener, id_)[id_]

    assert room.read <= LOOK_BYTES_MAX + PIECE_BYTES
    assert ear.hearing.unread == room.output(id_).stat().st_size - ear.offset > 0
    ear, looks = room.to_the_end(listener, id_)
    assert (ear.stream().usage, ear.hearing.unread, looks > 1) == (Usage(1), 0, True)


def test_one_look_takes_a_bounded_time_whatever_the_adapter_makes_of_it(room: Room) -> None:
    id_ = room.session("slow", USAGE * (PIECE_BYTES // len(USAGE)) * 40)
    ticks = iter(range(1000))
    listener = room.listener(clock=lambda: next(ticks) * 0.03)

    room.look(listener, id_)

    assert 0 < room.read <= 3 * PIECE_BYTES


def test_who_floods_does_not_keep_others_from_being_heard(room: Room) -> None:
    floods = [room.session(f"flood{number}", b"y\n" * (4 << 20)) for number in range(3)]
    quiet = room.session("quiet", USAGE)
    listener = room.listener()

    ears = room.look(listener, *floods, quiet)

    assert ears[quiet].stream().usage == Usage(1)
    assert all(ears[id_].offset > 0 for id_ in floods)


def test_a_look_that_has_no_time_left_begins_with_others_the_next_time(room: Room) -> None:
    many = [room.session(f"s{number}", USAGE * 2000) for number in range(4)]
    ticks = iter(range(100_000))
    listener = room.listener(clock=lambda: next(ticks) * 1.0)

    for _ in many:
        ears = room.look(listener, *many)

    assert all(ears[id_].offset > 0 for id_ in many)


def test_another_process_goes_on_where_the_reconciler_stood(room: Room) -> None:
    id_ = room.session("long", USAGE * 40_000)
    whole, _ = room.to_the_end(room.listener(), id_)
    assert (room.output(id_).parent / paths.HEARD_FILE).exists()

    room.read = 0
    again, looks = room.to_the_end(room.listener(notes=False), id_)

    assert room.read <= KEPT_EVERY_BYTES
    assert (again.stream(), looks) == (whole.stream(), 1)
    assert again.stream().usage == Usage(40_000)


@pytest.mark.parametrize("broken", ["state", "restore"])
def test_a_reader_that_cannot_keep_what_it_knows_makes_its_own_session_deaf(room: Room, broken: str) -> None:
    ids = [room.session(name, USAGE * 10_000) for name in ("theirs", "ours")]
    for id_ in ids:
        room.to_the_end(room.listener(), id_)

    class Theirs(JsonLinesReader):
        def state(self) -> bytes:
            raise RuntimeError("state")

        def restore(self, state: bytes) -> bool:
            if broken == "restore":
                raise RuntimeError("restore")
            return False

    jobs = room.desk.executor.poll(ids)
    readers = {"theirs": Theirs, "command": JsonLinesReader}
    listener = Listener(room.desk.executor, lambda adapter: readers[adapter](), STILL, room.desk.executor)
    for id_ in ids:
        note = room.output(id_).parent / paths.HEARD_FILE
        note.write_bytes(note.read_bytes().replace(b'"command"', b'"theirs"'))
    named = list(zip(ids, jobs.values(), ("theirs", "command"), strict=True))
    for _ in range(3):
        theirs, ours = listener.listen(named, ids).values()

    assert f"(RuntimeError: {broken})" in theirs.deaf
    assert not ours.deaf
    assert ours.stream().usage == Usage(10_000)


def test_who_only_looks_notes_nothing(room: Room) -> None:
    id_ = room.session("long", USAGE * 40_000)
    folder = room.output(id_).parent
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())

    ear, _ = room.to_the_end(room.listener(notes=False), id_)

    assert ear.stream().usage == Usage(40_000)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


@pytest.mark.default_cases("None")
@pytest.mark.parametrize("kept", [b"", b"{}", b"[" * 5000, b'{"offset": -1}', b"\xff", b'{"version": 2}', None])
def test_a_damaged_note_means_reading_from_the_beginning(room: Room, kept: bytes | None) -> None:
    id_ = room.session("long", USAGE * 40_000)
    room.to_the_end(room.listener(), id_)
    note = room.output(id_).parent / paths.HEARD_FILE
    known = json.loads(note.read_bytes())
    note.write_bytes(kept if kept is not None else json.dumps({**known, "state": {"heard": {"lines": "x"}}}).encode())

    ear, _ = room.to_the_end(room.listener(), id_)

    assert ear.stream().usage == Usage(40_000)
    assert not ear.was_rewritten


@pytest.mark.parametrize("new", [b"", USAGE * 3, b"x" * 20_000, USAGE * 1000])
def test_output_that_shrank_or_was_replaced_is_told_and_nothing_counts_twice(room: Room, new: bytes) -> None:
    id_ = room.desk.sh("live", "sleep 60")
    room.desk.job(id_)
    listener = room.listener()
    room.output(id_).write_bytes(b"one\n" + USAGE * 500)
    assert room.look(listener, id_)[id_].stream().usage == Usage(500)

    room.output(id_).write_bytes(new)
    ear = room.look(listener, id_)[id_]
    with room.output(id_).open("ab") as out:
        out.write(b"\n" + USAGE)
    ear = room.look(listener, id_)[id_]

    assert ear.hearing.was_rewritten
    assert ear.stream().usage == Usage(501)
    room.desk.executor.cancel(id_, Stop("the test is over"), 0.0)


def test_what_is_beyond_all_bounds_is_passed_over_but_for_its_end_and_counted(room: Room) -> None:
    id_ = room.session("giant", USAGE)
    size = UNREAD_BYTES_MAX + (20 << 20)
    with room.output(id_).open("r+b") as out:  # a hole takes no room
        out.truncate(size - len(USAGE) - 1)
        out.seek(0, 2)
        out.write(b"\n" + USAGE)

    ear, looks = room.to_the_end(room.listener(), id_)

    assert ear.stream().usage.input_tokens >= 1
    assert 0 < ear.hearing.passed_over < size
    assert looks < 20


def test_what_a_session_says_between_a_look_and_its_end_is_heard(room: Room) -> None:
    id_ = room.desk.sh(
        "late", "echo first; while [ ! -e go ]; do sleep 0.01; done; echo '" + USAGE.decode().strip() + "'"
    )
    listener = room.listener()
    while not room.output(id_).exists() or not room.output(id_).read_bytes():
        room.look(listener, id_)
    assert room.look(listener, id_)[id_].is_at_the_end

    (room.desk.cwd / "go").touch()
    room.desk.until(id_, "succeeded")
    ear, _ = room.to_the_end(listener, id_)

    assert ear.stream().usage == Usage(input_tokens=1)
