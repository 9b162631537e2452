"""A secret that an agent comes by goes nowhere: not into state, not into mail, not onto the target."""

from __future__ import annotations

import json

from tests.conftest import Repo

R = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0bC2eF4hJ6kL8nP0rS2uV4xY6"
TOKEN = "gh" + "p_" + R[:36]


def written(repo: Repo) -> str:
    """Return all that swarmgit has written to its branch and the target."""
    return repo.git("log", "-p", "--format=%B", "swarm/state") + repo.git("log", "-p", "--format=%B", "main")


def incidents(repo: Repo) -> str:
    names = repo.git("ls-tree", "-r", "--name-only", "swarm/state", "incidents").splitlines()
    return "\n".join(repo.git("show", f"swarm/state:{name}") for name in names)


def test_a_secret_in_a_change_is_refused_with_its_place_and_kind_and_never_its_value(repo: Repo) -> None:
    repo.swarm["attempts_max"] = 1
    repo.start()
    repo.task("leak", f"printf 'one\\ntwo\\nkey = {TOKEN}\\n' > leak.txt")
    repo.commit()
    repo.reconcile()
    attempt = repo.status("leak").attempts[-1]
    assert attempt.outcome == "rejected"
    assert attempt.rejection is not None
    assert attempt.rejection.kind == "secret"
    assert attempt.rejection.places == ({"file": "leak.txt", "line": 3, "message": "GitHub token"},)
    assert repo.landed() == []
    assert TOKEN not in written(repo)


def test_a_secret_that_was_there_before_is_not_the_agents(repo: Repo) -> None:
    repo.start({"old.txt": f"key = {TOKEN}\n"})
    repo.task("edit", f"printf 'new\\nkey = {TOKEN}\\nmore\\n' > old.txt", owns=["old.txt"])
    repo.commit()
    repo.reconcile()
    assert repo.landed() == ["edit"]


def test_policy_lets_what_looks_like_a_secret_through_by_place_or_value(repo: Repo) -> None:
    repo.policy["secrets"] = {"allow": ["^keys/", "W8yZ", "[[]x"]}
    repo.swarm["attempts_max"] = 1
    repo.start()
    repo.task("place", f"mkdir keys; echo '{TOKEN}' > keys/a.txt", owns=["keys/**"])
    other = "gh" + "p_" + R[10:46]
    repo.task("value", f"echo '{TOKEN}' > value.txt")
    repo.task("neither", f"echo '{other.replace('W8yZ', 'Zy8W')}' > neither.txt")
    repo.commit()
    repo.reconcile()
    assert sorted(repo.landed()) == ["place", "value"]
    assert repo.status("neither").attempts[-1].outcome == "rejected"


def test_secrets_in_output_reports_messages_and_mail_are_redacted_and_told_of_once(repo: Repo) -> None:
    repo.swarm["attempts_max"] = 1
    repo.gates = [{"name": "loud", "run": f"echo 'token {TOKEN}'; test ! -e loud.txt"}]
    repo.start()
    letter = json.dumps({"to": "human", "type": "status", "subject": "hello", "body": f"take {TOKEN}"})
    repo.task("fails", f"echo '{TOKEN}' >&2; exit 3")
    repo.task(
        "mails",
        f"echo '{letter}' > $SWARM_OUTBOX/a.json; echo 'I use {TOKEN}' > $SWARM_OUTBOX/message.md; echo a > mails.txt",
    )
    repo.task("loud", "echo b > loud.txt")
    repo.commit()
    repo.reconcile()
    text = repo.git("log", "-p", "--format=%B", "swarm/state")
    assert TOKEN not in text
    assert "REDACTED-GitHub-token" in text
    told = incidents(repo)
    assert "tasks/fails.yaml: what looks like a secret (GitHub token) was taken out of it" in told
    assert told.count("key: tasks/fails.yaml/GitHub token") == 1
    assert list((repo.root / ".git/swarmgit/leaks").iterdir()) == []
    before = repo.git("rev-parse", "swarm/state")
    repo.reconcile()
    assert repo.git("rev-parse", "swarm/state") == before


def test_a_persons_own_message_is_redacted_too_and_the_next_tick_tells(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    repo.reconcile()
    repo.swarmgit("incident", "new", "something", "--text", f"with {TOKEN}")
    repo.reconcile()
    assert TOKEN not in written(repo)
    assert "GitHub token" in incidents(repo)
