"""What a session puts into its outbox, as it is read: a session may put anything there."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from specs import agent_spec

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes.executor import LocalExecutor
from swarmgit.model.ids import MailId, SessionId
from swarmgit.model.mail import LETTER_BYTES_MAX, Letter, Outbox
from swarmgit.model.sessions import Session
from swarmgit.observe.outboxes import FILES_MAX, FLOOD_MAX, OutboxReader

NAME = SessionId("01session")
START = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = agent_spec(NAME, started=START)
RUNS = Session.of(SPEC, "running")


class Desk:
    """A session's folder and a reader that looks at it."""

    def __init__(self, root: Path) -> None:
        self.executor = LocalExecutor(root, SystemClock())
        self.folder = root / "sessions" / NAME
        self.outbox = self.folder / "outbox"
        (self.outbox / "read").mkdir(parents=True)
        (self.folder / "inbox").mkdir()
        self.reader = OutboxReader(self.executor)

    def put(self, name: str, content: str | bytes | dict[str, object], age_s: float = 1.0) -> None:
        data = json.dumps(content) if isinstance(content, dict) else content
        path = self.outbox / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        at = datetime.now(UTC).timestamp() - age_s
        os.utime(path, (at, at))

    def look(self, *, later_s: float = 0.0, session: Session = RUNS) -> Outbox:
        now = datetime.now(UTC) + timedelta(seconds=later_s)
        return self.reader.outboxes([session], now).get(NAME, Outbox())

    def problems(self) -> list[str]:
        return [posted.problem for posted in self.look(later_s=1).posted if posted.letter is None]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_json_and_yaml_are_letters_in_the_order_they_were_written(desk: Desk) -> None:
    desk.put("z.json", {"to": "builder-02", "subject": "first"}, age_s=9)
    desk.put("a.yaml", "to: [builder-02, human]\nsubject: second\nbody: |\n  two\n  lines\n", age_s=5)
    desk.put("notes.txt", "not for the mail")
    desk.put("report.md", "not for the mail either")
    desk.put(".half.json", "{")
    assert [posted.letter for posted in desk.look().posted] == [
        Letter(("builder-02",), "first"),
        Letter(("builder-02", "human"), "second", "two\nlines\n"),
    ]


def test_a_letter_that_may_still_be_being_written_waits_until_it_is_left_alone(desk: Desk) -> None:
    desk.put("young.yaml", "to: human\nsubject: half of it", age_s=0)
    desk.put("whole.json", {"to": "human", "subject": "whole"}, age_s=0)
    desk.put("cut.json", '{"to": "human", "subj', age_s=0)
    look = desk.look()
    assert [posted.name for posted in look.posted] == ["whole.json"]
    assert look.is_waiting
    assert sorted(posted.name for posted in desk.look(later_s=1).posted) == ["cut.json", "whole.json", "young.yaml"]


@pytest.mark.parametrize("name", ["cut.json", "cut.yaml"])
@pytest.mark.parametrize("ahead_s", [0.001, 0.2, 3600])
def test_a_letter_that_appears_during_a_look_or_before_a_clock_is_set_back_waits_too(
    desk: Desk, name: str, ahead_s: float
) -> None:
    # given a file that was changed after the time of the look, and is empty yet
    now = datetime.now(UTC)
    changed = now.timestamp() + ahead_s
    desk.put(name, "")
    os.utime(desk.outbox / name, (changed, changed))

    def look(later_s: float) -> Outbox:
        return desk.reader.outboxes([RUNS], now + timedelta(seconds=later_s)).get(NAME, Outbox())

    # when it is looked at, then it waits until it was left alone from one look to another
    assert look(0) == Outbox(is_waiting=True)
    assert look(0.1) == Outbox(is_waiting=True)
    assert look(-60) == Outbox(is_waiting=True), "the clock was set back"
    # and what is written into it in the meantime is the letter
    whole = {"to": "human", "subject": "whole"}
    (desk.outbox / name).write_text(json.dumps(whole))
    os.utime(desk.outbox / name, (changed + 1, changed + 1))
    looks = [*look(-59.9).posted, *look(-59).posted]
    assert {(posted.name, posted.letter) for posted in looks} == {(name, Letter(("human",), "whole"))}
    # and what nobody writes on is a broken letter in the end
    (desk.outbox / name).write_text("{")
    os.utime(desk.outbox / name, (changed + 2, changed + 2))
    assert look(-58) == Outbox(is_waiting=True)
    assert [posted.letter for posted in look(-57).posted] == [None]


def test_a_letter_written_anew_under_its_old_name_is_not_removed_with_the_one_that_was_taken_in(desk: Desk) -> None:
    desk.put("one.json", {"to": "human", "subject": "first"}, age_s=9)
    desk.put("two.json", {"to": "human", "subject": "other"}, age_s=9)
    first = desk.look().posted
    desk.put("one.json", {"to": "human", "subject": "second"}, age_s=5)
    names, times = [posted.name for posted in first], [posted.changed_ns for posted in first]
    assert desk.executor.discard(NAME, "outbox", [*names, "gone.json"], [*times, 7]) == {}
    (left,) = desk.look().posted
    assert left.letter == Letter(("human",), "second")
    assert left.seed not in {posted.seed for posted in first}


def test_of_a_session_that_has_ended_nothing_waits(desk: Desk) -> None:
    desk.put("young.yaml", "to: human\nsubject: it is all there", age_s=0)
    ended = Session.of(SPEC, "ended", exit_code=0)
    assert [posted.name for posted in desk.look(session=ended).posted] == ["young.yaml"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"to": "human", "subject": "x", "form": "me"}, "unknown key 'form'; did you mean 'from'?"),
        ({"subject": "x"}, "'to' must name who gets it: an agent, human, swarmgit, @all, @role:NAME or @convoy:NAME"),
        ({"to": "human"}, "Object missing required field `subject`"),
        ({"to": "human", "subject": " \n"}, "'subject' must not be empty"),
        ({"to": "human", "subject": "x" * 201}, "'subject' has 201 characters; at most 200"),
        ({"to": "human", "subject": "x", "body": 7}, "Expected `str`, got `int` - at `body`"),
        ({"to": "human", "subject": "x", "task": "../a"}, "'task' is not an id: '../a'"),
        ({"to": "human", "subject": "x", "version": 2}, "the version is not 1"),
        ({"to": ["a"] * 51, "subject": "x"}, "'to' names 51 recipients; at most 50, or a group"),
    ],
)
def test_what_is_wrong_with_a_letter_is_said(desk: Desk, content: dict[str, object], problem: str) -> None:
    desk.put("one.json", content)
    assert desk.problems() == [problem]


def test_an_unknown_type_is_answered_with_the_known_ones(desk: Desk) -> None:
    desk.put("one.json", {"to": "human", "subject": "x", "type": "questoin"})
    (problem,) = desk.problems()
    assert problem.startswith("'type' is 'questoin', not one of task_complete, ")
    assert problem.endswith("did you mean 'question'?")


def test_broken_yaml_has_its_place(desk: Desk) -> None:
    desk.put("one.yaml", "to: human\nsubject: [\n")
    desk.put("two.yaml", b"to: human\nsubject: \xff\n")
    desk.put("three.yaml", "to: human\nto: builder-02\nsubject: x\n")
    shown = desk.problems()
    assert len(shown) == 3
    assert all(any(problem.startswith(f"{name}.yaml:") for problem in shown) for name in ("one", "two", "three"))


def test_half_a_character_is_refused_and_breaks_nothing(desk: Desk) -> None:
    desk.put("a.json", r'{"to": "human", "subject": "x \ud800"}')
    desk.put("b.yaml", r'{to: human, subject: x, body: "\uD800"}')
    desk.put("c.yaml", r'{to: human, "\uD800": x}')
    desk.put("d.yaml", r'{to: human, subject: x, type: "\uD800"}')
    problems = desk.problems()
    assert len(problems) == 4
    for problem in problems:
        assert problem.encode()


def test_links_pipes_sockets_and_folders_are_not_read(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"to": "human", "subject": "stolen"}')
    (desk.outbox / "link.json").symlink_to(secret)
    os.mkfifo(desk.outbox / "pipe.json")
    (desk.outbox / "folder.json").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(desk.outbox, os.O_RDONLY)
        try:
            made.bind(f"/proc/self/fd/{here}/s.json")
        finally:
            os.close(here)
        found = desk.problems()
    assert sorted(found) == [
        "link.json: a symbolic link; nothing else than files is sent",
        "pipe.json: not a regular file; nothing else than files is sent",
        "s.json: not a regular file; nothing else than files is sent",
    ]


def test_an_outbox_that_became_a_link_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    desk.outbox.rename(other)
    desk.outbox.symlink_to(other)
    (other / "one.json").write_text('{"to": "human", "subject": "x"}')
    assert desk.look() == Outbox()


def test_a_huge_letter_is_not_read_and_a_huge_number_not_at_once(desk: Desk) -> None:
    desk.put("huge.json", b'{"to": "human", "subject": "x", "body": "' + b"y" * LETTER_BYTES_MAX + b'"}')
    assert desk.problems() == [f"huge.json: too large: at most {LETTER_BYTES_MAX} bytes are sent"]
    for number in range(FILES_MAX + 50):
        desk.put(f"n{number}.json", {"to": "human", "subject": "x"})
    look = desk.look()
    assert (len(look.posted), look.is_waiting) == (FILES_MAX, True)


@pytest.mark.parametrize("kind", ["letters", "junk", "folders", "pipes", "receipts", "long names"])
def test_of_a_flooded_outbox_nothing_is_read_whatever_fills_it(desk: Desk, kind: str) -> None:
    desk.put("one.json", {"to": "human", "subject": "x"})
    for number in range(FLOOD_MAX):
        name = f"n{number}"
        match kind:
            case "letters":
                (desk.outbox / f"{name}.json").touch()
            case "junk":
                (desk.outbox / name).touch()
            case "folders":
                (desk.outbox / name).mkdir()
            case "pipes":
                os.mkfifo(desk.outbox / name)
            case "receipts":
                (desk.outbox / "read" / name).touch()
            case _:
                (desk.outbox / f"{name}{'x' * 200}").touch()
    (desk.outbox / "read" / "last").touch()
    desk.executor.write(NAME, "delivered", b"01abc")
    assert desk.look() == Outbox(delivered=MailId("01abc"), is_flooded=True)


def test_receipts_are_names_of_messages_and_nothing_else(desk: Desk) -> None:
    (desk.outbox / "read" / "01abc").touch()
    (desk.outbox / "read" / "Not A Name").touch()
    (desk.outbox / "read" / "01folder").mkdir()
    assert desk.look().receipts == ("01abc",)


def test_a_letter_that_comes_right_after_a_look_is_seen_at_the_next(desk: Desk) -> None:
    for number in range(200):
        assert desk.look().posted == ()
        desk.put("one.json", {"to": "human", "subject": str(number)}, age_s=0)
        assert len(desk.look().posted) == 1, number
        (desk.outbox / "one.json").unlink()


def test_folders_that_are_named_like_letters_keep_no_letter_waiting(desk: Desk) -> None:
    for number in range(FILES_MAX + 5):
        (desk.outbox / f"a{number}.json").mkdir()
    desk.put("z.json", {"to": "human", "subject": "x"})
    look = desk.look()
    assert ([posted.name for posted in look.posted], look.is_waiting) == (["z.json"], False)


def test_what_cannot_be_removed_is_not_taken_in_again_but_a_new_letter_of_that_name_is(desk: Desk) -> None:
    desk.put("one.json", {"to": "human", "subject": "old"}, age_s=9)
    (desk.outbox / "read" / "01abc").touch()
    (posted,) = desk.look().posted
    desk.executor.write(NAME, "stuck.json", json.dumps([posted.seed, "01abc"]).encode())
    for folder in (desk.outbox, desk.outbox / "read"):  # writing into a file does not change its folder's time
        os.utime(folder, (0, 0))
    assert desk.look() == Outbox()
    desk.put("one.json", {"to": "human", "subject": "new"}, age_s=5)
    assert [each.letter.subject for each in desk.look().posted if each.letter] == ["new"]
