"""What an agent wrote may take git for ever. Then it is an objection to that work alone, and its content is saved."""

import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from worktree_world import AGENT, AT, World, write_files

from swarmgit.act import landing
from swarmgit.adapters.background import WORKERS_MAX, Threads
from swarmgit.adapters.git import scan
from swarmgit.adapters.git.attributes import Attributes
from swarmgit.adapters.git.capture import Label, capture
from swarmgit.adapters.git.findings import Limits
from swarmgit.adapters.git.run import OutOfTime
from swarmgit.adapters.git.slots import SlotStore
from swarmgit.errors import PersonMustAct
from swarmgit.model.actions import Land, Salvage
from swarmgit.model.ids import CommitId, EntryId, SessionId, TaskId
from swarmgit.model.landings import Landed
from swarmgit.model.outcomes import Done, Outcome, Underway
from swarmgit.model.pins import Submit
from swarmgit.model.work import Capture
from swarmgit.state.commits import unsaved
from tests.worlds import world_of

STARS = ("**/" * 30 + "*?b\n") * 50
"""Patterns that git compares with a deep path until the sun goes out."""
DEEP = "/".join("a" * 90)


@pytest.fixture
def tree(world: World) -> Path:
    return world.lease("s1", world.git("rev-parse", "HEAD")).tree


def taken(world: World, limits: Limits) -> Capture:
    slot = next(slot for slot in SlotStore(world.store, lambda _: None).all() if slot.session == "s1")
    return capture(world.engine.bounded(60, 300), slot, Label("Do it\n", AGENT, AT), lambda _: None, limits)


@pytest.mark.default_cases(".gitignore")
@pytest.mark.parametrize("place", [".gitignore", "src/.gitignore"])
def test_ignore_rules_without_end_are_an_objection_and_what_was_written_is_saved(
    world: World, tree: Path, place: str
) -> None:
    # given an ignore file whose patterns take git for ever, a deep path, and ordinary work
    write_files(tree, {place: STARS, f"src/{DEEP}": "deep\n", "src/new.py": "n = 1\n", "src/a.py": "a = 2\n"})
    # when the work is taken in with a second for the ignore rules
    found = taken(world, Limits(patterns_cpu_s=1))
    # then the objection names the file, and all of the work is in the commit
    assert [line.split(" ")[0] for line in found.objections] == [place]
    assert "a reasonable time" in found.objections[0]
    assert {change.path for change in found.changes} == {place, f"src/{DEEP}", "src/new.py", "src/a.py"}
    assert world.content(found.commit, "src/new.py") == b"n = 1\n"


def test_what_cannot_be_told_from_ignored_files_is_saved_up_to_a_bound(
    world: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "UNJUDGED_MAX", 3)
    write_files(tree, {".gitignore": STARS, f"z/{DEEP}": "deep\n", **{f"new{n}": "n" for n in range(5)}})
    found = taken(world, Limits(patterns_cpu_s=1))
    assert [change.path for change in found.changes] == [".gitignore", "new0", "new1", "new2"]
    assert found.objections[-1] == "3 new files more could not be looked at, and are not saved"


@pytest.mark.slow
def test_attributes_without_end_are_an_objection_and_the_bytes_are_taken_in_as_they_are(
    world: World, tree: Path
) -> None:
    (tree / "link").symlink_to("src/a.py")
    write_files(tree, {".gitattributes": STARS.replace("\n", " odd\n"), f"src/{DEEP}": "deep\r\n", 'src/"odd\t': "x"})
    write_files(tree, {"src/a.py": "a = 2\n", "README.md": None})
    (tree / "src/b.py").chmod(0o755)
    found = taken(world, Limits(patterns_cpu_s=1))
    assert [line.split(" ")[0] for line in found.objections if "control" not in line] == [".gitattributes"]
    facts = {change.path: change.new_mode for change in found.changes}
    assert facts == {".gitattributes": "100644", "README.md": "000000", f"src/{DEEP}": "100644",
                     'src/"odd\t': "100644", "link": "120000", "src/a.py": "100644", "src/b.py": "100755"}  # fmt: skip
    assert world.content(found.commit, f"src/{DEEP}") == b"deep\r\n"
    assert found.links == {"link": "src/a.py"}


def test_attributes_without_end_that_have_landed_end_the_lease_and_not_the_reconciler(world: World) -> None:
    ordinary = world.git("rev-parse", "HEAD")
    write_files(world.person, {"src/.gitattributes": STARS.replace("\n", " odd\n"), f"src/{DEEP}": "deep\n"})
    paths = ("src/.gitattributes", f"src/{DEEP}")
    blobs = [world.git("hash-object", "-w", "--no-filters", path) for path in paths]
    for blob, path in zip(blobs, paths, strict=True):
        world.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    hostile = world.git("commit-tree", world.git("write-tree"), "-p", ordinary, "-m", "granted, and landed")
    attributes = Attributes(world.engine, limits=(1, 10.0))
    is_read = version(world) < (2, 43)

    for _ in range(3):  # it is looked at once
        with pytest.raises(PersonMustAct, match=r"src/\.gitattributes") if is_read else nullcontext():
            attributes.check(hostile)
    attributes.check(ordinary)


def version(world: World) -> tuple[int, ...]:
    return tuple(int(part) for part in world.git("version").split()[2].split(".")[:2])


def test_the_old_name_of_an_attribute_converts_nothing(world: World, tree: Path) -> None:
    write_files(tree, {".gitattributes": "* crlf\n", "src/a.py": "a\r\n"})
    assert world.content(world.capture("s1").commit, "src/a.py") == b"a\r\n"


@pytest.mark.slow
def test_a_look_at_a_live_worktree_ends_soon(world: World, tree: Path) -> None:
    write_files(tree, {".gitignore": STARS, f"src/{DEEP}": "deep\n"})
    try:
        seen = world.trees.look(SessionId("s1"))
    except OutOfTime:  # a busy machine
        return
    assert "a reasonable time" in seen.objections[0]


def test_git_that_uses_up_its_processor_time_is_ended_by_the_kernel(world: World, tree: Path) -> None:
    write_files(tree, {".gitignore": STARS, f"src/{DEEP}": "deep\n"})
    env = {"GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(world.root / "no-index")}
    with pytest.raises(OutOfTime, match="1 s of the processor"):
        world.engine.bounded(1, 300).out("ls-files", "-o", "--exclude-standard", env=env)


def test_git_that_waits_is_ended_by_the_clock(world: World) -> None:
    with pytest.raises(OutOfTime, match="out of time"):
        world.engine.bounded(60, 0.0).out("version")


# --- beside the tick -------------------------------------------------------------------------------------------------


def test_work_that_is_quick_is_done_at_once_and_work_that_is_not_is_asked_for_again() -> None:
    rings: list[str] = []
    goes_on, background = threading.Event(), Threads(lambda: rings.append("ring"), patience_s=30)
    assert background.run("quick", 1, lambda: "done") == "done"
    background = Threads(lambda: rings.append("ring"), patience_s=0.0)
    assert background.run("slow", 1, lambda: goes_on.wait() and "done") is None
    assert background.run("slow", 1, lambda: "never called") is None
    goes_on.set()
    background.wait()
    assert background.run("slow", 1, lambda: "never called") == "done"
    assert "ring" in rings


def test_one_thing_at_a_time_happens_under_one_name() -> None:
    goes_on, background = threading.Event(), Threads(lambda: None, patience_s=0.0)
    background.run("session", "look", goes_on.wait)
    calls: list[str] = []
    assert background.run("session", "capture", lambda: calls.append("capture") or "taken") is None
    assert calls == []
    goes_on.set()
    background.wait()
    while (taken := background.run("session", "capture", lambda: calls.append("capture") or "taken")) is None:
        time.sleep(0.001)
    assert (taken, calls) == ("taken", ["capture"])


def test_what_work_raises_is_raised_where_its_result_is_asked_for() -> None:
    background = Threads(lambda: None, patience_s=30)
    with pytest.raises(ZeroDivisionError):
        background.run("bad", 1, lambda: 1 // 0)
    assert background.run("bad", 1, lambda: "better") == "better"


def test_the_number_of_things_that_go_on_is_bounded() -> None:
    goes_on, background = threading.Event(), Threads(lambda: None, patience_s=0.0)
    for number in range(WORKERS_MAX):
        background.run(str(number), 1, goes_on.wait)
    calls: list[int] = []
    assert background.run("one more", 1, lambda: calls.append(1)) is None
    assert calls == []
    goes_on.set()
    background.wait()


COMMIT = CommitId("1" * 40)
SALVAGE = Salvage(TaskId("t"), SessionId("s"), COMMIT, "refs/swarm/salvage/t/s")
SUBMIT = Submit(EntryId("e"), TaskId("t"), COMMIT, "refs/swarm/submitted/t/s")
LAND = Land((EntryId("e"),), "main", CommitId("0" * 40), COMMIT, ())


@pytest.mark.parametrize("action", [SALVAGE, SUBMIT, LAND], ids=["salvage", "submit", "land"])
def test_nobody_waits_while_work_is_brought_to_the_person_and_nothing_is_recorded_that_is_not_there(
    action: Salvage | Submit | Land,
) -> None:
    goes_on, background = threading.Event(), Threads(lambda: None, patience_s=0.0)
    called: list[str] = []

    def takes_long(*_: object) -> None:
        goes_on.wait()
        called.append("brought")

    def land(*_: object) -> Landed:
        called.append("landed")
        return Landed()

    engine = SimpleNamespace(salvage=takes_long, submit=takes_long)
    lander = SimpleNamespace(publish=takes_long, land=land)
    cache = SimpleNamespace(blocked=dict)
    world = world_of(background=background, engine=engine, landing=lander, cache=cache, fault=lambda _: None)

    def do() -> Outcome:
        match action:
            case Salvage():
                return landing.salvage(action, world)
            case Submit():
                return landing.pin(action, world)
            case Land():
                return landing.land(action, world)

    assert do() == Underway(action)
    assert called == []
    assert unsaved([Underway(action)]) == ({TaskId("t")} if action is SALVAGE else frozenset())
    goes_on.set()
    background.wait()
    assert do() == Done(action)
    assert called == ["brought", *(["landed"] if action is LAND else [])]
