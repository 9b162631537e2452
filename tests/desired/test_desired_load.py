"""The intent in force comes from commits; what is broken keeps its last good version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git
from swarmgit.desired.cache import Cache
from swarmgit.desired.load import load
from swarmgit.model.desired import Desired

SWARM = """\
version: 1
target: main
tiers: {frontier: {runtime: codemod}, standard: {runtime: codemod}, fast: {runtime: codemod}}
runtimes:
  codemod: {adapter: command, run: ["true"]}
"""


def task(title: str = "t", **keys: str) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return f"version: 1\ntitle: {title}\ndescription: d\nscope: {{owns: [src/**]}}\n{lines}"


class Project:
    """A real repository whose commits are made by git itself."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir()
        self.git("init", "-q", "-b", "main")
        self.objects = GitObjects(Git(top / ".git"))

    def git(self, *args: str) -> str:
        env = {
            "PATH": os.environ["PATH"], "HOME": str(self.top), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "P", "GIT_AUTHOR_EMAIL": "p@x", "GIT_COMMITTER_NAME": "P", "GIT_COMMITTER_EMAIL": "p@x",
        }  # fmt: skip
        done = subprocess.run(["git", *args], cwd=self.top, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str | bytes | None]) -> str:
        """Write files below .swarm/ (None deletes) and commit."""
        for name, content in files.items():
            path = self.top / ".swarm" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "c")
        return self.git("rev-parse", "HEAD")

    def load(self, cache: Cache | None = None) -> Desired:
        return load(self.objects, "main", cache)


@pytest.fixture
def project(tmp_path: Path):
    made = Project(tmp_path / "project")
    yield made
    made.objects.close()


def told(desired: Desired) -> list[str]:
    return [str(problem).removeprefix(".swarm/") for problem in desired.problems]


def test_a_missing_branch_and_a_missing_folder_name_the_command_that_helps(project: Project) -> None:
    assert "swarmgit init" in told(project.load())[0]
    (project.top / "a").write_text("a")
    head = project.commit({})
    desired = project.load()
    assert (desired.commit, desired.swarm) == (head, None)
    assert "swarmgit init" in told(desired)[0]


def test_intent_is_read_from_the_commit_and_not_from_the_working_tree(project: Project) -> None:
    head = project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(), "tasks/sub/b.yaml": task(depends_on="[a]")})
    (project.top / ".swarm/tasks/a.yaml").write_text("broken")
    (project.top / ".swarm/tasks/c.yaml").write_text(task())
    desired = project.load()
    assert told(desired) == []
    assert (desired.commit, list(desired.tasks), desired.held) == (head, ["a", "b"], frozenset())
    assert desired.tasks["a"].generation == project.git("rev-parse", "HEAD:.swarm/tasks/a.yaml")
    assert {"builder", "reviewer", "scout", "merger", "triage", "planner"} <= desired.roles.keys()


def test_a_broken_task_keeps_its_last_good_version_until_it_is_repaired(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task("one")})
    project.commit({"tasks/a.yaml": task("two")})
    project.commit({"tasks/a.yaml": task("three") + "buget: 3\n"})
    project.commit({"tasks/a.yaml": "a: [\n"})
    desired = project.load()
    assert desired.tasks["a"].title == "two"
    assert desired.held == frozenset()
    assert told(desired)[0].startswith("tasks/a.yaml:2:1: not valid YAML")
    project.commit({"tasks/a.yaml": task("four")})
    assert (project.load().tasks["a"].title, project.load().problems) == ("four", ())


def test_a_broken_task_that_was_never_good_is_held_and_the_others_go_on(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(), "tasks/b.yaml": "version: 1\n"})
    desired = project.load()
    assert (list(desired.tasks), desired.held) == (["a"], {"b"})


def test_a_removed_task_is_neither_in_force_nor_held(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(), "tasks/b.yaml": task()})
    project.commit({"tasks/a.yaml": None})
    desired = project.load()
    assert (list(desired.tasks), desired.held, desired.problems) == (["b"], frozenset(), ())


@pytest.mark.parametrize("name", ["swarm.yaml", "gates.yaml", "policy.yaml"])
def test_without_a_usable_swarm_gates_or_policy_nothing_may_start(project: Project, name: str) -> None:
    project.commit({"swarm.yaml": SWARM, name: "version: 1\nx: 1\n", "tasks/a.yaml": task()})
    desired = project.load()
    assert desired.swarm is None
    assert list(desired.tasks) == ["a"]
    assert "unknown key 'x'" in "".join(told(desired))


def test_a_broken_swarm_yaml_keeps_the_last_good_one(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task()})
    project.commit({"swarm.yaml": SWARM + "agents_max: 3\n"})
    project.commit({"swarm.yaml": SWARM + "agents_max: many\n"})
    desired = project.load()
    assert desired.swarm is not None
    assert desired.swarm.agents_max == 3
    assert told(desired) == ["swarm.yaml:6:13: 'agents_max': expected a whole number, found the text 'many'"]


def test_a_swarm_yaml_that_contradicts_itself_keeps_the_last_good_one(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task()})
    wrong = SWARM.replace("fast: {runtime: codemod}", "fast: {runtime: codemode}") + "routing: {plan: fats}\n"
    project.commit({"swarm.yaml": wrong})
    desired = project.load()
    assert told(desired) == [
        "swarm.yaml:3:85: unknown runtime 'codemode'; did you mean 'codemod'?",
        "swarm.yaml:6:17: unknown tier 'fats'; did you mean 'fast'?",
    ]
    assert desired.swarm is not None
    assert desired.swarm.tiers["fast"].runtime == "codemod"


def test_limits_of_the_watchdog_for_unknown_types_and_tiers_are_refused(project: Project) -> None:
    limits = "watchdog: {types: {tset: {silence_minutes: 1}}, tiers: {fats: {silence_minutes: 1}}}\n"
    project.commit({"swarm.yaml": SWARM + limits, "tasks/a.yaml": task()})
    assert told(project.load()) == [
        "swarm.yaml:6:26: unknown type of task 'tset'; did you mean 'test'?",
        "swarm.yaml:6:63: unknown tier 'fats'; did you mean 'fast'?",
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"depends_on": "[base, bse]"}, "tasks/a.yaml:5:20: unknown task 'bse'; did you mean 'base'?"),
        ({"runtime": "codmod"}, "tasks/a.yaml:5:10: unknown runtime 'codmod'; did you mean 'codemod'?"),
        ({"runtime": "command"}, "tasks/a.yaml:5:10: the runtime 'command' needs a program"),
        ({"role": "bilder"}, "tasks/a.yaml:5:7: unknown role 'bilder': there is no .swarm/roles/bilder.md; did you mean 'builder'?"),
        ({"convoy": "aut"}, "tasks/a.yaml:5:9: unknown convoy 'aut': there is no .swarm/convoys/aut.yaml; did you mean 'auth'?"),
        ({"convoy": "auth"}, "tasks/a.yaml:5:9: the convoy 'auth' does not list this task"),
        ({"agent": "Builder 3"}, "tasks/a.yaml:5:8: 'agent': 'Builder 3' is not a valid name"),
    ],
)  # fmt: skip
def test_a_wrong_reference_is_reported_at_its_place_and_holds_the_task(
    project: Project, keys: dict[str, str], message: str
) -> None:
    convoy = "version: 1\ntitle: c\ntasks: [base]\n"
    files = {"swarm.yaml": SWARM, "convoys/auth.yaml": convoy, "tasks/base.yaml": task(convoy="auth")}
    project.commit({**files, "tasks/a.yaml": task(**keys)})
    desired = project.load()
    assert told(desired)[0].startswith(message)
    assert (list(desired.tasks), desired.held) == (["base"], {"a"})
    # and an earlier good version stays in force
    project.commit({"tasks/a.yaml": task("good")})
    project.commit({"tasks/a.yaml": task("bad", **keys)})
    desired = project.load()
    assert told(desired)[0].startswith(message)
    assert (desired.tasks["a"].title, desired.held) == ("good", frozenset())


def test_a_tier_without_a_runtime_holds_only_tasks_without_a_runtime_of_their_own(project: Project) -> None:
    swarm = "version: 1\ntarget: main\nruntimes:\n  codemod: {adapter: command, run: x}\n"
    project.commit({"swarm.yaml": swarm, "tasks/a.yaml": task(runtime="codemod"), "tasks/b.yaml": task(type="docs")})
    desired = project.load()
    assert (list(desired.tasks), desired.held) == (["a"], {"b"})
    assert told(desired)[0].startswith("tasks/b.yaml:5:7: tasks of type docs go to the tier 'fast'")


def test_a_known_agent_program_needs_no_entry_under_runtimes(project: Project) -> None:
    project.commit({"swarm.yaml": "version: 1\ntarget: main\n", "tasks/a.yaml": task(runtime="claude-code")})
    assert told(project.load()) == []


def test_a_cycle_is_printed_once_and_held_and_the_rest_goes_on(project: Project) -> None:
    files = {"swarm.yaml": SWARM, "tasks/free.yaml": task()}
    for name, needed in (("a", "b"), ("b", "c"), ("c", "a")):
        files[f"tasks/{name}.yaml"] = task(depends_on=f"[free, {needed}]")
    project.commit(files)
    desired = project.load()
    assert told(desired) == ["tasks/a.yaml:5:20: the tasks wait for each other: a → b → c → a"]
    assert (list(desired.tasks), desired.held) == (["free"], {"a", "b", "c"})


def test_an_edit_that_closes_a_cycle_leaves_the_version_before_it_in_force(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task("old"), "tasks/b.yaml": task(), "tasks/c.yaml": task()})
    project.commit({"tasks/a.yaml": task(depends_on="[b]"), "tasks/b.yaml": task(depends_on="[c]")})
    project.commit({"tasks/c.yaml": task("closing", depends_on="[a]")})
    desired = project.load()
    assert told(desired) == ["tasks/a.yaml:5:14: the tasks wait for each other: a → b → c → a"]
    assert {name: found.depends_on for name, found in desired.tasks.items()} == {"a": ("b",), "b": ("c",), "c": ()}


def test_a_task_cannot_wait_for_itself(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(depends_on="[a]")})
    assert told(project.load()) == ["tasks/a.yaml:5:14: the tasks wait for each other: a → a"]


def test_two_files_with_one_id_are_both_named_and_the_older_stays_in_force(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/x/a.yaml": task("first")})
    project.commit({"tasks/y/a.yaml": task("second")})
    desired = project.load()
    assert told(desired) == [
        "tasks/x/a.yaml: the task id 'a' is not unique: .swarm/tasks/y/a.yaml has it too",
        "tasks/y/a.yaml: the task id 'a' is not unique: .swarm/tasks/x/a.yaml has it too",
    ]
    assert desired.tasks["a"].title == "first"


def test_two_files_with_one_id_from_the_start_are_held(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/x/a.yaml": task("first"), "tasks/a.yaml": task("second")})
    desired = project.load()
    assert (dict(desired.tasks), desired.held) == ({}, {"a"})


def test_convoys_lose_members_that_do_not_exist(project: Project) -> None:
    convoy = "version: 1\ntitle: c\ntasks: [a, aa]\n"
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(), "convoys/auth.yaml": convoy})
    desired = project.load()
    assert told(desired) == ["convoys/auth.yaml:3:12: unknown task 'aa'; did you mean 'a'?"]
    assert desired.convoys["auth"].tasks == ("a",)


def test_an_experiment_whose_arms_name_what_is_not_there_gives_out_no_task(project: Project) -> None:
    arms = "[{name: a, role: bilder}, {name: a, runtime: codemot}, {name: c}, {name: d}]"
    good = "[{name: a, role: builder}, {name: b, runtime: codemod}]"
    project.commit(
        {
            "swarm.yaml": SWARM,
            "experiments/x.yaml": f"version: 1\ntitle: t\narms: {arms}\n",
            "experiments/y.yaml": f"version: 1\ntitle: t\narms: {good}\n",
        }
    )
    desired = project.load()
    assert told(desired) == [
        "experiments/x.yaml:3:24: unknown role 'bilder': there is no .swarm/roles/bilder.md; did you mean 'builder'?",
        "experiments/x.yaml:3:40: another arm is called 'a' too",
        "experiments/x.yaml:3:52: unknown runtime 'codemot'; did you mean 'codemod'?",
        "experiments/x.yaml:3:73: the arm 'd' is the same as 'c': there is nothing to compare",
    ]
    assert list(desired.experiments) == ["y"]


def test_other_files_are_ignored_and_yml_and_links_are_named(project: Project) -> None:
    (project.top / ".swarm/tasks").mkdir(parents=True)
    (project.top / ".swarm/tasks/l.yaml").symlink_to("/etc/passwd")
    project.commit({"swarm.yaml": SWARM, "tasks/README.md": "x", "tasks/b.yml": task(), "notes.txt": "x"})
    assert told(project.load()) == [
        "tasks/l.yaml: not read: it is a symbolic link, not a file",
        "tasks/b.yml: not read: the name must end in .yaml",
    ]


def test_a_role_of_the_project_replaces_the_built_in_one(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "roles/builder.md": "Build.\n", "roles/poet.md": "Rhyme.\n"})
    roles = project.load().roles
    assert (roles["builder"], roles["poet"]) == ("Build.\n", "Rhyme.\n")


def test_a_second_process_reads_the_cache_and_neither_yaml_nor_jsonschema(project: Project, tmp_path: Path) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(), "gates.yaml": "version: 1\ngates: []\n"})
    cache = tmp_path / "cache"
    first = project.load(Cache(cache))
    script = f"""
import sys
from pathlib import Path
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git
from swarmgit.desired.load import Cache, load
objects = GitObjects(Git(Path({str(project.top / ".git")!r})))
print(list(load(objects, "main", Cache(Path({str(cache)!r}))).tasks))
objects.close()
print([name for name in ("yaml", "jsonschema", "pathspec") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "['a']\n[]\n"
    assert project.load(Cache(cache)) == first


def test_a_cached_answer_is_the_same_as_a_fresh_one_also_with_problems(project: Project, tmp_path: Path) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task("one")})
    for files in ({"tasks/a.yaml": "x"}, {}, {"tasks/b.yaml": task()}, {"tasks/a.yaml": task("two")}):
        project.commit(files)
        fresh = project.load()
        assert project.load(Cache(tmp_path / "cache")) == fresh
        assert project.load(Cache(tmp_path / "cache")) == fresh


def test_a_damaged_cache_is_a_miss_and_only_the_newest_files_are_kept(project: Project, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for number in range(25):
        project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(str(number) + "x")})
        project.load(Cache(cache))
    files = list(cache.iterdir())
    assert len(files) == 20
    for path in files:
        path.write_bytes(b"{")
    assert project.load(Cache(cache)).tasks["a"].title == "24x"


def test_unchanged_tasks_are_not_parsed_again_in_the_same_process(project: Project) -> None:
    project.commit({"swarm.yaml": SWARM, "tasks/a.yaml": task(), "tasks/b.yaml": task()})
    cache = Cache(None)
    before = project.load(cache)
    project.commit({"tasks/b.yaml": task("new")})
    after = project.load(cache)
    assert after.tasks["a"] is before.tasks["a"]
    project.commit({})
    head = project.git("rev-parse", "HEAD")
    assert project.load(cache) == replace(after, commit=head)


def test_a_policy_for_a_runtime_or_a_role_that_does_not_exist_is_a_problem_with_its_place(project: Project) -> None:
    text = "version: 1\ncredentials: {claude-cod: [KEY], codex: [KEY]}\ncommands: {bilder: [git], gate: [git], scout: []}\n"
    project.commit({"swarm.yaml": SWARM, "policy.yaml": text})
    desired = project.load()
    assert told(desired) == [
        "policy.yaml:2:27: unknown runtime 'claude-cod'; did you mean 'claude-code'?",
        "policy.yaml:3:20: unknown role 'bilder'; did you mean 'builder'?",
    ]
    assert desired.policy.programs_of("scout") is not None
