"""A credential that an agent was given is never written down, wherever it puts it."""

from __future__ import annotations

import json

import pytest

from tests.attacks.stage import Stage

TOKEN = 'tok"en-\\5b1e0c77'
MINTED = "minted-99d2f0"


@pytest.fixture
def given(judged: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The runtime gets one variable by name and a token that is made for each session; there are others it does not."""
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    monkeypatch.setenv("OTHER_TOKEN", "other-" + "8d7a6b5c4d3e")
    mint = judged.agents.parent / "mint.sh"
    mint.write_text(f'echo \'{{"token": "{MINTED}", "expires": "2030-01-01T00:00:00Z"}}\'\n')
    judged.policy["credentials"] = {
        "script": {"env": ["MY_TOKEN", "NOT_SET"], "mint": {"run": ["/bin/sh", str(mint)], "as": "SHORT_TOKEN"}}
    }
    return judged


def written(stage: Stage) -> str:
    """Return all that swarmgit has written: every object of the state branch and the target, and messages."""
    return stage.git("log", "-p", "--format=%B", "swarm/state") + stage.git("log", "-p", "--format=%B", "main")


def test_named_variables_and_a_fresh_token_are_passed_and_nothing_else(given: Stage) -> None:
    given.open()
    given.attacker("""
        import json, os
        loot(json.dumps({name: os.environ.get(name) for name in ("MY_TOKEN", "SHORT_TOKEN", "OTHER_TOKEN", "NOT_SET")}))
    """)
    given.run()
    assert json.loads(given.loot()) == {
        "MY_TOKEN": TOKEN, "SHORT_TOKEN": MINTED, "OTHER_TOKEN": None, "NOT_SET": None,
    }  # fmt: skip
    assert given.record("evil")["credentials_end"].startswith("2030-01-01T00:00:00")
    folder = given.root / ".git/swarmgit/sessions" / given.session_of("evil")
    kept = "".join(path.read_text(errors="replace") for path in folder.iterdir() if path.is_file())
    assert TOKEN not in kept
    assert MINTED not in kept
    assert ((given.root / ".git/swarmgit/secrets").stat().st_mode & 0o777) == 0o600


def test_a_token_in_messages_reports_and_output_is_redacted(given: Stage) -> None:
    given.gates = [{"name": "test", "run": "cat evil.txt; false"}]
    given.open()
    given.attacker("""
        import json, os, sys
        both = os.environ["MY_TOKEN"] + " " + os.environ["SHORT_TOKEN"]
        for name in ("message.md", "report.md"):
            open(OUT + "/" + name, "w").write("I have " + both)
        print(json.dumps({"type": "action", "action": "edit", "file": both}))
        print(both)
        print(both, file=sys.stderr)
        sys.exit(3)
    """)
    given.run()
    text = written(given)
    assert TOKEN not in text
    assert json.dumps(TOKEN)[1:-1] not in text
    assert MINTED not in text
    assert given.status("evil").phase == "failed"


def test_a_token_in_the_diff_does_not_land(given: Stage) -> None:
    given.open()
    given.attacker("import os\nopen('evil.txt', 'w').write('x = ' + os.environ['SHORT_TOKEN'])\n")
    given.run()
    attempt = given.status("evil").attempts[-1]
    assert given.landed() == []
    assert attempt.outcome == "rejected"
    assert "SHORT_TOKEN" in given.git("show", "swarm/state:tasks/evil.yaml")
    assert MINTED not in written(given)


@pytest.mark.slow
def test_a_mint_command_that_fails_stops_the_session_and_says_so(given: Stage) -> None:
    given.policy["credentials"]["script"]["mint"]["run"] = "printf minted-; echo 99d2f0; exit 4"
    given.open()
    given.attacker("open('evil.txt', 'w').write('x')")
    given.run()
    assert given.status("evil").attempts == ()
    reason = given.status("evil").reason
    assert "mint command of runtime 'script' ended with 4" in reason
    assert MINTED not in written(given)


PLACES = {
    "at the beginning of a large file": "open('d-x', 'w').write(t + '\\n' + ('x' * 99 + '\\n') * 90000)",
    "at the end of a large file": "open('d-x', 'w').write(('x' * 99 + '\\n') * 90000 + t)",
    "in a large binary file": "open('d-x', 'wb').write(bytes(9 << 20) + t.encode())",
    "where a link leads": "os.symlink(t, 'd-x')",
    "in a name": "open('d-' + t, 'w').write('x')",
}


@pytest.mark.default_cases("*in a name")
@pytest.mark.parametrize("where", PLACES)
def test_a_given_value_does_not_land_wherever_it_stands(
    judged: Stage, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    token = "Zq8vN3kLw0Xr7Tt2Yb5Hc9Jd4Ff6Gg1P"
    monkeypatch.setenv("MY_TOKEN", token)
    judged.policy["credentials"] = {"script": {"env": ["MY_TOKEN"]}}
    judged.open()
    judged.attacker(f"import os\nt = os.environ['MY_TOKEN']\n{PLACES[where]}", owns=["d-*"])
    judged.run()
    attempt = judged.status("evil").attempts[-1]
    assert (attempt.outcome, attempt.rejection.gate if attempt.rejection else None) == ("rejected", "secrets")
    assert judged.landed() == []
    assert token not in judged.git("grep", "-I", "-e", token, "swarm/state", check=False)
