"""Files that other tools run or obey by themselves, when a folder is opened or entered, on install, on commit, on push.

They are not protected, because ordinary work changes them; but they act on the person's machine before anybody has
read them, so that work with one of them lands only with a person's verdict. Not in the table: what runs because
somebody asks for it by name (a Makefile, a justfile, package.json's scripts, tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from swarmgit.model.policy import Policy
from swarmgit.model.work import Change
from swarmgit.plan.nametable import NameTable
from swarmgit.plan.protected import protected_rule

ENTERED = "the shell runs it when the folder is entered"
OPENED = "the editor obeys it when the folder is opened"
CONTAINED = "the editor or service builds and starts a container from it when the folder is opened"
LOADED = "programs take it as their environment when they start in the folder"
STARTED = "an interpreter or debugger runs it when it starts in the folder"
COMMITTED = "hooks from it run on every commit, push or checkout"
INSTALLED = "the package manager obeys it on every install: where packages come from, what runs"
BUILT = "the build tool obeys it before the build: which program is fetched, with which arguments"
PUSHED = "a hosted service runs it on every push"

RUN_BY_THEMSELVES: Mapping[str, str] = {
    ENTERED: """
        .envrc .autoenv .autoenv.zsh .env.zsh .dir_env mise.toml .mise.toml mise.local.toml .mise.local.toml .mise/
        mise/config.toml .config/mise/ .rtx.toml .tool-versions .flox/
    """,
    OPENED: """
        .vscode/ *.code-workspace .theia/ .idea/ .run/ *.run.xml *.ipr *.iws .fleet/ .zed/ .nova/ *.sublime-project
        *.sublime-workspace .vim/ .vimrc _vimrc .exrc _exrc .nvimrc .nvim.lua .nvim/ .lvimrc .local.vimrc
        .vimspector.json .dir-locals.el .dir-locals-2.el .projectile .helix/ .kakrc .kak/ .settings/ .vs/ *.suo
        .kateproject .lite_project.lua
    """,
    CONTAINED: """
        .devcontainer/ .devcontainer.json devcontainer.json .gitpod.yml .gitpod.dockerfile .gitpod/ .ona/ .idx/
        .replit replit.nix .codesandbox/ sandbox.config.json .stackblitzrc .devfile.yaml devfile.yaml .coder/
    """,
    LOADED: """
        .env .env.local .flaskenv
    """,
    STARTED: """
        sitecustomize.py usercustomize.py *.pth .pythonrc .pythonrc.py .pdbrc .pdbrc.py .gdbinit .lldbinit .rprofile
        .renviron .irbrc .pryrc .iex.exs .ghci .ocamlinit .erlang .octaverc .psqlrc .sqliterc .tclshrc .perldb
        .utoprc ipython_config.py .jupyter/ ansible.cfg .tmuxinator.yml
    """,
    COMMITTED: """
        .husky/ .huskyrc .huskyrc.* husky.config.* lefthook.* .lefthook.* lefthook-local.* .lefthook-local.*
        .lefthook/ .lefthook-local/ .config/lefthook.yml .config/lefthook.yaml .githooks/ .git-hooks/
        .overcommit.yml .pre-commit-config.* .pre-commit-hooks.yaml prek.toml .simple-git-hooks.* simple-git-hooks.*
        .lintstagedrc .lintstagedrc.* lint-staged.config.* .commitlintrc .commitlintrc.* commitlint.config.*
        captainhook.json grumphp.yml .grumphp.yml .hooks/ .gitconfig .lfsconfig .gitreview
    """,
    INSTALLED: """
        .npmrc .yarnrc .yarnrc.yml .yarn/releases/ .yarn/plugins/ .yarn/sdks/ .pnpmfile.* pnpmfile.* .pnp.*
        bunfig.toml .bunfig.toml binding.gyp pip.conf pip.ini .pip/ .pypirc uv.toml .condarc poetry.toml pdm.toml
        .pdm.toml .pdm-plugins/ .gemrc .bundle/ nuget.config .nuget/ .bazelrc .netrc _netrc .curlrc .wgetrc
    """,
    BUILT: """
        .cargo/config .cargo/config.toml rust-toolchain rust-toolchain.toml .mvn/ gradle/wrapper/ .jvmopts .sbtopts
        .terraformrc terraform.rc .tflint.hcl directory.build.rsp msbuild.rsp
    """,
    PUSHED: """
        netlify.toml vercel.json now.json .readthedocs.yaml .readthedocs.yml renovate.json renovate.json5
        .renovaterc .renovaterc.json .github/dependabot.yml .github/dependabot.yaml render.yaml procfile wercker.yml
        codemagic.yaml bitrise.yml buildspec.yml .teamcity/ .semaphore/ .harness/ .tekton/ .azure-pipelines/
        .platform.app.yaml .upsun/ amplify.yml .probot/ .mergify.yml
    """,
}
"""Why, and which names: folded to lower case, at any depth; '/' at the end is a folder, '*' stands for anything."""


def guarded_paths(changes: Iterable[Change], policy: Policy, obeyed: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the changed paths that only land with a person's verdict: protected ones, and what other tools run.

    `obeyed`: what the agent programs of this machine obey.
    """
    return tuple(
        change.path
        for change in changes
        if protected_rule(change.path, policy.protected_paths, obeyed) is not None
        or runs_by_itself(change.path) is not None
    )


def runs_by_itself(path: str) -> str | None:
    """Return why a file acts without being asked for, None where it does not. Names are compared as protected ones."""
    return _table().find(path)


@lru_cache(maxsize=1)
def _table() -> NameTable:
    return NameTable.of((name, reason) for reason, names in RUN_BY_THEMSELVES.items() for name in names.split())
