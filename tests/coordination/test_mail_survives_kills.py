"""Killed between any two steps of a message's way, the next reconciler delivers it once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from swarmgit.model.endings import Stop
from swarmgit.state import kinds
from tests.conftest import Repo

LETTERS = 3


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


def begin(repo: Repo) -> None:
    repo.start()
    repo.write(
        {
            ".swarm/policy.yaml": yaml.safe_dump(
                {"version": 1, **repo.policy, "comms": [{"from": "builder-01", "to": "builder-02"}]}
            )
        }
    )
    write = "".join(
        f'printf \'{{"to": "builder-02", "subject": "n{n}"}}\' > "$SWARM_OUTBOX/.n{n}"; mv "$SWARM_OUTBOX/.n{n}" "$SWARM_OUTBOX/n{n}.json"; '
        for n in range(LETTERS)
    )
    done = f"n=0; while [ ! -e {repo.agents}/done ] && [ $n -lt 600 ]; do sleep 0.05; n=$((n+1)); done;"
    count = f'while [ "$(ls "$SWARM_INBOX" | grep -c yaml)" -lt {LETTERS} ] && [ $n -lt 600 ]; do sleep 0.05; n=$((n+1)); done;'
    repo.task("one", f"{write} {done} echo 1 > one.txt")
    repo.task(
        "two", f'n=0; {count} cat "$SWARM_INBOX"/*.yaml | grep subject | sort > two.txt; touch {repo.agents}/done'
    )
    repo.commit()


@pytest.mark.default_cases("record", "DeliverMail")
@pytest.mark.parametrize(
    "step", ["record", "recorded", "state: objects written", "DeliverMail", "delivered", "TakeMail", "SaveMail"]
)
def test_a_message_is_recorded_and_delivered_once(tmp_path: Path, step: str) -> None:
    repo = Repo(tmp_path)
    begin(repo)
    seen: list[str] = []

    def fuse(name: str) -> None:
        has_letters = bool(list(repo.root.glob(".git/swarmgit/sessions/*/outbox/n*.json")))
        if name == step and not seen and (has_letters or name in {"DeliverMail", "delivered"}):
            seen.append(name)
            raise Killed(name)

    try:
        with pytest.raises(Killed):
            repo.reconcile(fault=fuse)
        assert repo.reconcile().code == 0
    finally:
        world = repo.world()
        for session in world.executor.poll():
            world.executor.cancel(session, Stop("the test is over"), 0.0)
        world.close()

    assert seen == [step]
    assert [line.strip() for line in repo.show("two.txt").splitlines()] == [
        f'"subject": "n{n}",' for n in range(LETTERS)
    ]
    paths = repo.git("ls-tree", "-r", "--name-only", "swarm/state", "mail/").splitlines()
    kept = [kinds.MAIL.read(path, (repo.git("show", f"swarm/state:{path}") + "\n").encode()) for path in paths]
    assert sorted(mail.subject for mail in kept) == [f"n{n}" for n in range(LETTERS)]
    assert list(repo.root.glob(".git/swarmgit/sessions/*/outbox/*.json")) == []
