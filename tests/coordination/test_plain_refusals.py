"""What a person asks for that cannot be: an error that says what there is instead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from swarmgit.cli.render_mail import mails_text
from swarmgit.model.incidents import COUNTED_PER_HOUR, Incident
from swarmgit.plan.mail import DEAD_PER_HOUR
from tests.conftest import Repo


def refused(repo: Repo, *args: str) -> str:
    """Return what a command says that must fail; nothing may be left for the next tick to do."""
    done = repo.swarmgit(*args, check=False)
    assert done.returncode in {1, 2}, done.stdout + done.stderr
    assert "control/" not in repo.git("ls-tree", "-r", "--name-only", "swarm/state", check=False)
    return done.stderr


def test_a_nudge_of_what_is_over_is_refused_and_goes_into_nobodys_next_prompt(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    repo.reconcile()
    assert "task one is landed: nobody works on it any more" in refused(repo, "nudge", "one")


def test_a_mailbox_nobody_has_is_no_empty_mailbox(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    for name in ("nobody", "../dead", "builder-999"):
        assert f"there is no mailbox '{name}'; there are dead, human" in refused(repo, "mail", "list", name)
    for name in ("human", "dead", "swarmgit", "builder-01"):
        assert repo.swarmgit("mail", "list", name).stdout.strip() == "no mail"


def test_only_a_message_that_there_is_can_be_answered(repo: Repo) -> None:
    repo.start()
    repo.task("one", agent="builder-01")
    repo.commit()
    repo.swarmgit("mail", "send", "builder-01", "-s", "first")
    repo.reconcile()
    assert "there is no message 'zzz'" in refused(repo, "mail", "send", "builder-01", "-s", "x", "--reply-to", "zzz")
    shown = repo.swarmgit("mail", "list", "builder-01").stdout.splitlines()[1].split()
    repo.swarmgit("mail", "send", "builder-01", "-s", "second", "--reply-to", shown[0])
    repo.reconcile()
    assert "second" in repo.swarmgit("mail", "thread", shown[0]).stdout


def test_a_task_that_there_is_not_is_not_added_and_an_incident_has_a_title(repo: Repo) -> None:
    repo.start({".swarm/convoys/cv.yaml": "version: 1\ntitle: Together\n"})
    before = (repo.root / ".swarm/convoys/cv.yaml").read_text()
    assert "there is no task 'missing' in the working tree" in refused(repo, "convoy", "add", "cv", "missing")
    assert (repo.root / ".swarm/convoys/cv.yaml").read_text() == before
    assert "an incident needs a title" in refused(repo, "incident", "new", " ")


def test_lists_show_when_and_fit_into_the_terminal(repo: Repo) -> None:
    mail = {
        "id": "01m81yvk2r0001xbnw7gq78cbq",
        "created": "2026-11-22T15:44:09.123Z",
        "from": "builder-01",
        "to": "human",
        "type": "status_update",
        "subject": "long " * 40,
        "read": False,
    }
    text = mails_text({"mails": [mail]}, 80)
    assert "11-22 15:44" in text
    assert max(map(len, text.splitlines())) == 80
    repo.start()
    repo.swarmgit("incident", "new", "the disk was full")
    repo.reconcile()
    head, row = repo.swarmgit("incident", "list").stdout.splitlines()
    assert head.split() == ["incident", "state", "times", "last", "(UTC)", "what"]
    assert row.endswith("the disk was full")


@pytest.mark.slow
def test_a_count_that_was_cut_off_says_at_least(repo: Repo) -> None:
    repo.start()
    script = """
        n=0; while [ $n -lt 60 ]; do printf 'from: pat\\nto: human\\nsubject: s%s\\n' $n > "$SWARM_OUTBOX/$n.yaml"; n=$((n+1)); done
        sleep 1; echo 1 > one.txt
    """
    repo.task("one", script)
    repo.commit()
    repo.reconcile()
    assert DEAD_PER_HOUR == COUNTED_PER_HOUR == 50
    assert f"at least {COUNTED_PER_HOUR}" in repo.swarmgit("incident", "list").stdout
    (id_,) = (line.split()[0] for line in repo.swarmgit("incident", "list").stdout.splitlines()[1:])
    assert f"- Occurred: at least {COUNTED_PER_HOUR} times" in repo.swarmgit("incident", "show", id_).stdout


def test_other_incidents_are_counted_exactly() -> None:
    made = Incident("i", "stalled/a", "t", datetime(2026, 1, 1, tzinfo=UTC), "d", count=99)
    assert not made.is_at_least
