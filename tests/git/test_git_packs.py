"""New objects outlive a collection that began before a ref named them, whoever writes them and whatever is killed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from person_repository import AT, Person, make_person

from swarmgit.adapters.git.loose import NewObject, new_object
from swarmgit.adapters.git.packs import JOIN_MIN, SMALL, Packs
from swarmgit.adapters.git.transcripts import GitTranscripts
from swarmgit.adapters.git.upkeep import GitUpkeep

REF = "refs/swarm/candidate/01abc"
COLLECT = (("gc", "-q", "--prune=now"), ("repack", "-adkq"), ("prune", "--expire=now"))


def collect(person: Person) -> None:
    """What a person's git may do at any instant, all of it."""
    for words in COLLECT:
        person.git(*words)


def packs_of(person: Person) -> Packs:
    return Packs(person.common_dir / "objects", durable=False)


def some(count: int, of: str = "x") -> list[NewObject]:
    return [new_object("blob", f"{of} {each}\n".encode() * 300, "sha1") for each in range(count)]


def files(person: Person, suffix: str) -> list[Path]:
    return sorted((person.common_dir / "objects" / "pack").glob(f"pack-{SMALL}*.{suffix}"))


def is_clean(person: Person) -> bool:
    person.git("fsck", "--strict", "--no-dangling")
    return not files(person, "keep") + files(person, "unseen")


def test_a_state_commit_survives_a_collection_before_its_ref_moves(person: Person) -> None:
    state = person.state(fault=lambda name: collect(person) if name == "state: objects written" else None)
    for number in range(3):
        state.write({f"tasks/{number}.yaml": b"one\n"}, "write", AT)
    assert person.git("ls-tree", "-r", "--name-only", "swarm/state").count("tasks/") == 3
    assert is_clean(person)


@pytest.mark.parametrize("count", [2, 600], ids=["few", "many"])
def test_a_candidate_survives_a_collection_before_its_ref_moves(person: Person, count: int) -> None:
    head = person.head()
    person.git("switch", "-q", "--detach")
    new = person.commit({f"src/new{each}.txt": f"{each}\n" for each in range(count)})
    person.git("switch", "-q", "main")
    person.git("reflog", "expire", "--expire=now", "--all")
    landing = person.landing(lambda name: collect(person) if name == "landing: candidate brought" else None)

    landing.publish(REF, new, head)

    assert person.head(REF) == new
    assert person.git("show", f"{REF}:src/new1.txt") == "1"
    assert is_clean(person)


def test_a_transcript_and_saved_work_survive_collections(person: Person) -> None:
    transcripts = GitTranscripts(person.objects())
    engine = person.engine()
    new = person.make("main", {"a.txt": "work\n"})
    engine.salvage("refs/swarm/salvage/t/s", new)
    transcripts.keep("s", {"prompt.md": b"do\n"}, "said", datetime.now(UTC))
    transcripts.close()
    collect(person)
    assert person.git("show", "refs/swarm/salvage/t/s:a.txt") == "work"
    assert is_clean(person)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_what_is_written_is_a_pack_that_git_verifies(tmp_path: Path, algorithm: str) -> None:
    person = make_person(tmp_path, f"--object-format={algorithm}")
    kinds = [new_object("blob", b"", algorithm), new_object("blob", os.urandom(70_000), algorithm)]
    kinds.append(new_object("tree", b"", algorithm))
    with packs_of(person).holding(kinds):
        (pack,) = files(person, "pack")
        assert set(person.git("verify-pack", "-v", str(pack)).split()) >= {item.oid for item in kinds}
    for item in kinds:
        person.git("cat-file", "-e", item.oid)


def test_what_no_ref_was_moved_to_is_left_to_the_next_collection(person: Person) -> None:
    one, two = some(2)
    with pytest.raises(ZeroDivisionError), packs_of(person).holding([one]):
        raise ZeroDivisionError
    with packs_of(person).holding([two]):
        person.git("update-ref", "refs/swarm/x", two.oid)
    collect(person)
    assert person.git("cat-file", "-t", two.oid) == "blob"
    assert one.oid not in person.git("cat-file", "--batch-all-objects", "--batch-check")


def test_many_small_packs_become_one_while_readers_and_collectors_are_at_work(person: Person) -> None:
    packs, objects = packs_of(person), person.objects()
    new = some(JOIN_MIN)
    for item in new:
        with packs.holding([item]):
            person.git("update-ref", f"refs/swarm/x/{item.oid}", item.oid)
        objects.stored(item.oid)
    packs.join()
    assert len(files(person, "pack")) == 1
    assert all(objects.stored(item.oid) for item in new)
    collect(person)
    assert all(objects.stored(item.oid) for item in new)
    assert is_clean(person)


def test_a_pack_that_is_damaged_or_named_by_an_index_of_many_is_not_joined(person: Person) -> None:
    packs, new = packs_of(person), some(JOIN_MIN + 2)
    for item in new[:JOIN_MIN]:
        with packs.holding([item]):
            pass
    person.git("multi-pack-index", "write")
    packs.join()
    assert len(files(person, "pack")) == JOIN_MIN
    (person.common_dir / "objects" / "pack" / "multi-pack-index").unlink()
    bad = files(person, "pack")[0]
    bad.chmod(0o644)
    content = bytearray(bad.read_bytes())
    content[14] ^= 0xFF
    bad.write_bytes(content)
    packs.join()
    assert len(files(person, "pack")) == 2
    assert bad in files(person, "pack")


def test_what_a_killed_process_held_is_given_up_after_a_while(person: Person) -> None:
    packs, upkeep = packs_of(person), GitUpkeep(person.objects(), person.engine())
    old, young = some(2)
    held = [packs.holding([item]) for item in (old, young)]
    for hold in held:
        hold.__enter__()  # and never left
    folder = person.common_dir / "objects" / "pack"
    keeps = files(person, "keep")
    os.utime(keeps[0], (1, 1))
    half = folder / f"pack-{SMALL}{'0' * 24}"
    for suffix in ("keep", "pack", "unseen"):
        path = half.with_name(f"{half.name}.{suffix}")
        path.write_bytes(b"half")
        os.utime(path, (1, 1))

    upkeep.heal()

    assert files(person, "keep") == [keeps[1]]
    assert len(files(person, "idx")) == 2
    assert not list(folder.glob(f"{half.name}*"))
