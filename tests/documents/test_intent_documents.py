"""Intent documents: what they say becomes values, and everything wrong with them is said at once."""

from __future__ import annotations

import json

import jsonschema
import pytest

from swarmgit.documents import intent, rules, schemas
from swarmgit.model.desired import (
    DEFAULT_ROUTING,
    Acceptance,
    Budget,
    Convoy,
    Gate,
    Generated,
    MergeConfig,
    PushConfig,
    Runtime,
    Scope,
    Swarm,
    SwarmBudget,
    Task,
    Tier,
    WorktreeConfig,
)
from swarmgit.model.experiments import Arm, Experiment
from swarmgit.model.ids import ExperimentId
from swarmgit.model.policy import CommsRule, Credential, Filesystem, Limits, Policy

TASK = "version: 1\ntitle: t\ndescription: d\nscope: {owns: [src/**]}\n"


def read(kind: str, text: str, path: str = ".swarm/tasks/api.yaml"):
    return getattr(intent, kind)(path, "b1", text.encode())


def told(kind: str, text: str, path: str = ".swarm/tasks/api.yaml") -> list[str]:
    parsed = read(kind, text, path)
    assert (parsed.value is None) == bool(parsed.problems)
    return [str(problem) for problem in parsed.problems]


def test_a_small_task_has_the_defaults_of_its_value() -> None:
    assert read("task", TASK).value == Task("api", ".swarm/tasks/api.yaml", "b1", "t", "d", scope=Scope(("src/**",)))


def test_a_task_says_everything() -> None:
    text = """\
version: 1
title: Rotate refresh tokens
description: |
  Why.
type: security
priority: high
convoy: auth-v2
depends_on: [auth-types]
scope: {owns: ["src/auth/**"], shares: [CHANGELOG.md], reads: ["docs/**"]}
contracts: keep login()
acceptance:
  - run: pytest -q tests/auth
  - {run: make lint, timeout_minutes: 0.5}
role: builder
agent: builder-03
runtime: claude-code
model: opus
budget: {usd: 2.50, tokens: 400000, minutes: 45, attempts: 3}
review: full
allow_no_change: true
suspend: true
labels: {area: auth, when: "on"}
"""
    assert read("task", text).value == Task(
        id="api",
        path=".swarm/tasks/api.yaml",
        generation="b1",
        title="Rotate refresh tokens",
        description="Why.\n",
        type="security",
        priority="high",
        convoy="auth-v2",
        depends_on=("auth-types",),
        scope=Scope(("src/auth/**",), ("CHANGELOG.md",), ("docs/**",)),
        contracts="keep login()",
        acceptance=(Acceptance("pytest -q tests/auth"), Acceptance("make lint", 0.5)),
        role="builder",
        agent="builder-03",
        runtime="claude-code",
        model="opus",
        budget=Budget(2.5, 400_000, 45, 3),
        review="full",
        allow_no_change=True,
        suspend=True,
        labels={"area": "auth", "when": "on"},
    )


@pytest.mark.parametrize(
    ("keys", "role"),
    [("", "builder"), ("type: plan", "planner"), ("type: review", "reviewer"), ("type: research", "scout"),
     ("type: docs", "builder"), ("type: review\nrole: builder", "builder")],
)  # fmt: skip
def test_the_role_follows_from_the_type(keys: str, role: str) -> None:
    assert read("task", TASK + keys).value.role == role


def test_only_a_read_only_role_may_own_nothing() -> None:
    without = "version: 1\ntitle: t\ndescription: d\n"
    assert told("task", without) == [
        ".swarm/tasks/api.yaml:1:1: missing key 'owns' in 'scope': say which files this task may change, such as [\"src/**\"]"
    ]
    assert told("task", without + "scope: {owns: []}\n")[0].startswith(".swarm/tasks/api.yaml:4:15: missing key 'owns'")
    assert read("task", without + "type: research\n").value.scope == Scope()


def test_all_problems_of_a_file_are_told_at_once_in_order() -> None:
    text = """\
version: 1
title: 5
priority: hihg
buget: {usd: 2}
budget: {usd: x, minutes: 0, tokens: 1.5}
scope: {own: [a]}
depends_on: [A, b, b]
suspend: yes
labels: [a]
labels: {}
"""
    assert [line.removeprefix(".swarm/tasks/api.yaml:") for line in told("task", text)] == [
        "1:1: missing key 'description'",
        "2:8: 'title': expected text, found the number 5",
        "3:11: 'priority' must be one of low, normal, high or critical, not 'hihg'; did you mean 'high'?",
        "4:1: unknown key 'buget'; did you mean 'budget'?",
        "5:15: 'budget.usd': expected a number, found the text 'x'",
        "5:27: 'budget.minutes' must be more than 0, not 0",
        "5:38: 'budget.tokens': expected a whole number, found the number 1.5",
        "6:8: missing key 'owns' in 'scope': say which files this task may change, such as [\"src/**\"]",
        "6:9: unknown key 'own'; did you mean 'owns'?",
        "7:13: 'depends_on' has 'b' more than once",
        f"7:14: 'depends_on[0]': 'A' is not a valid name: use {schemas.NAME_WORDS}",
        "8:10: 'suspend': expected true or false, found the text 'yes'",
        "9:9: 'labels': expected 'key: value' lines, found a list",
        "10:1: repeated key 'labels'; it already stands in line 9",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2\ntitel: x\n", "1:10: version 2 is not known here; this swarmgit reads version 1"),
        ("version: '1'\n", "1:10: version '1' is not known here; this swarmgit reads version 1"),
        ("version: true\n", "1:10: version true is not known here; this swarmgit reads version 1"),
        ("titel: x\n", "1:1: missing key 'version'; the first line of a document is 'version: 1'"),
    ],
)
def test_of_another_version_nothing_else_is_said(text: str, message: str) -> None:
    assert told("task", text) == [f".swarm/tasks/api.yaml:{message}"]


@pytest.mark.parametrize("name", ["Api", "a b", "-a", "a..b", "a.lock", "a" * 64, ".a", "ä", "_a"])
def test_a_file_whose_name_cannot_be_an_id_is_refused(name: str) -> None:
    assert told("task", TASK, f".swarm/tasks/{name}.yaml")[0].startswith(
        f".swarm/tasks/{name}.yaml: '{name}' cannot be an id"
    )
    assert told("task", TASK + f"depends_on: [{json.dumps(name)}]")
    assert told("convoy", "version: 1\ntitle: t\n", f".swarm/convoys/{name}.yaml")


def test_a_name_with_a_line_break_is_no_name() -> None:
    assert told("task", TASK + 'agent: "a\\n"\n')


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("/src", "starts with '/'"), ("../x", "has '..' in it"), ("a/../b", "has '..' in it"), ("!a", "can only add"),
     ("#a", "matches nothing"), (" ", "matches nothing"), ("a\\nb", "matches nothing"), ("a\\\\", "not valid")],
)  # fmt: skip
def test_patterns_that_cannot_work_are_refused(pattern: str, words: str) -> None:
    for key in ("owns", "shares", "reads"):
        text = f'version: 1\ntitle: t\ndescription: d\ntype: review\nscope: {{{key}: ["{pattern}"]}}\n'
        assert words in told("task", text)[0]
    assert words in told("policy", f'version: 1\nprotected_paths: ["{pattern}"]\n')[0]
    assert words in told("gates", f'version: 1\ngates: [{{name: a, run: b, inputs: ["{pattern}"]}}]\n')[0]


@pytest.mark.parametrize("kind", ["task", "swarm", "gates", "policy", "convoy"])
@pytest.mark.parametrize("value", ["5", "[]", "{}", "[5]", "{a: 5}", "x", "null", "[[]]", "[{}]", "{a: [x]}"])
def test_a_value_of_a_wrong_type_anywhere_never_is_a_crash(kind: str, value: str) -> None:
    for key in json.loads(schemas.text(kind))["properties"]:
        told(kind, f"version: 1\n{key}: {value}\n")
        for inner in json.loads(schemas.text(kind))["properties"][key].get("properties", {}):
            told(kind, f"version: 1\n{key}: {{{inner}: {value}}}\n")
    for inner in ("name", "when", "inputs", "junit"):
        told("gates", f"version: 1\ngates: [{{{inner}: {value}}}, {{{inner}: {value}}}]\n")
    for inner in ("adapter", "run", "env", "files"):
        told("swarm", f"version: 1\ntarget: main\nruntimes: {{a: {{{inner}: {value}}}}}\n")


def test_a_small_swarm_has_the_defaults_of_its_value() -> None:
    assert read("swarm", "version: 1\ntarget: main\n").value == Swarm("main")


def test_a_swarm_says_everything() -> None:
    text = """\
version: 1
target: trunk
agents_max: 30
gates_max: 4
attempts_max: 5
minutes_per_session: 0.5
stop_grace_seconds: 0
state: {branch: swarm/other}
push: {remote: origin}
retention_days: 1
budget: {usd_per_day: 50, usd_per_task: 5, tokens_per_session: 2000000, alert_at: 0.5}
subscription: {usd_per_month: 200}
tiers:
  standard: {runtime: claude-code, model: sonnet}
  fast: {runtime: codemod}
routing: {implement: fast}
runtimes:
  codemod: {adapter: command, run: ["python3", "x.py"], env: {A_B: "1"}, files: [/opt/x]}
  shell: {adapter: command, run: "echo $SWARM_TASK"}
worktree: {include: [.env.test], share: [node_modules], setup: [uv sync], setup_key: [uv.lock], sparse: true}
ports_per_session: 0
merge:
  {style: squash, batch_max: 1, flaky_retries: 0, tiers: [clean], union: [CHANGES*],
   generated: [{files: ["*.lock"], run: make lock}]}
"""
    assert read("swarm", text).value == Swarm(
        target="trunk",
        state_branch="swarm/other",
        push=PushConfig("origin"),
        agents_max=30,
        gates_max=4,
        retention_days=1,
        minutes_per_session=0.5,
        attempts_max=5,
        stop_grace_s=0.0,
        ports_per_session=0,
        budget=SwarmBudget(50, 5, 2_000_000, 0.5),
        subscription_usd_per_month=200,
        tiers={"standard": Tier("claude-code", "sonnet"), "fast": Tier("codemod")},
        routing={**DEFAULT_ROUTING, "implement": "fast"},
        runtimes={
            "codemod": Runtime("codemod", "command", ("python3", "x.py"), {"A_B": "1"}, ("/opt/x",)),
            "shell": Runtime("shell", "command", ("/bin/sh", "-c", "echo $SWARM_TASK")),
        },
        worktree=WorktreeConfig((".env.test",), ("node_modules",), ("uv sync",), ("uv.lock",), True),
        merge=MergeConfig("squash", 1, 0, ("clean",), ("CHANGES*",), (Generated(("*.lock",), "make lock"),)),
    )


def test_the_example_of_the_design_is_valid() -> None:
    text = """\
version: 1
target: main
agents_max: 8
state: {branch: swarm/state}
push: {remote: null}
retention_days: 14
budget: {usd_per_day: 50, usd_per_task: 5, tokens_per_session: 2000000, alert_at: 0.8}
subscription: null
tiers: {fast: {runtime: codemod}}
runtimes: {codemod: {adapter: command, run: ["python3", "tools/codemod.py"]}}
ports_per_session: 4
merge: {style: merge, batch_max: 8, flaky_retries: 1, tiers: [clean, auto, ai, reimagine]}
"""
    assert told("swarm", text) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("target: 'a..b'", "2:9: 'a..b' is not a branch name"),
        ("target: swarm/state", "2:9: the target and the state cannot be the same branch"),
        ("target: swarm", "2:9: git cannot have the branch 'swarm' beside 'swarm/state', the branch of the state"),
        ("target: a\nstate: {branch: a/b}", "3:17: git cannot have the branch 'a' beside 'a/b'"),
        ("target: main\npush: {branch: x}", "3:8: 'branch' has no effect without 'remote'"),
        ("target: main\nworktree: {setup_key: [x]}", "3:12: 'setup_key' has no effect without 'setup'"),
        ("target: main\nstate: {branch: x}\npush: {remote: o, branch: x}", "4:27: landings cannot be pushed to the branch of the state"),
        ("target: main\nstate: {branch: '-x'}", "3:17: '-x' is not a branch name"),
        ("target: main\nruntimes: {a: {adapter: command}}", "3:15: missing key 'run' in 'runtimes.a'"),
        ("target: main\nruntimes: {A: {adapter: codex}}", "3:12: 'A' is not a valid name"),
        ("target: main\nruntimes: {a: {adapter: command, run: []}}", "3:39: 'runtimes.a.run' must have at least 1 item(s)"),
        ("target: main\nruntimes: {a: {adapter: command, run: 3}}", "3:39: 'runtimes.a.run': expected text or a list, found the number 3"),
        ("target: main\nrouting: {plann: a}", "3:11: unknown key 'plann'; did you mean 'plan'?"),
        ("target: main\nports_per_session: 65", "3:20: 'ports_per_session' must be at most 64, not 65"),
        ("target: ''", "2:9: 'target' must not be empty"),
        ("target: main\nworktree: {include: [/etc/passwd]}", "3:22: pattern '/etc/passwd' starts with '/'"),
        ("target: main\nsubscription: {}", "3:15: missing key 'usd_per_month' in 'subscription'"),
        ("target: main\nbudget:", "3:8: 'budget': expected 'key: value' lines, found nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_swarm_yaml_is_told_at_its_place(line: str, message: str) -> None:
    assert told("swarm", f"version: 1\n{line}\n", "s.yaml")[0].startswith(f"s.yaml:{message}")


@pytest.mark.parametrize("name", ["main", "a/b", "feature/x-1", "ä", "1.0"])
def test_branch_names_that_git_takes_are_taken(name: str) -> None:
    assert rules.is_branch(name)


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "a.lock", "a/.b", "a b", "a~", "@", "a@{0}", "HEAD", "a\x7f", "a."]
)
def test_branch_names_that_git_refuses_are_refused(name: str) -> None:
    assert not rules.is_branch(name)


def test_gates_become_values_with_defaults() -> None:
    text = """\
version: 1
gates:
  - {name: lint, run: "ruff check .", when: [submit, merge]}
  - {name: types, run: "mypy src"}
  - {name: test, run: "pytest -q", timeout_minutes: 0.5, min_tests: 1, junit: out.xml, inputs: ["src/**"], when: [merge]}
"""
    assert read("gates", text).value == (
        Gate("lint", "ruff check ."),
        Gate("types", "mypy src"),
        Gate("test", "pytest -q", ("merge",), 0.5, 1, "out.xml", ("src/**",)),
    )


def test_a_gate_name_is_unique_and_its_report_stays_inside() -> None:
    text = "version: 1\ngates:\n  - {name: a, run: x}\n  - {name: a, run: y, junit: ../x.xml}\n"
    assert told("gates", text, "g") == [
        "g:4:12: a gate 'a' already stands in line 3",
        "g:4:30: pattern '../x.xml' has '..' in it; patterns cannot leave the repository",
    ]
    assert told("gates", "version: 1\ngates:\n  - {name: a, run: ''}\n", "g") == [
        "g:3:20: 'gates[0].run' must not be empty"
    ]


def test_a_policy_becomes_a_value() -> None:
    text = """\
version: 1
protected_paths: [ci/**]
sandbox: off
network: [api.example.org]
filesystem: {read: [~/.cache/models], write: [/srv/cache]}
limits: {memory_gb: 2, processes: 64}
commands: [git]
credentials: {claude-code: [ANTHROPIC_API_KEY], codex: {env: [A], mint: {run: make-token, as: B}}}
comms: [{from: role:builder, to: lead, types: [], max_per_hour: 3}]
"""
    assert read("policy", text).value == Policy(
        ("ci/**",), "off", ("api.example.org",),
        Filesystem(("~/.cache/models",), ("/srv/cache",)), Limits(memory_gb=2, processes=64), {"default": ("git",)},
        {"claude-code": Credential(("ANTHROPIC_API_KEY",)), "codex": Credential(("A",), ("/bin/sh", "-c", "make-token"), "B")},
        (CommsRule("role:builder", "lead", (), 3),),
    )  # fmt: skip
    by_role = read("policy", "version: 1\ncommands: {default: [git], gate: [pytest]}\n").value
    assert by_role == Policy(commands={"default": ("git",), "gate": ("pytest",)})
    assert read("policy", "version: 1\nnetwork: none\n").value == Policy()


def test_a_network_names_hosts() -> None:
    assert told("policy", "version: 1\nnetwork: [none, a.org]\n", "p") == [
        "p:2:11: 'none' stands alone; a list names hosts"
    ]
    assert told("policy", "version: 1\nnetwork: https://a.org\n", "p") == [
        "p:2:10: 'https://a.org' is not a host; write 'api.example.org', '*.example.org' or 'host:port'"
    ]
    assert read("policy", "version: 1\nnetwork: ['*.a.org', 'b.org:8443']\n").value.network == ("*.a.org", "b.org:8443")


def test_a_convoy_becomes_a_value() -> None:
    text = "version: 1\ntitle: t\ndescription: d\ntasks: [a, b]\non_failure: continue\npriority: high\n"
    parsed = read("convoy", text, ".swarm/convoys/auth.yaml")
    assert parsed.value == Convoy("auth", "t", "d", ("a", "b"), "continue", "high")


def test_a_role_is_text_that_is_not_empty() -> None:
    assert intent.role("builder.md", "b", b"\xef\xbb\xbfBuild.\r\n").value == "Build.\n"
    assert "the file is empty" in str(intent.role("builder.md", "b", b" \n").problems[0])
    assert "cannot be an id" in str(intent.role("Builder.md", "b", b"x").problems[0])
    assert "conflict marker" in str(intent.role("builder.md", "b", b"<<<<<<< a\n").problems[0])


def test_an_experiment_is_checked() -> None:
    good = "version: 1\ntitle: t\narms: [{name: a, model: x}, {name: b, model: y}]\n"
    arms = (Arm("a", model="x"), Arm("b", model="y"))
    assert intent.experiment("e.yaml", "b", good.encode())[:2] == (Experiment(ExperimentId("e"), "t", arms), ())
    bad = intent.experiment("e.yaml", "b", b"version: 1\ntitle: t\narms: [{name: a}]\n").problems
    assert [str(problem) for problem in bad] == ["e.yaml:3:7: 'arms' must have at least 2 item(s)"]
    assert intent.experiment("e.yaml", "b", b"").problems


@pytest.mark.parametrize("kind", schemas.kinds())
def test_every_schema_is_valid_describes_every_property_and_refuses_unknown_keys(kind: str) -> None:
    schema = json.loads(schemas.text(kind))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["version"]["const"] == 1

    def check(part: object) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                assert part["additionalProperties"] is False
                assert all("description" in found or "$ref" in found for found in part["properties"].values())
            for inner in part.values():
                check(inner)
        elif isinstance(part, list):
            for inner in part:
                check(inner)

    check(schema)


def test_the_kinds_are_listed_and_an_unknown_one_is_an_error() -> None:
    assert {"task", "swarm", "gates", "policy", "convoy", "experiment", "status", "entry"} < set(schemas.kinds())
    with pytest.raises(KeyError):
        schemas.text("../task")


def test_schemas_are_put_where_editors_find_them(tmp_path) -> None:
    schemas.install(tmp_path / "run" / "schemas")
    (tmp_path / "run/schemas/task.json").write_text("old")
    schemas.install(tmp_path / "run" / "schemas")
    assert (tmp_path / "run/schemas/task.json").read_text() == schemas.text("task")
    assert sorted(path.stem for path in (tmp_path / "run/schemas").iterdir()) == list(schemas.kinds())


def test_the_templates_documents_are_valid_as_they_are() -> None:
    template = schemas.folder("template")
    for kind in ("swarm", "gates", "policy"):
        parsed = getattr(intent, kind)(f"{kind}.yaml", "b", (template / f"{kind}.yaml").read_bytes())
        assert parsed.problems == ()
    for role in ("builder", "reviewer", "scout", "merger", "triage", "planner"):
        assert intent.role(f"{role}.md", "b", (template / "roles" / f"{role}.md").read_bytes()).value
    example = (template / "tasks/README.md").read_text().split("```yaml\n")[1].split("```")[0]
    assert told("task", example) == []
    assert (template / ".gitignore").read_text() == "state/\nrun\n"
