"""What a session was told and has said outlives its folder, for as long as policy and retention say."""

from __future__ import annotations

import shutil

import pytest

from swarmgit.act.transcripts import HEAD_BYTES_MAX, TAIL_BYTES_MAX
from tests.conftest import Repo

TOKEN = "gh" + "p_" + "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0bC2eF4hJ6"


def refs(repo: Repo) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/sessions").splitlines()


def test_logs_shows_what_was_said_when_the_folder_is_gone_without_secrets(repo: Repo) -> None:
    repo.start()
    repo.task("a", f"echo 'I am at work with {TOKEN}'; echo 'and this is an error' >&2; echo a > a.txt")
    repo.commit()
    repo.reconcile()
    attempt = repo.status("a").attempts[-1]
    assert attempt.transcript == f"refs/swarm/sessions/{attempt.session}"
    shutil.rmtree(repo.root / ".git/swarmgit/sessions" / attempt.session)
    assert repo.swarmgit("logs", "a").stdout.strip() == "I am at work with REDACTED-GitHub-token"
    assert repo.swarmgit("logs", attempt.session, "--stderr").stdout.strip() == "and this is an error"
    assert "Do what a says." in repo.git("show", f"{attempt.transcript}:prompt.md")


def test_a_long_output_is_kept_by_its_beginning_and_its_end(repo: Repo) -> None:
    repo.start()
    repo.task(
        "a",
        'i=0; while [ $i -lt 40000 ]; do echo "line $i of what is said again and again"; i=$((i+1)); done; echo a > a.txt',
    )
    repo.commit()
    repo.reconcile()
    text = repo.git("show", f"{repo.status('a').attempts[-1].transcript}:stdout.jsonl").splitlines()
    assert text[0] == "line 0 of what is said again and again"
    assert text[-1] == "line 39999 of what is said again and again"
    assert any(line.endswith("bytes left out]") for line in text)
    assert sum(map(len, text)) < HEAD_BYTES_MAX + TAIL_BYTES_MAX
    assert all(line.startswith(("line ", "[")) for line in text)


def test_policy_can_leave_transcripts_out(repo: Repo) -> None:
    repo.policy["transcripts"] = False
    repo.start()
    repo.task("a")
    repo.commit()
    repo.reconcile()
    assert repo.status("a").attempts[-1].transcript is None
    assert refs(repo) == []


@pytest.mark.slow
def test_gc_drops_transcripts_past_retention(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.commit()
    repo.reconcile()
    repo.swarmgit("gc")
    assert len(refs(repo)) == 1
    repo.swarm["retention_days"] = 0
    repo.configure()
    repo.commit()
    repo.swarmgit("gc", "--dry-run")
    assert len(refs(repo)) == 1
    repo.swarmgit("gc")
    assert refs(repo) == []
