"""init adds its own files to the target branch and changes nothing else of the person's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from swarmgit.adapters.git.intent_commit import open_intent
from swarmgit.app.init import Initialised, init
from swarmgit.app.validate import read_working_tree, validate
from swarmgit.cli.render_setup import initialised
from swarmgit.desired.load import load
from swarmgit.errors import PersonMustAct, WrongUsage
from swarmgit.wiring.programs import needs_of

FILES = [
    ".swarm/.gitignore",
    ".swarm/gates.yaml",
    ".swarm/policy.yaml",
    *(f".swarm/roles/{role}.md" for role in ("builder", "merger", "planner", "reviewer", "scout", "triage")),
    ".swarm/swarm.yaml",
    ".swarm/tasks/README.md",
]


class Desk:
    """A person, their home and their repository."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / ".gitconfig").write_text("[user]\n\tname = Pat\n\temail = pat@example.org\n")
        self.top = folder / "project"
        self.top.mkdir()
        self.git("init", "-q", "-b", "main")

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}

    def git(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.top, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.top / name).parent.mkdir(parents=True, exist_ok=True)
            (self.top / name).write_text(text)

    def commit(self, files: dict[str, str]) -> None:
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "c")

    def init(self, cwd: Path | None = None, target: str | None = None, programs: tuple[str, ...] = ()) -> Initialised:
        with open_intent(cwd or self.top, self.environ) as repository:
            return init(repository, lambda name: name if name in programs else None, target, needs_of)

    def problems(self, target: str = "main", git_dir: Path | None = None) -> list[str]:
        with open_intent(git_dir or self.top, self.environ) as repository:
            return list(map(str, load(repository.objects, target).problems))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_init_commits_its_files_in_the_persons_name_and_they_are_valid(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    done = desk.init()
    assert (done.target, list(done.written), done.drafts) == ("main", FILES, ())
    assert desk.git("rev-parse", "main") == done.commit
    assert desk.git("log", "-1", "--format=%an <%ae> %cn") == "Pat <pat@example.org> Pat"
    assert desk.git("diff-tree", "-r", "--name-only", "HEAD~1", "HEAD").splitlines() == FILES
    assert desk.git("status", "--porcelain") == ""
    assert desk.problems() == []
    assert read_working_tree(desk.top).problems == ()


def test_a_second_run_finds_nothing_to_do(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    first = desk.init()
    second = desk.init(programs=("claude",))
    assert (second.commit, second.written, list(second.kept)) == (None, (), FILES)
    desk.git("switch", "-q", "-c", "feature")
    assert (desk.init().target, desk.init().commit) == ("main", None)
    assert desk.git("rev-parse", "main", "feature").splitlines() == [first.commit] * 2


def test_a_persons_staged_and_unstaged_changes_stay_as_they_are(desk: Desk) -> None:
    desk.commit({"a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n"})
    desk.write({"a.txt": "staged\n", "new.txt": "n"})
    desk.git("add", "a.txt", "new.txt")
    desk.git("rm", "-q", "--cached", "c.txt")
    desk.write({"a.txt": "staged and edited\n", "b.txt": "edited\n", "other.txt": "o"})
    before = (desk.git("status", "--porcelain"), desk.git("diff"), desk.git("diff", "--cached"))
    desk.init()
    assert (desk.git("status", "--porcelain"), desk.git("diff"), desk.git("diff", "--cached")) == before
    assert desk.git("ls-tree", "-r", "--name-only", "HEAD").splitlines() == [*FILES, "a.txt", "b.txt", "c.txt"]


def test_init_works_in_a_repository_without_commits_and_leaves_what_is_staged(desk: Desk) -> None:
    desk.write({"pyproject.toml": "[tool.pytest.ini_options]\n"})
    desk.git("add", "pyproject.toml")
    done = desk.init()
    assert [gate.name for gate in done.gates] == ["test"]
    assert desk.git("ls-tree", "-r", "--name-only", "main").splitlines() == FILES
    assert desk.git("status", "--porcelain") == "A  pyproject.toml"


def test_init_works_from_a_subfolder(desk: Desk) -> None:
    desk.commit({"src/a.txt": "a"})
    assert desk.init(desk.top / "src").commit == desk.git("rev-parse", "HEAD")
    assert (desk.top / ".swarm/swarm.yaml").is_file()


def test_init_works_in_a_bare_repository(desk: Desk, tmp_path: Path) -> None:
    desk.commit({"go.mod": "module x\n"})
    bare = tmp_path / "bare.git"
    desk.git("clone", "-q", "--bare", str(desk.top), str(bare))
    done = desk.init(bare)
    assert desk.git("rev-parse", "main", cwd=bare) == done.commit
    assert [gate.run for gate in done.gates] == ["go vet ./...", "go test ./..."]
    assert desk.problems(git_dir=bare) == []


def test_a_target_that_is_not_checked_out_moves_and_no_working_tree_changes(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    desk.git("switch", "-q", "-c", "feature")
    desk.init(target="main")
    assert not (desk.top / ".swarm").exists()
    assert desk.git("status", "--porcelain") == ""
    assert desk.git("rev-parse", "main") != desk.git("rev-parse", "feature")


def test_a_linked_worktree_that_has_the_target_follows(desk: Desk, tmp_path: Path) -> None:
    desk.commit({"a.txt": "a"})
    desk.git("worktree", "add", "-q", "-b", "feature", str(tmp_path / "linked"))
    desk.init(tmp_path / "linked", target="main")
    assert (desk.top / ".swarm/swarm.yaml").is_file()
    assert desk.git("status", "--porcelain") == ""
    assert desk.git("status", "--porcelain", cwd=tmp_path / "linked") == ""


def test_the_default_branch_of_origin_is_the_target(desk: Desk, tmp_path: Path) -> None:
    desk.commit({"a.txt": "a"})
    desk.git("branch", "-m", "trunk")
    clone = tmp_path / "clone"
    desk.git("clone", "-q", str(desk.top), str(clone))
    desk.git("switch", "-q", "-c", "feature", cwd=clone)
    assert desk.init(clone).target == "trunk"


def test_the_target_in_swarm_yaml_is_the_branch_also_with_an_odd_name(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    desk.git("branch", "-m", "1.0")
    assert desk.init().target == "1.0"
    assert read_working_tree(desk.top).swarm.target == "1.0"


def test_a_draft_of_the_person_is_neither_overwritten_nor_committed(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    desk.write({".swarm/swarm.yaml": "version: 1\ntarget: main\nagents_max: 3\n"})
    done = desk.init()
    assert done.drafts == (".swarm/swarm.yaml",)
    assert ".swarm/swarm.yaml" not in desk.git("ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert (desk.top / ".swarm/swarm.yaml").read_text() == "version: 1\ntarget: main\nagents_max: 3\n"
    assert desk.git("status", "--porcelain") == "?? .swarm/swarm.yaml"


def test_a_run_killed_before_the_branch_moved_is_finished_by_the_next(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    before = desk.git("rev-parse", "HEAD")
    desk.init()
    desk.git("update-ref", "refs/heads/main", before)  # what a kill just before the move leaves behind
    assert desk.init().commit == desk.git("rev-parse", "HEAD") != before
    assert desk.git("status", "--porcelain") == ""


def test_without_a_name_the_error_names_the_commands_and_nothing_has_changed(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    (desk.home / ".gitconfig").unlink()
    with pytest.raises(PersonMustAct) as caught:
        desk.init()
    assert "git config --global user.name" in caught.value.hint
    assert "git config --global user.email" in caught.value.hint
    assert not (desk.top / ".swarm").exists()


def test_identity_comes_from_the_repositorys_own_settings_and_the_environment_too(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    (desk.home / ".gitconfig").unlink()
    desk.git("config", "user.name", "Local Pat")
    desk.git("config", "user.email", "local@example.org")
    desk.init()
    assert desk.git("log", "-1", "--format=%an <%ae>") == "Local Pat <local@example.org>"


def test_hooks_of_the_repository_do_not_run(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    for hook in ("pre-commit", "post-commit", "reference-transaction", "post-index-change", "commit-msg"):
        path = desk.top / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {desk.top}/ran-{hook}\nexit 1\n")
        path.chmod(0o755)
    assert desk.init().commit
    assert not list(desk.top.glob("ran-*"))


def test_unusual_situations_are_refused_with_a_reason(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    with pytest.raises(WrongUsage):
        desk.init(target="a..b")
    with pytest.raises(PersonMustAct, match="no branch 'other'"):
        desk.init(target="other")
    (desk.top / ".swarm").symlink_to("/tmp")
    with pytest.raises(PersonMustAct, match="in the way"):
        desk.init()


def test_init_waits_for_a_rebase_of_the_target_to_end(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    (desk.top / ".git/rebase-merge").mkdir()
    (desk.top / ".git/rebase-merge/head-name").write_text("refs/heads/main\n")
    with pytest.raises(PersonMustAct, match="rebase-merge"):
        desk.init()


@pytest.mark.parametrize(
    ("files", "runs"),
    [
        ({"pyproject.toml": "[tool.ruff]\n[tool.mypy]\npackages = ['x']\n[tool.pytest.ini_options]\n"},
         {"lint": "ruff check .", "types": "mypy", "test": "python3 -m pytest -q"}),
        ({"setup.py": "", "tests/test_a.py": ""}, {"test": "python3 -m unittest discover -s tests"}),
        ({"tests/test_a.py": "import a\n\ndef test_it():\n    a\n"}, {"test": "python3 -m pytest -q"}),
        ({"tests/test_a.py": "import pytest\n"}, {"test": "python3 -m pytest -q"}),
        ({"requirements-dev.txt": "pytest==8\nmypy-extensions\n"},
         {"test": "python3 -m pytest -q"}),
        ({"pyproject.toml": "[project]\ndependencies = ['pytest']\n", "uv.lock": ""},
         {"test": "uv run --frozen pytest -q"}),
        ({"pyproject.toml": "not toml ["}, {}),
        ({"package.json": json.dumps({"scripts": {"test": "jest", "lint": "eslint ."}}), "pnpm-lock.yaml": ""},
         {"lint": "pnpm run lint", "test": "pnpm test"}),
        ({"package.json": json.dumps({"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}})}, {}),
        ({"package.json": json.dumps({"scripts": {"test": "x"}}), "yarn.lock": ""}, {"test": "yarn test"}),
        ({"package.json": "{broken"}, {}),
        ({"go.mod": "module x\n"}, {"vet": "go vet ./...", "test": "go test ./..."}),
        ({"Cargo.toml": ""}, {"lint": "cargo clippy --all-targets -- -D warnings", "test": "cargo test"}),
        ({"go.mod": "", "Cargo.toml": ""},
         {"go-vet": "go vet ./...", "go-test": "go test ./...",
          "rust-lint": "cargo clippy --all-targets -- -D warnings", "rust-test": "cargo test"}),
        ({"web app/package.json": json.dumps({"scripts": {"test": "x"}}), "api/go.mod": ""},
         {"api-vet": "cd api && go vet ./...", "api-test": "cd api && go test ./...",
          "web-app-test": "cd 'web app' && npm test"}),
        ({"Makefile": "all:\n\ttrue\ntest: all\n\ttrue\n"}, {"test": "make test"}),
        ({"a.txt": "a"}, {}),
    ],
)  # fmt: skip
def test_the_commands_that_check_a_project_are_found(desk: Desk, files: dict, runs: dict) -> None:
    desk.commit(files)
    done = desk.init()
    assert {gate.name: gate.run for gate in done.gates} == runs
    assert desk.problems() == []
    assert {gate.name: gate.run for gate in read_working_tree(desk.top).gates} == runs


@pytest.mark.parametrize(
    ("files", "setup", "key"),
    [
        ({"package.json": '{"devDependencies": {"a": "1"}}', "package-lock.json": ""}, "npm ci", "package-lock.json"),
        ({"package.json": '{"dependencies": {"a": "1"}}'}, "npm install", "package.json"),
        ({"web/package.json": '{"packageManager": "yarn@1", "dependencies": {"a": "1"}}'},
         "cd web && yarn install --frozen-lockfile", "web/yarn.lock"),
        ({"pyproject.toml": "", "uv.lock": ""}, "uv sync --frozen", "uv.lock"),
    ],
)  # fmt: skip
def test_packages_are_installed_once_per_lock_file(desk: Desk, files: dict, setup: str, key: str) -> None:
    desk.commit(files)
    desk.init()
    worktree = read_working_tree(desk.top).swarm.worktree
    assert (worktree.setup, worktree.setup_key) == ((setup,), (key,))
    assert desk.problems() == []


def test_tiers_are_written_for_the_agent_programs_found(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    done = desk.init(programs=("gemini", "claude"))
    assert done.runtimes == ("claude-code", "gemini")
    assert done.tiers["frontier"] == {"runtime": "claude-code", "model": "opus"}
    swarm = read_working_tree(desk.top).swarm
    assert {name: (tier.runtime, tier.model) for name, tier in swarm.tiers.items()} == {
        "frontier": ("claude-code", "opus"),
        "standard": ("claude-code", "sonnet"),
        "fast": ("claude-code", "haiku"),
    }
    assert "also found: gemini" in (desk.top / ".swarm/swarm.yaml").read_text()


def test_policy_opens_what_the_chosen_program_needs_and_nothing_else(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    done = desk.init(programs=("claude", "codex"))
    policy = read_working_tree(desk.top).policy
    assert policy.network == ("api.anthropic.com",)
    assert {name: given.env for name, given in policy.credentials.items()} == {"claude-code": done.opened.credentials}
    assert "ANTHROPIC_API_KEY" in done.opened.credentials
    text = (desk.top / ".swarm/swarm.yaml").read_text()
    assert "#   standard: {runtime: codex}" in text
    said = initialised(done)
    assert "sessions may reach api.anthropic.com" in said


def test_a_key_to_more_than_a_model_is_a_persons_to_give(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    assert desk.init(programs=("copilot",)).opened.credentials == ("COPILOT_GITHUB_TOKEN", "COPILOT_PROVIDER_API_KEY")
    assert desk.problems() == []


def test_without_an_agent_program_policy_opens_nothing(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    desk.init()
    policy = read_working_tree(desk.top).policy
    assert (policy.network, dict(policy.credentials)) == (("none",), {})


def test_without_an_agent_program_the_example_in_the_comment_works(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    assert desk.init().tiers == {}
    path = desk.top / ".swarm/swarm.yaml"
    text = path.read_text()
    assert read_working_tree(desk.top).swarm.tiers == {}
    start = text.index("# tiers:")
    end = text.index("tools/agent.py")
    example = text[start:end].replace("# ", "").replace("#  ", " ")
    path.write_text("version: 1\ntarget: main\n" + example + 'tools/agent.py"]}\n')
    assert read_working_tree(desk.top).problems == ()


def test_validate_judges_the_working_tree_or_what_is_committed(repo) -> None:
    repo.start()
    repo.task("a", buget=3)
    world = repo.world()
    try:
        assert [problem.message for problem in validate(world)] == ["unknown key 'buget'; did you mean 'budget'?"]
        assert validate(world, committed=True) == ()
    finally:
        world.close()


def test_a_link_in_the_working_tree_is_not_followed(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    desk.init()
    (desk.top / ".swarm/tasks/l.yaml").symlink_to("/etc/passwd")
    assert [str(problem) for problem in read_working_tree(desk.top).problems] == [
        ".swarm/tasks/l.yaml: not read: it is not a plain file"
    ]


def test_the_working_tree_is_judged_without_the_machines_own_folders(desk: Desk) -> None:
    desk.commit({"a.txt": "a"})
    desk.init()
    desk.write(
        {".swarm/state/tasks/x.yaml": "[", ".swarm/run/tasks/y.yaml": "[", ".swarm/tasks/t.yaml": "version: 1\n"}
    )
    assert {problem.file for problem in read_working_tree(desk.top).problems} == {".swarm/tasks/t.yaml"}
