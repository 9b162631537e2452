"""Messages on the state branch that cannot be read: one error each, with its place; nothing else waits for them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from swarmgit.model.ids import MailId
from swarmgit.model.mail import Mail
from swarmgit.state import kinds
from swarmgit.state.mailboxes import Mailboxes
from tests.conftest import Repo

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = MailId("01kaaaaaaaaaaaaaaaaaaaaaaa")
GOOD = Mail(ID, "builder-01", "human", "status_update", "fine", AT, ID)
BROKEN = {
    "a type that is none": ("type: status_update", "type: gossip", ":5:1: ", "gossip"),
    "a key that nobody knows": ("subject: fine", "subjekt: fine", ":6:1: ", "unknown key 'subjekt'"),
    "no YAML": ("subject: fine", "subject: {", ":", "expected"),
    "conflict markers": ("subject: fine", "<<<<<<< ours\nsubject: fine", ":6:1: ", "conflict marker"),
    "another version": ("version: 1", "version: 9", "", "the version is not 1"),
}


def write(repo: Repo, files: dict[str, bytes]) -> None:
    """Commit on the state branch, as a careless hand does."""
    world = repo.world()
    try:
        world.state.write(files, "by hand", datetime.now(UTC))
    finally:
        world.close()


def problems(repo: Repo, *command: str) -> list[dict[str, object]]:
    done = repo.swarmgit(*command, "--json", check=False)
    return list(json.loads(done.stdout)["problems"])


@pytest.fixture
def settled(repo: Repo) -> Repo:
    repo.start()
    repo.task("one", """echo '{"to": "human", "subject": "whole"}' > "$SWARM_OUTBOX/a.json"; echo x > one.txt""")
    repo.commit()
    assert repo.reconcile().code == 0
    return repo


@pytest.mark.default_cases("conflict markers")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_message_is_named_with_its_place_wherever_people_look(settled: Repo, kind: str) -> None:
    before, after, place, words = BROKEN[kind]
    path = kinds.MAIL.file(f"human/{ID}")
    text = kinds.MAIL.dump(GOOD).decode().replace('\nsubject: "fine"', "\nsubject: fine")
    assert before in text.replace('"', "")
    write(settled, {path: text.replace('"', "").replace(before, after).encode()})

    (listed,) = problems(settled, "mail", "list")
    shown = settled.swarmgit("mail", "list").stdout
    assert f"error: {path}{place}" in shown
    assert words in shown.lower() or words in shown
    repair = (
        "a newer swarmgit wrote it; use that one"
        if kind == "another version"
        else f"git -C .swarm/state log -p -- {path}"
    )
    assert repair in shown
    assert "whole" in shown, "the others are listed"
    assert [listed] == problems(settled, "status")
    assert f"{path}{place}" in settled.swarmgit("status").stdout
    for command in ("fsck", "doctor"):
        told = settled.swarmgit(command, check=False)
        assert told.returncode == 1
        assert f"{path}{place}" in told.stdout


def test_a_message_under_another_ones_name_is_named_and_nothing_is_held_up(settled: Repo) -> None:
    path = "mail/human/01kbbbbbbbbbbbbbbbbbbbbbbb.yaml"
    write(settled, {path: kinds.MAIL.dump(GOOD), "mail/builder-02/01kc.yaml": b"nothing: right\n"})
    told = [(each["file"], each["line"]) for each in problems(settled, "status")]
    assert told == [("mail/builder-02/01kc.yaml", 1), (path, 0)]

    settled.task("two", """echo '{"to": "human", "subject": "later"}' > "$SWARM_OUTBOX/a.json"; echo x > two.txt""")
    settled.commit()
    assert settled.reconcile().code == 0
    assert sorted(settled.landed()) == ["one", "two"]
    assert "later" in settled.swarmgit("mail", "list").stdout


def test_a_repaired_message_is_no_problem_any_more_and_unchanged_mailboxes_are_not_read_again(settled: Repo) -> None:
    path = kinds.MAIL.file(f"human/{ID}")
    write(settled, {path: b"x: y\n"})
    assert len(problems(settled, "status")) == 1
    settled.reconcile()
    assert from_what_was_kept(settled) == 1
    assert len(problems(settled, "status")) == 1
    write(settled, {path: kinds.MAIL.dump(GOOD)})
    assert problems(settled, "status") == []
    settled.reconcile()
    assert from_what_was_kept(settled) == 0
    assert problems(settled, "status") == []


def from_what_was_kept(repo: Repo) -> int:
    """Return how many messages are told to be broken where no message is read."""
    from swarmgit.state.mailboxes import broken_mail

    world = repo.world()
    try:
        head = world.state.head()
        boxes = Mailboxes(world.objects).at(world.objects.resolve(f"{head}:mail"))
        told = broken_mail(boxes, world.objects, world.cache)
        assert not boxes._parsed
        assert not boxes._boxes, "no mailbox was opened"
        return len(told)
    finally:
        world.close()


def test_archived_mail_and_requests_of_people_are_in_order_for_fsck(settled: Repo) -> None:
    settled.swarmgit("mail", "send", "builder-01", "-s", "hello")
    settled.swarmgit("incident", "new", "odd")
    write(settled, {kinds.MAIL.archive_path(GOOD, AT): kinds.MAIL.dump(GOOD)})
    done = settled.swarmgit("fsck", check=False)
    assert done.returncode == 0, done.stdout
