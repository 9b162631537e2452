"""Mail between real sessions, through files and the state branch."""

from __future__ import annotations

import pytest
import yaml

from swarmgit.model.mail import Mail
from swarmgit.state import kinds
from tests.conftest import Repo

WAIT = 'n=0; while [ -z "$(ls "$SWARM_INBOX" | grep yaml)" ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done\n'
OPEN = {"version": 1, "comms": [{"from": "role:builder", "to": "role:builder"}]}


def allow(repo: Repo, policy: dict[str, object] = OPEN) -> None:
    repo.write({".swarm/policy.yaml": yaml.safe_dump(policy)})


def mailbox(repo: Repo, name: str) -> list[Mail]:
    listed = repo.git("ls-tree", "--name-only", "swarm/state", f"mail/{name}/", check=False).splitlines()
    return [kinds.MAIL.read(path, (repo.git("show", f"swarm/state:{path}") + "\n").encode()) for path in listed]


@pytest.mark.usefixtures("published")
def test_what_one_session_writes_the_other_one_reads(repo: Repo) -> None:
    repo.start()
    allow(repo)
    repo.task(
        "asks",
        "printf 'to: builder-02\\nsubject: port?\\ntype: question\\n' > \"$SWARM_OUTBOX/q.yaml\"; sleep 1; echo a > asks.txt",
    )
    repo.task(
        "hears",
        WAIT
        + 'cat "$SWARM_INBOX"/*.yaml > hears.txt; touch "$SWARM_OUTBOX/read/$(basename "$SWARM_INBOX"/*.yaml .yaml)"',
    )
    repo.commit()
    assert repo.reconcile().code == 0

    (kept,) = mailbox(repo, "builder-02")
    heard = yaml.safe_load(repo.show("hears.txt"))
    assert (heard["id"], heard["from"], heard["subject"], heard["type"]) == (kept.id, "builder-01", "port?", "question")
    assert (kept.task, kept.read_at is not None) == ("asks", True)
    log = repo.git("log", "--format=%s", "swarm/state")
    assert "mail builder-01 → builder-02" in log


@pytest.mark.slow
def test_the_letter_of_a_session_that_ends_at_once_arrives_in_the_next_prompt(repo: Repo) -> None:
    repo.start()
    allow(repo)
    repo.task(
        "first",
        "printf 'to: builder-02\\nsubject: use tabs\\nbody: not spaces\\n' > \"$SWARM_OUTBOX/q.yaml\"; echo 1 > first.txt",
    )
    repo.task("second", 'cp "$SWARM_PROMPT_FILE" second.txt', agent="builder-02", depends_on=["first"])
    repo.commit()
    assert repo.reconcile().code == 0
    assert "status_update from builder-01: use tabs" in repo.show("second.txt")
    assert mailbox(repo, "builder-02")[0].read_at is not None


@pytest.mark.slow
def test_a_hostile_outbox_stops_neither_the_session_nor_the_reconciler(repo: Repo) -> None:
    repo.start()
    repo.task(
        "bad",
        """
        cd "$SWARM_OUTBOX"
        ln -s /etc/passwd a.yaml; mkfifo b.yaml; mkdir c.yaml read/x
        printf 'to: human\\nsubject: {' > d.yaml
        printf 'from: swarmgit\\nto: human\\nsubject: pay me\\n' > e.yaml
        head -c 300000 /dev/zero > f.yaml
        rm -rf "$SWARM_INBOX"; ln -s /tmp "$SWARM_INBOX"
        i=0; while [ $i -lt 200 ]; do echo '{"to": "human", "subject": "spam"}' > g$i.json; i=$((i+1)); done
        chmod 500 .
        cd - > /dev/null; sleep 1; echo done > bad.txt
        """,
    )
    repo.commit()
    result = repo.reconcile()
    assert (result.code, repo.landed()) == (0, ["bad"])
    reasons = " | ".join(mail.refused for mail in mailbox(repo, "dead"))
    for part in ("a symbolic link", "not a regular file", "d.yaml:", "forged sender", "too large", "too many messages"):
        assert part in reasons
    assert [m.subject for m in mailbox(repo, "human")].count("spam") == 60
    assert "builder-01 wrote in somebody else's name" in repo.swarmgit("incident", "list").stdout


def test_policy_that_names_nobody_is_a_problem_with_its_place(repo: Repo) -> None:
    repo.start()
    repo.write({".swarm/policy.yaml": "version: 1\ncomms:\n  - {from: role:bilder, to: ghost, types: [quesion]}\n"})
    repo.commit()
    said = repo.swarmgit("validate", check=False)
    assert said.returncode == 1
    assert ".swarm/policy.yaml:3:12: unknown role 'bilder'; did you mean 'builder'?" in said.stdout + said.stderr
    assert ".swarm/policy.yaml:3:29: unknown agent 'ghost'" in said.stdout + said.stderr
    assert "unknown type 'quesion'; did you mean 'question'?" in said.stdout + said.stderr
