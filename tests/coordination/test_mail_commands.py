"""`mail` and `nudge` as people and agents use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from swarmgit.__main__ import letter_in
from swarmgit.app.desk import SHOWN_MAX, Desk
from swarmgit.cli import mail as commands
from swarmgit.documents import letters
from swarmgit.model import mail as words
from tests.conftest import Repo


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for name in ("inbox", "outbox/read"):
        (tmp_path / name).mkdir(parents=True)
    return Desk(str(tmp_path / "inbox"), str(tmp_path / "outbox"))


def arrive(desk: Desk, id_: str, **fields: object) -> None:
    mail = {
        "id": id_,
        "from": "builder-02",
        "to": "builder-01",
        "type": "question",
        "subject": f"about {id_}",
        **fields,
    }
    (Path(desk.inbox) / f"{id_}.yaml").write_text(json.dumps({"version": 1, "thread": id_, **mail}))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def in_session(desk: Desk, *args: str, module: str = "swarmgit.__main__") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SWARM_SESSION": "01s", "SWARM_INBOX": str(desk.inbox), "SWARM_OUTBOX": str(desk.outbox)}
    begin = f"import sys; from {module} import main; sys.exit(main())"
    argv = [sys.executable, "-c", begin, "mail", *args]
    return subprocess.run(
        argv, env=env, capture_output=True, text=True, check=False, cwd=desk.inbox, input="from stdin"
    )


def test_the_words_of_the_command_line_are_those_of_the_model() -> None:
    assert (commands.TYPES, commands.PRIORITIES) == (words.TYPES, words.PRIORITIES)


def test_a_message_sent_in_a_session_is_a_whole_letter_in_the_outbox_and_nothing_else(desk: Desk) -> None:
    done = in_session(
        desk, "send", "builder-02", "@all", "-s", "ünïcode", "-m", "-", "--type", "question", "--priority", "high"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (name,) = [name for name in names_in(Path(desk.outbox)) if name != "read"]
    made = letters.read(name, (Path(desk.outbox) / name).read_bytes())
    assert made == words.Letter(("builder-02", "@all"), "ünïcode", "from stdin", "question", "high")


def test_letters_of_one_session_are_named_in_the_order_they_were_written(desk: Desk) -> None:
    names = [desk.send({"to": ["human"], "subject": str(number)}) for number in range(50)]
    assert names == sorted(names)


def test_each_message_is_shown_once_and_a_few_at_a_time(desk: Desk) -> None:
    for number in range(SHOWN_MAX + 3):
        arrive(desk, f"01m{number:02d}", body="x" * 3000 if number == 0 else "short")
    first = in_session(desk, "check")
    assert first.stdout.startswith("[01m00] question from builder-02: about 01m00\nxxx")
    assert "(the rest: swarmgit mail read 01m00)" in first.stdout
    assert first.stdout.endswith("3 more: swarmgit mail check\n")
    second = json.loads(in_session(desk, "check", "--json").stdout)
    assert [mail["id"] for mail in second["mails"]] == ["01m10", "01m11", "01m12"]
    assert in_session(desk, "check").stdout == ""
    assert len(names_in(Path(desk.outbox) / "read")) == SHOWN_MAX + 3


def test_readers_at_the_same_time_get_every_message_exactly_once(desk: Desk) -> None:
    for number in range(400):
        arrive(desk, f"01m{number:03d}")

    def read_all(_: int) -> list[str]:
        got: list[str] = []
        while mails := desk.check()[0]:
            got += [mail["id"] for mail in mails]
        return got

    with ThreadPoolExecutor(8) as pool:
        got = [id_ for part in pool.map(read_all, range(8)) for id_ in part]
    assert sorted(got) == [f"01m{number:03d}" for number in range(400)]


def test_a_session_lists_and_reads_what_it_has_and_knows_the_conversation(desk: Desk) -> None:
    arrive(desk, "01aaaa")
    (Path(desk.inbox) / "read").mkdir()
    arrive(Desk(f"{desk.inbox}/read", desk.outbox), "01bbbb", thread="01aaaa", body="\x1b[2Jboo")
    assert [(m["id"], m["read"]) for m in desk.listed()] == [("01aaaa", False), ("01bbbb", True)]
    shown = in_session(desk, "read", "bbbb")
    assert "subject: about 01bbbb" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert [m["id"] for m in json.loads(in_session(desk, "thread", "01aaaa", "--json").stdout)["mails"]] == [
        "01aaaa",
        "01bbbb",
    ]
    assert [(m["id"], m["read"]) for m in desk.listed()] == [("01aaaa", True), ("01bbbb", True)]
    missing = in_session(desk, "read", "nothing")
    assert missing.returncode == 1
    assert "no message 'nothing'" in missing.stderr


def test_without_a_recipient_the_command_is_wrong(desk: Desk) -> None:
    assert in_session(desk, "send", "-s", "x").returncode == 2


@pytest.mark.slow
def test_what_an_agent_writes_to_people_is_theirs_to_read_and_to_answer(repo: Repo) -> None:
    repo.start()
    send = (
        f'"{sys.executable}" -m swarmgit mail send human -s "which database?" -m "sqlite or postgres" --type question'
    )
    repo.task(
        "asks",
        f"""
        cp "$SWARM_PROMPT_FILE" "$HERE/prompt-$SWARM_ATTEMPT"
        if [ $SWARM_ATTEMPT = 2 ]; then echo ok > asks.txt; exit 0; fi
        {send}
        n=0; while [ ! -e "$HERE/go" ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n+1)); done
        exit 1
        """,
    )
    repo.swarm["runtimes"]["script"]["env"] = {"HERE": str(repo.agents), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    repo.configure()
    repo.commit()
    for _ in range(200):
        repo.reconcile(mode="once")
        if "which database?" in repo.swarmgit("mail", "check").stdout:
            break
    (question,) = json.loads(repo.swarmgit("mail", "list", "--json").stdout)["mails"]
    assert (question["from"], question["type"], question["read"]) == ("builder-01", "question", False)

    shown = repo.swarmgit("mail", "read", question["id"][-8:])
    assert "sqlite or postgres" in shown.stdout
    repo.swarmgit("mail", "send", "builder-01", "-s", "sqlite", "--reply-to", question["id"], "--type", "answer")
    assert "goes out with the next tick, to builder-01: sqlite" in repo.swarmgit("mail", "list").stdout
    repo.reconcile(mode="once")
    (repo.agents / "go").touch()
    assert repo.reconcile().code == 0

    assert "answer from human: sqlite" in (repo.agents / "prompt-2").read_text()
    assert repo.swarmgit("mail", "list", "--unread").stdout == "no mail\n"
    thread = json.loads(repo.swarmgit("mail", "thread", question["id"], "--json").stdout)["mails"]
    assert [mail["subject"] for mail in thread][:2] == ["which database?", "sqlite"]
    assert repo.git("ls-tree", "-r", "--name-only", "swarm/state", "control/mail") == ""


def test_a_person_cannot_write_to_somebody_who_does_not_exist(repo: Repo) -> None:
    repo.start()
    repo.reconcile(mode="once")
    said = repo.swarmgit("mail", "send", "ghost", "-s", "hello", check=False)
    assert (said.returncode, said.stderr) == (
        1,
        "error: there is no agent 'ghost' to write to\nhint: swarmgit agents\n",
    )
    for name in ("01abc", "z" * 26, "01kdvdnbyg00017g1tv14twv8k", "../tasks/a"):
        assert repo.swarmgit("mail", "read", name, check=False).returncode == 1


def test_a_nudge_is_urgent_and_is_shown_by_prompt(repo: Repo) -> None:
    repo.start()
    repo.task("later", suspend=True, agent="builder-01")
    repo.commit()
    repo.reconcile(mode="once")
    repo.swarmgit("nudge", "builder-01", "stop and commit")
    repo.reconcile(mode="once")
    assert "status_update from human, urgent: stop and commit" in repo.swarmgit("prompt", "later").stdout


def test_a_broken_message_in_state_is_left_out_and_the_rest_goes_on(repo: Repo) -> None:
    repo.start()
    repo.task("later", suspend=True, agent="builder-01")
    repo.commit()
    repo.reconcile(mode="once")
    for subject in ("one", "two"):
        repo.swarmgit("mail", "send", "builder-01", "-s", subject)
    repo.reconcile(mode="once")
    folder = repo.root / ".swarm" / "state" / "mail" / "builder-01"
    min(folder.iterdir()).write_text("<<<<<<< broken\n")
    repo.git("-C", str(repo.root / ".swarm" / "state"), "commit", "-qam", "a bad merge")
    assert repo.reconcile(mode="once").code in {0, 1}
    assert len(json.loads(repo.swarmgit("mail", "list", "builder-01", "--json").stdout)["mails"]) == 1


PLAIN = [
    ["human", "-s", "hello"],
    ["builder-02", "@all", "-s", "a b", "-m", "two\nlines", "--type", "question", "--priority", "high"],
    ["--to", "human", "--subject", "x", "--body", "", "--reply-to", "01a", "--thread", "01b", "builder-02"],
]
NOT_PLAIN = [
    ["human"],
    ["-s", "to nobody"],
    ["human", "-s"],
    ["human", "-s", "x", "-m", "-"],
    ["human", "-s", "-x"],
    ["human", "--subject=x"],
    ["human", "-s", "x", "-s", "y"],
    ["human", "-s", "x", "--type", "gossip"],
    ["human", "-s", "x", "--priority", "most"],
    ["human", "-s", "x", "--", "-odd"],
    ["human", "-s", "x", "--help"],
]


@pytest.mark.parametrize("words", PLAIN)
def test_the_short_way_writes_the_letter_that_the_whole_command_line_writes(desk: Desk, words: list[str]) -> None:
    done = in_session(desk, "send", *words)
    whole = in_session(desk, "send", *words, module="swarmgit.cli")
    assert [done.returncode, whole.returncode] == [0, 0], whole.stderr
    one, other = [(Path(desk.outbox) / name).read_bytes() for name in names_in(Path(desk.outbox)) if name != "read"]
    assert json.loads(one) == json.loads(other)


@pytest.mark.parametrize("words", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_whole_command_line(words: list[str]) -> None:
    assert letter_in(words) is None


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_short_way_and_the_long_way_say_the_same_about_an_empty_inbox(desk: Desk, options: list[str]) -> None:
    done = in_session(desk, "check", *options)
    whole = in_session(desk, "check", *options, module="swarmgit.cli")
    assert (done.returncode, done.stdout) == (whole.returncode, whole.stdout) == (0, done.stdout)


def test_asking_for_new_mail_imports_next_to_nothing(desk: Desk) -> None:
    script = (
        "import sys; sys.argv[1:] = ['mail', 'check']; from swarmgit.__main__ import main; main(); print(*sys.modules)"
    )
    env = {**os.environ, "SWARM_SESSION": "01s", "SWARM_INBOX": desk.inbox, "SWARM_OUTBOX": desk.outbox}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    heavy = {"click", "json", "re", "pathlib", "dataclasses", "typing", "inspect", "msgspec", "yaml"}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    found = {*done.stdout.split()} - {*bare.stdout.split()}
    assert not heavy & found
    assert {name for name in found if name.startswith("swarmgit")} == {
        "swarmgit", "swarmgit.__main__", "swarmgit.app", "swarmgit.app.desk"
    }  # fmt: skip
