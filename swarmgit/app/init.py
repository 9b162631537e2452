"""`swarmgit init`: `.swarm/` for this repository, from the template, committed on the target branch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from swarmgit.app import detect
from swarmgit.app.detect import Findings, Project
from swarmgit.documents import paths, rules, schemas
from swarmgit.errors import WrongUsage
from swarmgit.model.desired import Gate
from swarmgit.model.ids import CommitId
from swarmgit.state import blocks

MESSAGE = "Describe the swarm in .swarm/\n\nWritten by swarmgit init: settings, gates, policy and roles.\n"


class Written(Protocol):
    """What came of a commit; paths are from the repository's root."""

    @property
    def commit(self) -> CommitId | None:
        """The new commit, None where nothing was missing."""

    @property
    def written(self) -> tuple[str, ...]:
        """The paths in it."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Paths that the branch had already."""

    @property
    def drafts(self) -> tuple[str, ...]:
        """Paths that a working tree of the branch has with another content, not committed; left as they are."""


class IntentRepository(Protocol):
    """A person's repository, as far as `init` needs it."""

    def find_target(self) -> str:
        """Return the branch that work should land on; PersonMustAct where nothing tells."""

    def names(self, target: str) -> frozenset[str]:
        """Return the project's files in the root and one folder down, committed on `target` or in its working tree."""

    def read(self, target: str, path: str) -> bytes | None:
        """Return a file of the project as committed on `target`, else from its working tree."""

    def commit(self, target: str, files: Mapping[str, bytes], message: str) -> Written:
        """Commit those of `files` that do not exist yet on `target`, and nothing else."""


class Opened(Struct, frozen=True):
    """What policy opens for an agent program: where its provider is, and the variables that hold its key."""

    hosts: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()


CLOSED = Opened()
SHARED = frozenset({"GH_TOKEN", "GITHUB_TOKEN"})
"""Keys to more than a model: a person names them, if at all."""


class Initialised(Struct, frozen=True):
    """`runtimes`: agent programs found on PATH; `tiers`: what was chosen for each tier, empty where none was found.

    `opened`: what policy.yaml opens for the chosen one.

    `drafts`: files of ours that exist uncommitted in the working tree and were left for the person to commit.
    """

    target: str
    commit: CommitId | None
    written: tuple[str, ...]
    kept: tuple[str, ...]
    drafts: tuple[str, ...]
    languages: tuple[str, ...]
    gates: tuple[Gate, ...]
    setup: tuple[str, ...]
    runtimes: tuple[str, ...]
    tiers: Mapping[str, Mapping[str, str]]
    opened: Opened = CLOSED

    @property
    def is_new(self) -> bool:
        return self.commit is not None


def init(
    repository: IntentRepository,
    find_program: Callable[[str], str | None],
    target: str | None = None,
    needs: Callable[[str], Opened] = lambda _: CLOSED,
) -> Initialised:
    """Write what is missing of `.swarm/`, in one commit on the target branch; a second run finds nothing to do.

    `needs`: what the sessions of an agent program cannot do without.
    """
    if target is not None and not rules.is_branch(target):
        raise WrongUsage(f"'{target}' is not a branch name")
    branch = target or repository.find_target()
    findings = detect.detect(Project(repository.names(branch), lambda path: repository.read(branch, path)))
    runtimes = detect.agent_programs(find_program)
    wanted = needs(runtimes[0]) if runtimes else CLOSED
    opened = Opened(wanted.hosts, tuple(name for name in wanted.credentials if name not in SHARED))
    done = repository.commit(branch, files(branch, findings, runtimes, opened), MESSAGE)
    return Initialised(
        target=branch,
        commit=done.commit,
        written=done.written,
        kept=done.kept,
        drafts=done.drafts,
        languages=findings.languages,
        gates=findings.gates,
        setup=findings.setup,
        runtimes=runtimes,
        tiers=detect.tiers_for(runtimes),
        opened=opened,
    )


def files(target: str, findings: Findings, runtimes: tuple[str, ...], opened: Opened = CLOSED) -> dict[str, bytes]:
    """Return the content of every file below `.swarm/`, by its path from the repository's root."""
    template: Path = schemas.folder("template")
    found = {
        f"{paths.SWARM}/{path.relative_to(template).as_posix()}": path.read_text(encoding="utf-8")
        for path in sorted(template.rglob("*"))
        if path.is_file()
    }
    found[paths.SWARM_YAML] = _swarm(found[paths.SWARM_YAML], target, findings, runtimes)
    found[paths.POLICY_YAML] = _policy(found[paths.POLICY_YAML], runtimes, opened)
    found[paths.GATES_YAML] = found[paths.GATES_YAML].replace("gates: []   # @gates\n", _gates(findings.gates))
    return {path: text.encode() for path, text in found.items()}


def _swarm(template: str, target: str, findings: Findings, runtimes: tuple[str, ...]) -> str:
    shown = target if blocks.is_plain(target) else json.dumps(target, ensure_ascii=False)
    text = re.sub(r"^target: main\b *", lambda _: f"target: {shown}   ", template, flags=re.MULTILINE)
    return text.replace("# @tiers\n", _tiers(runtimes)).replace("# @worktree\n", _worktree(findings))


def _tiers(runtimes: tuple[str, ...]) -> str:
    tiers = detect.tiers_for(runtimes)
    if not tiers:
        return (
            "# No agent program was found on PATH. The command adapter runs any program of yours as an agent:\n"
            "# tiers:\n"
            "#   frontier: {runtime: script}\n"
            "#   standard: {runtime: script}\n"
            "#   fast: {runtime: script}\n"
            "# runtimes:\n"
            '#   script: {adapter: command, run: ["python3", "tools/agent.py"]}\n'
        )
    others = f"; also found: {', '.join(runtimes[1:])}" if runtimes[1:] else ""
    lines = [f"tiers:   # {runtimes[0]} was found on PATH{others}", *_rows(tiers, "  ")]
    for other in runtimes[1:]:
        lines += [
            f"# with {other} (policy.yaml has to open its provider too):",
            *_rows(detect.tiers_for([other]), "#   "),
        ]
    return "\n".join(lines) + "\n"


def _rows(tiers: Mapping[str, Mapping[str, str]], start: str) -> list[str]:
    return [
        f"{start}{name}: {{{', '.join(f'{key}: {value}' for key, value in tier.items())}}}"
        for name, tier in tiers.items()
    ]


def _policy(template: str, runtimes: tuple[str, ...], opened: Opened) -> str:
    """Return the policy that lets the chosen program work: its provider, its key, and nothing else."""
    lines = template.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith("# network:") and opened.hosts:
            lines[number] = (
                f"network: {_plain(opened.hosts)}   # where {runtimes[0]}'s provider is; nothing else is open\n"
            )
        elif line.startswith("# credentials:") and opened.credentials:
            given = f"{{{runtimes[0]}: {_plain(opened.credentials)}}}"
            lines[number] = f"credentials: {given}   # passed to its sessions, those that are set\n"
    return "".join(lines)


def _plain(words: tuple[str, ...]) -> str:
    return f"[{', '.join(words)}]"


def _worktree(findings: Findings) -> str:
    if not findings.setup:
        return (
            "# worktree:\n"
            "#   setup: [make deps]      # run once in a new worktree, and again when a file of setup_key changes\n"
            "#   setup_key: [deps.lock]\n"
        )
    setup, key = _flow(findings.setup), _flow(tuple(dict.fromkeys(findings.setup_key)))
    return "\n".join(
        ("worktree:", f"  setup: {setup}   # run once in a new worktree", f"  setup_key: {key}   # and again", "")
    )


def _flow(items: tuple[str, ...]) -> str:
    return f"[{', '.join(json.dumps(item, ensure_ascii=False) for item in items)}]"


def _gates(gates: tuple[Gate, ...]) -> str:
    if not gates:
        return 'gates: []\n# - {name: test, run: "make test", timeout_minutes: 20}\n'
    lines = ["gates:"]
    for gate in gates:
        extra = f", min_tests: {gate.min_tests}" if gate.min_tests else ""
        lines.append(f"  - {{name: {gate.name}, run: {json.dumps(gate.run, ensure_ascii=False)}{extra}}}")
    return "\n".join(lines) + "\n"
