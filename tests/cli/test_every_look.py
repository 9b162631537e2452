"""Every command that only looks prints what there is, as text and as JSON of version 1, on a run that had everything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from swarmgit.cli import cli
from swarmgit.errors import PersonMustAct
from tests.conftest import Repo

LOOKS = {
    "status": "one",
    "plan": "",
    "why one": "landed",
    "log": "waiting",
    "task list": "one",
    "task show two": "failed",
    "convoy list": "pair",
    "convoy show pair": "one",
    "queue list": "",
    "gates": "check",
    "mail list": "hello",
    "incident list": "",
    "agents": "builder-01",
    "agents show builder-01": "builder-01",
    "route three": "builder",
    "experiment list": "rhyme",
    "experiment show rhyme": "cannot tell yet",
    "cost": "one",
    "cost --by agent": "builder-01",
    "cost --by convoy": "pair",
    "cost --by day": "",
    "cost --by model": "",
    "runtime list": "claude-code",
    "validate": "",
    "doctor": "git",
    "fsck": "",
    "gc --dry-run": "",
}
USAGE = '{"type": "usage", "input_tokens": 1000, "output_tokens": 100, "usd": 0.5}'


def live(repo: Repo) -> None:
    """Let two tasks of a convoy be done, one of them in vain, with a message to people and a price."""
    repo.gates = [{"name": "check", "run": "! grep -q bad *.txt"}]
    arms = [{"name": "plain"}, {"name": "poet", "role": "poet"}]
    trial = {"version": 1, "title": "Does rhyme help?", "arms": arms}
    pair = {"version": 1, "title": "A pair", "tasks": ["one", "two"], "on_failure": "continue"}
    repo.start(
        {
            "README.md": "hello\n",
            ".swarm/roles/poet.md": "Rhyme.\n",
            ".swarm/experiments/rhyme.yaml": yaml.safe_dump(trial),
            ".swarm/convoys/pair.yaml": yaml.safe_dump(pair),
        }
    )
    letter = '{"to": "human", "subject": "hello", "body": "done"}'
    repo.task("one", f"echo '{USAGE}'; echo '{letter}' > $SWARM_OUTBOX/a.json; echo one > one.txt")
    repo.task("two", "echo bad > two.txt", budget={"attempts": 1})
    repo.task("three", "true", suspend=True)
    repo.commit()
    assert repo.reconcile().code == 4


def look(repo: Repo, words: str, *more: str) -> Result:
    argv = ["-C", str(repo.root), *words.split(), *more]
    return CliRunner().invoke(cli, argv, standalone_mode=False, catch_exceptions=False)


def refs(repo: Repo) -> tuple[str, str]:
    return repo.git("for-each-ref"), repo.git("status", "--porcelain")


@pytest.mark.slow
def test_it_is_told_as_text_and_as_data_and_nothing_changes(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    live(repo)
    before = refs(repo)
    for words, said in LOOKS.items():
        told = look(repo, words)
        assert told.return_value in {0, None}, (words, told.output)
        assert said in told.output, (words, told.output)
        data = look(repo, words, "--json")
        assert json.loads(data.stdout)["version"] == 1, (words, data.output)
    assert refs(repo) == before


@pytest.mark.parametrize("words", ["status", "mail list", "cost", "convoy list"])
def test_outside_of_a_repository_every_look_says_so(tmp_path: Path, words: str) -> None:
    with pytest.raises(PersonMustAct, match="repository"):
        CliRunner().invoke(cli, ["-C", str(tmp_path), *words.split()], standalone_mode=False, catch_exceptions=False)
