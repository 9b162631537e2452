"""Conflicts resolved by rules, on real git objects."""

from __future__ import annotations

import re

from person_repository import Person

from swarmgit.model.desired import Generated, MergeConfig

AUTO = MergeConfig()
TWO, THREE = (f"\n\n\ndef {name}():\n    return '{name}'\n\n\n" for name in ("two", "three"))
PY = "def first():\n    return 1\n\n\ndef last():\n    return 9\n"


def content(person: Person, tried, path: str) -> str:
    engine = person.engine()
    return engine.objects.blob(engine.objects.walk(tried.code_tree)[path].oid).decode()


def test_every_conflict_resolved_makes_a_candidate_of_tier_auto(person: Person) -> None:
    base = person.commit({"src/x.py": PY, "v.cfg": "version = 1.0.0\n"})
    head = person.make(base, {"src/x.py": PY.replace("\n\n\n", TWO), "v.cfg": "version = 1.1.0\n"})
    onto = person.make(base, {"src/x.py": PY.replace("\n\n\n", THREE), "v.cfg": "version = 1.0.5\n"})
    engine = person.engine()

    tried = engine.merge(onto, head, "m", (), "merge", AUTO)

    assert (tried.tier, tried.conflicts) == ("auto", ())
    assert content(person, tried, "v.cfg") == "version = 1.1.0\n"
    assert re.findall(r"def (\w+)", content(person, tried, "src/x.py")) == ["first", "three", "two", "last"]
    assert [each["path"] for each in tried.resolution] == ["src/x.py", "v.cfg"]
    assert tried.resolution[0]["agreed"]
    assert tried == engine.merge(onto, head, "m", (), "merge", AUTO)
    assert person.git("--git-dir", str(engine.git.git_dir), "fsck", "--no-dangling") == ""


def test_without_leave_a_conflict_stays_one(person: Person) -> None:
    base = person.commit({"v.cfg": "version = 1.0.0\n"})
    head, onto = (person.make(base, {"v.cfg": f"version = 1.{n}.0\n"}) for n in (1, 2))
    tried = person.engine().merge(onto, head, "m", (), "merge")
    assert (tried.commit, tried.conflicts, tried.tier) == (None, ("v.cfg",), "clean")


def test_one_path_left_leaves_the_whole_merge_with_hints(person: Person) -> None:
    base = person.commit({"v.cfg": "version = 1.0.0\n", "n.txt": "one\ntwo\n"})
    head = person.make(base, {"v.cfg": "version = 1.1.0\n", "n.txt": "ONE\ntwo\n", "a.txt": "theirs\n"})
    onto = person.make(base, {"v.cfg": "version = 1.2.0\n", "n.txt": "one\nTWO\n", "a.txt": "ours\n"})
    engine = person.engine()
    tried = engine.merge(onto, head, "m", (), "merge", AUTO)
    assert (tried.commit, tried.conflicts) == (None, ("a.txt", "n.txt", "v.cfg"))
    hints = {path: engine.objects.blob(oid) for path, oid in tried.hints.items()}
    assert hints == {"v.cfg": b"version = 1.2.0\n", "n.txt": b"ONE\nTWO\n"}
    assert [each["path"] for each in tried.resolution] == ["v.cfg"]


def test_a_deleted_file_and_an_intent_file_are_never_resolved(person: Person) -> None:
    base = person.commit({".swarm/policy.yaml": "a: 1\nb: 1\n", "gone.py": "a = 1\n"})
    head = person.make(base, {".swarm/policy.yaml": "a: 2\nb: 1\n"})
    onto = person.make(base, {".swarm/policy.yaml": "a: 1\nb: 2\n"})
    assert person.engine().merge(onto, head, "m", (), "merge", AUTO).conflicts == (".swarm/policy.yaml",)
    head, onto = person.make(base, {"gone.py": None}), person.make(base, {"gone.py": "a = 2\n"})
    assert person.engine().merge(onto, head, "m", (), "merge", AUTO).conflicts == ("gone.py",)


def test_the_bit_that_makes_a_file_executable_is_merged_too(person: Person) -> None:
    base = person.commit({"run.py": "a = 1\nb = 2\n"})
    head = person.make(base, {"run.py": "x:a = 10\nb = 2\n"})
    onto = person.make(base, {"run.py": "a = 1\nb = 20\n"})
    tried = person.engine().merge(onto, head, "m", (), "merge", AUTO)
    assert content(person, tried, "run.py") == "a = 10\nb = 20\n"
    assert person.engine().objects.walk(tried.code_tree)["run.py"].mode == "100755"


def test_declared_unions_are_resolved_and_generated_files_are_not(person: Person) -> None:
    config = MergeConfig(union=("CHANGES",), generated=(Generated(("*.lock",), "make lock"),))
    base = person.commit({"CHANGES": "- old\n", "uv.lock": "v = 1.0.0\n"})
    head = person.make(base, {"CHANGES": "- theirs\n- old\n"})
    onto = person.make(base, {"CHANGES": "- ours\n- old\n"})
    tried = person.engine().merge(onto, head, "m", (), "merge", config)
    assert content(person, tried, "CHANGES") == "- ours\n- theirs\n- old\n"
    head, onto = (person.make(base, {"uv.lock": f"v = 1.{n}.0\n"}) for n in (1, 2))
    assert person.engine().merge(onto, head, "m", (), "merge", config).conflicts == ("uv.lock",)
