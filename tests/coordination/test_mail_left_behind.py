"""Letters that are many, or whose files resist: none is lost, and nobody else's mail waits for them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Repo

MANY = 903


def subjects(repo: Repo, name: str) -> list[str]:
    """Return the subjects of a mailbox, archived messages too."""
    pattern = f":(glob)**/{name}/*.yaml"
    lines = repo.git("grep", "-h", "^subject: ", "swarm/state", "--", pattern).splitlines()
    return sorted(line.removeprefix("subject: ").strip("'\"") for line in lines)


@pytest.mark.slow
def test_no_letter_of_a_session_that_ends_at_once_is_lost_however_many_they_are(repo: Repo) -> None:
    repo.policy["comms"] = [{"from": "role:builder", "to": "role:builder"}]
    repo.start()
    code = (
        f"import os\nfor n in range({MANY}):\n"
        """    with open(f"{os.environ['SWARM_OUTBOX']}/n{n}.json", "w") as out:\n"""
        """        out.write('{"to": "builder-02", "subject": "%d"}' % n)\n"""
    )
    repo.task("many", f"cat > w.py <<'END'\n{code}END\npython3 w.py && rm w.py && echo x > many.txt\n")
    repo.task("other", "sleep 0.2; echo x > other.txt")
    repo.commit()

    result = repo.reconcile()

    assert (result.code, sorted(repo.landed())) == (0, ["many", "other"])
    assert subjects(repo, "builder-02") == sorted(map(str, range(MANY)))


@pytest.fixture
def immutable(tmp_path: Path) -> Iterator[Path]:
    """A list of files for `chattr -i` when the test is over; skipped where nothing can be made immutable."""
    probe = tmp_path / "probe"
    probe.touch()
    if subprocess.run(["chattr", "+i", str(probe)], capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be made immutable here")
    subprocess.run(["chattr", "-i", str(probe)], check=True)
    yield tmp_path
    subprocess.run(["chattr", "-R", "-i", str(tmp_path)], capture_output=True, check=False)


@pytest.mark.slow
def test_a_letter_that_cannot_be_removed_is_an_incident_and_holds_nothing_up(repo: Repo, immutable: Path) -> None:
    repo.sandboxes = ()
    repo.policy["sandbox"] = "off"
    repo.start()
    repo.task(
        "bad",
        """
        echo '{"to": "human", "subject": "cannot go"}' > "$SWARM_OUTBOX/one.json"
        chattr +i "$SWARM_OUTBOX/one.json"
        mkdir -p "$SWARM_OUTBOX/two.json"
        sleep 1
        echo '{"to": "human", "subject": "goes"}' > "$SWARM_OUTBOX/three.json"
        echo x > bad.txt
        """,
    )
    repo.task("good", """echo '{"to": "human", "subject": "too"}' > "$SWARM_OUTBOX/a.json"; echo x > good.txt""")
    repo.commit()

    result = repo.reconcile()

    assert (result.code, sorted(repo.landed())) == (0, ["bad", "good"])
    assert subjects(repo, "human") == ["cannot go", "goes", "too"]
    (name,) = repo.git("ls-tree", "--name-only", "swarm/state:incidents").splitlines()
    text = repo.show(f"incidents/{name}", "swarm/state")
    assert "one.json of session" in text
    assert "Operation not permitted" in text
    assert "lsattr" in text
    assert repo.reconcile().code == 0
    assert repo.show(f"incidents/{name}", "swarm/state") == text, "counted once"
