"""Refs that are packed again and again while our git processes live: the packing leaves no former values behind."""

from __future__ import annotations

import os

import pytest
from person_repository import Person

from swarmgit.adapters.git.refs import RefChange, RefRefused, RefWriter
from swarmgit.adapters.git.run import Git

MAIN = "refs/heads/main"


def packed_in_the_same_second(person: Person) -> str:
    """Pack a moved `main` so that size, inode and time in seconds stay, as two packings in a second may; return it."""
    path = person.common_dir / "packed-refs"
    before, text = path.stat(), path.read_bytes()
    former = person.head()
    moved = person.commit({"x": former})
    (person.common_dir / MAIN).unlink()
    path.write_bytes(text.replace(former.encode(), moved.encode()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1000))
    assert path.stat().st_ino == before.st_ino
    return moved


def test_a_ref_is_read_as_it_was_packed_last(person: Person) -> None:
    objects = person.objects()
    person.git("pack-refs", "--all", "--prune")
    assert objects.ref(MAIN) == person.head()
    moved = packed_in_the_same_second(person)
    assert objects.ref(MAIN) == moved


def test_a_ref_is_compared_with_what_was_packed_last(person: Person) -> None:
    refs = RefWriter(Git(person.common_dir))
    former = person.head()
    try:
        person.git("pack-refs", "--all", "--prune")
        refs.move([RefChange("refs/heads/other", former)], 40)
        refs.move([RefChange(MAIN, former, former)], 40)
        person.git("pack-refs", "--all", "--prune")
        refs.move([RefChange("refs/heads/more", former)], 40)
        moved = packed_in_the_same_second(person)
        with pytest.raises(RefRefused):
            refs.move([RefChange(MAIN, former, former)], 40)
        assert person.head() == moved
        refs.move([RefChange(MAIN, former, moved)], 40)
        assert person.head() == former
    finally:
        refs.close()
