"""Whatever a session prints, and whatever its adapter's reader makes of it, is that session's matter alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from swarmgit import runtimes
from swarmgit.app.doctor.live import heard
from swarmgit.app.doctor.report import Facts
from tests.conftest import Repo

LOOKS = (("status",), ("why", "evil"), ("status", "--json"), ("plan",), ("log", "-n", "5"), ("cost",))
LINES = {
    "a list for a word": '{"type":"error","kind":[]}',
    "a table for a word": '{"type":"result","is_error":true,"kind":{}}',
    "digits without end": '{"type":"rate_limit","wait_s":1' + "0" * 400 + "}",
    "a far day": '{"type":"rate_limit","until":"9999-12-31T23:59:59Z","wait_s":1e308}',
    "a letter that is none": '{"type":"conversation","id":"../../x","model":"a\\u0000b"}',
    "deep": '{"type":' * 3000,
    "half a pair": '{"type":"no_change","reason":"\\ud800"}',
}
PACKAGE = """
from swarmgit.runtimes.command import CommandRuntime
from swarmgit.runtimes.reader import Dialect, DialectReader
from swarmgit.model.events import Stream

class Bad:
    def __init__(self, how): self.how = how
    def feed(self, chunk):
        if self.how == "feeding": raise KeyError(chunk[:9])
        if self.how == "deep": self.feed(chunk)
    def stream(self):
        if self.how == "asking": raise ValueError("odd\\n# heading")
        return {"nothing": None, "another": 5, "odd": Stream(lines="many", usage=7)}.get(self.how, Stream())

def adapter(how):
    class Adapter(CommandRuntime):
        def stream_reader(self):
            if how == "making": raise RuntimeError("no reader today")
            if how == "telling": return DialectReader(Dialect(lambda said: said["no such key"]))
            return Bad(how)
    return Adapter()

making, feeding, deep, asking, nothing, odd, telling = map(adapter, ("making", "feeding", "deep", "asking", "nothing", "odd", "telling"))
"""
WAYS = ("making", "feeding", "deep", "asking", "nothing", "odd")


@pytest.fixture
def third_party(tmp_path: Path) -> Iterator[None]:
    """Adapters of another package, each of which breaks in its own way."""
    package = tmp_path / "package"
    info = package / "broken_agents-1.dist-info"
    info.mkdir(parents=True)
    (package / "broken_agents.py").write_text(PACKAGE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-agents\nVersion: 1\n")
    entries = "".join(f"{how} = broken_agents:{how}\n" for how in (*WAYS, "telling"))
    (info / "entry_points.txt").write_text(f"[swarmgit.runtimes]\n{entries}")
    sys.path.insert(0, str(package))
    runtimes.adapter.cache_clear()
    runtimes.names.cache_clear()
    yield
    sys.path.remove(str(package))
    sys.modules.pop("broken_agents", None)
    runtimes.adapter.cache_clear()
    runtimes.names.cache_clear()


@pytest.mark.default_cases("a list for a word")
@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_one_printed_line_ends_nothing(repo: Repo, line: str) -> None:
    repo.swarm["attempts_max"] = 1
    repo.task("evil", f"cat <<'END'\n{line}\nEND\necho x > evil.txt")
    repo.task("good")
    repo.start()

    assert repo.reconcile().code in {0, 4}
    assert "good" in repo.landed()
    for look in LOOKS:
        assert repo.swarmgit(*look, check=False).returncode in {0, 4}, look
    for command in (("doctor",), ("task", "cancel", "evil"), ("gc",)):
        assert repo.swarmgit(*command, check=False).returncode != 3, command
    assert repo.reconcile().code in {0, 4}


@pytest.mark.default_cases("asking", "feeding")
@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("how", WAYS)
def test_a_reader_that_breaks_breaks_its_session_alone(repo: Repo, how: str) -> None:
    repo.swarm["attempts_max"] = 1
    repo.swarm["runtimes"]["bad"] = {**repo.swarm["runtimes"]["script"], "adapter": how}
    repo.task("evil", "echo some words; echo x > evil.txt", runtime="bad")
    repo.task("good")
    repo.start()

    assert repo.reconcile().code == 4

    assert repo.landed() == ["good"]
    (attempt,) = repo.status("evil").attempts
    assert attempt.outcome == "failed"
    assert f"the reader of {how} failed on what it printed" in attempt.reason
    assert "\n" not in attempt.reason
    assert "a session cannot be followed" in repo.swarmgit("incident", "list").stdout


@pytest.mark.usefixtures("third_party")
def test_a_line_that_an_adapter_cannot_bear_is_text_and_told(repo: Repo) -> None:
    repo.swarm["runtimes"]["bad"] = {**repo.swarm["runtimes"]["script"], "adapter": "telling"}
    repo.task("odd", f"echo '{json.dumps({'type': 'x'})}'; echo x > odd.txt", runtime="bad")
    repo.start()

    repo.reconcile()

    assert repo.landed() == ["odd"]
    assert "an adapter failed on lines that a session printed" in repo.swarmgit("incident", "list").stdout


@pytest.mark.usefixtures("third_party")
def test_doctor_says_which_session_cannot_be_followed_while_it_is_there(repo: Repo) -> None:
    repo.swarm["runtimes"]["bad"] = {**repo.swarm["runtimes"]["script"], "adapter": "feeding"}
    repo.task("evil", "echo some words; sleep 50", runtime="bad")
    repo.start()
    repo.reconcile(mode="once")
    world = repo.world()
    (id_,) = world.executor.poll()
    output = world.executor.folder(id_) / "stdout.jsonl"
    while not output.exists() or not output.stat().st_size:
        time.sleep(0.05)

    (found,) = heard(world, Facts(cast(Any, None), world))
    world.close()

    assert found.level == "warn"
    assert "the reader of feeding failed" in found.message
    assert found.repair == f"swarmgit logs {id_}"
