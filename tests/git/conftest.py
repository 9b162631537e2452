"""The fixtures of the git tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from person_repository import Person, make_person


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    person = make_person(tmp_path)
    person.commit({"a.txt": "a\n", "src/b.txt": "b\n", "src/c.txt": "c\n", ".swarm/swarm.yaml": "target: main\n"})
    yield person
    person.close()
