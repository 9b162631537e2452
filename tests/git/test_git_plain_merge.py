"""What is merged without git is merged as git does it."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from person_repository import Person

from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.loose import CommitText, LooseWriter, new_commit
from swarmgit.adapters.git.merge import Bases
from swarmgit.adapters.git.overlay import Overlay
from swarmgit.adapters.git.plainmerge import PlainMerge
from swarmgit.model.ids import CommitId

AT = datetime(2026, 1, 1, tzinfo=UTC)
Files = dict[str, bytes]


class Desk:
    """Makes commits from whole sets of files, in the engine."""

    def __init__(self, engine: GitEngine) -> None:
        self.objects = engine.objects
        self.writer = LooseWriter(engine.git.git_dir / "objects", durable=False)

    def commit(self, files: Files, *parents: CommitId) -> CommitId:
        overlay = Overlay(self.objects)
        tree = overlay.apply(None, dict(files))
        commit = new_commit(CommitText(tree, parents, "made", AT), "sha1")
        self.writer.write([*overlay.new, commit])
        return CommitId(commit.oid)

    def plain(self, base: CommitId, ours: CommitId, theirs: CommitId) -> str | None:
        merge = PlainMerge(self.objects)
        tree = merge.merge(*(self.objects.commit(commit).tree for commit in (base, ours, theirs)))
        self.writer.write(merge.new)
        return tree

    def by_git(self, ours: CommitId, theirs: CommitId) -> str | None:
        done = self.objects.git.call("merge-tree", "--write-tree", ours, theirs)
        return done.stdout.decode().split()[0] if done.returncode == 0 else None


def edit(files: Files, chance: random.Random) -> Files:
    """Return the files after a few edits, moves, removals and moves of whole folders."""
    after = dict(files)
    for number in range(chance.randint(1, 3)):
        path = chance.choice(sorted(after))
        folder = path.rpartition("/")[0]
        match chance.randrange(7):
            case 0 | 1:
                after[path] += b"edited %d\n" % chance.randrange(3)
            case 2:
                after[f"{folder}/new{chance.randrange(4)}" if folder else f"new{number}"] = b"new\n" * 9
            case 3:
                after[f"{chance.choice('abcd')}/moved{chance.randrange(3)}"] = after.pop(path)
            case 4 if len(after) > 2:
                del after[path]
            case 5 if folder:
                goal = chance.choice("abxyz") + chance.choice(["", "/in"])
                for name in [name for name in after if name.startswith(f"{folder}/")]:
                    after[f"{goal}/{name.removeprefix(folder + '/')}"] = after.pop(name)
            case _:
                after[f"fresh{chance.randrange(3)}/file"] = b"fresh\n"
    return {
        name: content for name, content in after.items() if not any(other.startswith(f"{name}/") for other in after)
    }


@pytest.mark.parametrize("seed", range(6))
def test_where_it_answers_it_is_the_tree_that_git_makes(person: Person, seed: int) -> None:
    desk = Desk(person.engine())
    chance = random.Random(seed)
    answered = 0
    for _ in range(40):
        files = {
            f"{chance.choice(['', 'a/', 'b/', 'a/deep/', 'c/'])}f{number}": b"line %d\n" % number * 12
            for number in range(chance.randint(3, 9))
        }
        base = desk.commit(files)
        ours, theirs = desk.commit(edit(files, chance), base), desk.commit(edit(files, chance), base)
        tree = desk.plain(base, ours, theirs)
        if tree is not None:
            answered += 1
            assert tree == desk.by_git(ours, theirs)
    assert answered > 5


def test_a_file_added_to_a_folder_that_moved_away_is_left_to_git(person: Person) -> None:
    desk = Desk(person.engine())
    files = {"old/one": b"1\n" * 9, "old/two": b"2\n" * 9, "rest": b"r\n"}
    base = desk.commit(files)
    ours = desk.commit({"new/one": files["old/one"], "new/two": files["old/two"], "rest": b"r\n"}, base)
    theirs = desk.commit({**files, "old/three": b"3\n"}, base)
    assert desk.plain(base, ours, theirs) is None


def test_the_base_is_the_agents_start_however_much_has_landed_since(person: Person) -> None:
    desk = Desk(person.engine())
    base = desk.commit({"f": b"1\n"})
    heads = [desk.commit({"f": b"1\n", f"g{number}": b"2\n"}, base) for number in range(4)]
    onto = base
    for number, head in enumerate(heads[:3]):
        onto = desk.commit({"f": b"1\n", **{f"g{n}": b"2\n" for n in range(number + 1)}}, onto, head)
    assert Bases(desk.objects).only(onto, heads[3]) == base
    assert desk.objects.git.line("merge-base", onto, heads[3]) == base


def test_work_that_the_target_has_already_has_no_base_of_that_kind(person: Person) -> None:
    desk = Desk(person.engine())
    base = desk.commit({"f": b"1\n"})
    head = desk.commit({"f": b"2\n"}, base)
    beyond = desk.commit({"f": b"3\n"}, head)
    assert Bases(desk.objects).only(desk.commit({"f": b"2\n"}, base, head), head) is None
    assert Bases(desk.objects).only(desk.commit({"f": b"3\n"}, base, beyond), head) is None
    assert Bases(desk.objects).only(beyond, head) is None


def test_what_is_known_of_a_line_gives_the_same_base_as_a_fresh_look(person: Person) -> None:
    desk = Desk(person.engine())
    base = desk.commit({"f": b"1\n"})
    heads = [desk.commit({"f": b"1\n", f"h{n}": b"x"}, base) for n in range(6)]
    late = desk.commit({"f": b"1\n", "late": b"x"}, heads[0])
    known = Bases(desk.objects)
    onto = base
    for head in heads:
        assert known.only(onto, head) == Bases(desk.objects).only(onto, head) == base
        onto = desk.commit({"f": b"1\n"}, onto, head)
        assert known.only(onto, head) is None
    assert known.only(onto, late) == Bases(desk.objects).only(onto, late)
    aside = desk.commit({"f": b"2\n"}, base, heads[1])
    for head in heads:
        assert known.only(aside, head) == Bases(desk.objects).only(aside, head)
