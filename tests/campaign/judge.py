"""Whether a repository kept its promises, by the world alone: git, files and processes. Nothing here imports swarmgit."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import yaml

from tests.campaign.stage import KINDS, Stage

SCHEMAS = Path(__file__).parents[2] / "schemas"
KEPT_IN = ("refs/heads/main", "refs/swarm/salvage", "refs/swarm/abandoned")
"""Where work is safe: on the target, or under a ref that names it as work that did not land."""

STATE_FILES: tuple[tuple[str, str], ...] = (
    (r"tasks/[^/]+\.yaml", "status"),
    (r"agents/[^/]+/identity\.yaml", "identity"),
    (r"convoys/[^/]+\.yaml", "convoy-status"),
    (r"failures/[^/]+\.yaml", "failures"),
    (r"gates/[^/]+\.yaml", "gate-history"),
    (r"mail/[^/]+/[^/]+\.yaml", "mail"),
    (r"merge-queue/\d{4}-\d\d/[^/]+\.yaml", "entry"),
    (r"incidents/[^/]+\.md", "incident"),
    (r"archive/\d{4}-\d\d/\d\d/[^/]+\.yaml", "status"),
    (r"events/\d{4}-\d\d/\d\d/[^/]+\.jsonl", ""),
)
"""Which published schema a file of state must fit; '' where each line must be JSON."""


class _Loader(yaml.SafeLoader):
    """YAML as the documents define it: a date is text."""

    yaml_implicit_resolvers: ClassVar = {
        letter: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True)
class Person:
    """What a person would see change: compared before and after."""

    head: str
    stash: str
    edits: str
    staged: str
    untracked: str


def person(stage: Stage) -> Person:
    """Return it. Landed files come and go with the checkout of the target; only the person's own files are compared."""
    own = ("edited.txt", "staged.txt", "stashed.txt")
    return Person(
        stage.git("symbolic-ref", "HEAD"),
        stage.git("stash", "list"),
        stage.git("diff", "--", *own),
        stage.git("diff", "--cached"),
        stage.git("ls-files", "--others", "--exclude-standard"),
    )


def quiet(stage: Stage) -> tuple[str, ...]:
    """Return what a further run must leave as it is."""
    return (stage.git("for-each-ref"), stage.git("status", "--porcelain"), stage.git("stash", "list"))


def judge(stage: Stage, before: Person, excused: Sequence[str] = ()) -> list[str]:
    """Return every promise that is broken, as sentences; empty where all is well.

    `excused`: tasks whose sessions were killed more often than the product promises to bear; they may need a person.
    """
    found: list[str] = []
    for check in CHECKS:
        try:
            found += check(stage)
        except (RuntimeError, ValueError, subprocess.CalledProcessError) as error:
            found.append(f"{check.__name__} cannot be judged: {error}")
    found += [text for task, text in wrong_ends(stage) if task not in excused]
    now = person(stage)
    found += [] if now == before else [f"the person's checkout changed: {before} became {now}"]
    return found


def lost_work(stage: Stage) -> Iterator[str]:
    """P3: what an agent wrote is in a commit that a ref keeps."""
    known = b"\n".join(_contents(stage))
    for nonce in sorted(path.name for path in (stage.witness / "wrote").glob("nonce-*")):
        if nonce.encode() not in known:
            yield f"lost work: {nonce} is in no commit under {', '.join(KEPT_IN)}"


def ungated_landings(stage: Stage) -> Iterator[str]:
    """P1: each commit on the target is a person's, or the gate itself wrote down that it passed exactly this tree."""
    passed = {path.read_text().strip() for path in (stage.witness / "gates").glob("*.pass")}
    for commit, task in _first_parents(stage):
        if task and digest(stage, commit) not in passed:
            yield f"ungated landing: {commit[:10]} of {task}; the gate passed no such tree"
        elif not task and stage.git("log", "-1", "--format=%ae", commit) != "pat@example.org":
            yield f"a commit of nobody's is on the target: {commit[:10]}"


def double_landings(stage: Stage) -> Iterator[str]:
    """P4: a task lands once."""
    counts = Counter(task for _, tasks in _first_parents(stage) for task in tasks.split())
    yield from (f"{task} landed {count} times" for task, count in counts.items() if count > 1)


def wrong_ends(stage: Stage) -> Iterator[tuple[str, str]]:
    """Each task has the one end that its work leads to; landed is what the target has, with the work in it."""
    phases = {path.removeprefix("tasks/").removesuffix(".yaml"): document.get("phase")
              for path, document in _documents(stage) if path.startswith("tasks/")}  # fmt: skip
    landed = {task for _, tasks in _first_parents(stage) for task in tasks.split()}
    for number in range(1, stage.waves + 1):
        for kind, phase in KINDS.items():
            task = f"{kind}-{number}"
            found = phases.get(task)
            if found != phase:
                yield task, f"{task} ended as {found}, not as {phase}"
            if (found == "landed") != (task in landed):
                yield "", f"{task} is {found}, and the target {'has' if task in landed else 'lacks'} it"
            elif found == "landed" and f"nonce-{task}-" not in stage.git("show", f"main:{task}.txt"):
                yield "", f"{task} landed without its work"


def mail_once(stage: Stage) -> Iterator[str]:
    """A letter that was in an outbox is recorded, and once."""
    subjects = Counter(document.get("subject") for path, document in _documents(stage) if "mail/" in path)
    for nonce in sorted(path.name for path in (stage.witness / "sent").glob("nonce-*")):
        if subjects[nonce] != 1:
            yield f"the letter {nonce} is recorded {subjects[nonce]} times"


def overlaps(stage: Stage) -> Iterator[str]:
    """P4: no task runs twice at once."""
    yield from (f"{path.name} ran twice at once" for path in (stage.witness / "overlaps").iterdir())


def leftovers(stage: Stage) -> Iterator[str]:
    """Nothing is left of what has ended: processes, locks, leases, refs of candidates and of submitted work."""
    yield from (f"process {pid} is left: {what}" for pid, what in processes(stage.root).items())
    git = stage.top / ".git"
    locks = (*git.rglob("*.lock"), *git.rglob("packed-refs.new"))
    yield from (f"a lock is left: {path.relative_to(git)}" for path in locks if path.is_file())
    for prefix in ("refs/swarm/candidate", "refs/swarm/submitted"):
        yield from (f"a ref is left: {ref}" for ref in stage.git("for-each-ref", "--format=%(refname)", prefix).split())
    live = git / "swarmgit"
    yield from (f"a session is still active: {path.name}" for path in (live / "active").iterdir()
                if (live / "sessions" / path.name).exists())  # fmt: skip
    for path in stage.store.glob("swarmgit/*/[!.]*/[!.]*/slot.json"):
        if json.loads(path.read_text()).get("state") == "leased":
            yield f"a worktree is still leased: {path.parent.relative_to(stage.store)}"


def broken_git(stage: Stage) -> Iterator[str]:
    """Both repositories are sound, by git's own judgement."""
    for name, options in (("the repository", ()), ("the engine", (f"--git-dir={stage.top}/.git/swarmgit/engine.git",))):
        done = subprocess.run(
            ["git", *options, "fsck", "--strict", "--no-dangling"],
            cwd=stage.top, env=stage.environ(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line and "notice:" not in line]
        if done.returncode or lines:
            yield f"git fsck of {name}: {done.returncode} {' | '.join(lines[:5])}"


def bad_state(stage: Stage) -> Iterator[str]:
    """Every file of state fits its published schema, and there is none that no schema is for."""
    for path, document in _documents(stage):
        schema = next((name for pattern, name in STATE_FILES if re.fullmatch(pattern, path)), None)
        if schema is None and not path.startswith("reports/"):
            yield f"{path}: no schema is published for such a file"
        elif schema:
            problem = next(_validator(schema).iter_errors(document), None)
            if problem is not None:
                yield f"{path} does not fit schemas/{schema}.json: {problem.json_path}: {problem.message}"


def digest(stage: Stage, commit: str) -> str:
    """Return the hash that the gate's own script writes down for this tree."""
    rows = []
    for line in stage.git("ls-tree", "-r", "-z", commit).split("\0"):
        meta, _, path = line.partition("\t")
        if path and not path.startswith(".swarm/"):
            rows.append((f"./{path}".encode(), meta.split()[2]))
    blobs = _blobs(stage, [oid for _, oid in rows])
    listing = b"".join(
        hashlib.sha256(blobs[oid]).hexdigest().encode() + b"  " + path + b"\n" for path, oid in sorted(rows)
    )
    return hashlib.sha256(listing).hexdigest()


def processes(root: Path) -> dict[int, str]:
    """Return every process that belongs to a stage: its folder is in its environment or its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX" and os.fsencode(f"{root}/") in words + (entry / "environ").read_bytes():
                    found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
    return found


def _first_parents(stage: Stage) -> list[tuple[str, str]]:
    """Return the target's own line as (commit, its tasks), a person's with ''."""
    log = stage.git("log", "--first-parent", "--format=%H %(trailers:key=Swarm-Task,valueonly,separator=%x20)", "main")
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in log.splitlines()]


def _contents(stage: Stage) -> list[bytes]:
    """Return every blob that is kept."""
    refs = stage.git("for-each-ref", "--format=%(refname)", *KEPT_IN).split()
    listed = stage.git("rev-list", "--objects", "--filter=object:type=blob", "--filter-provided-objects", *refs)
    return list(_blobs(stage, [line.split(" ")[0] for line in listed.splitlines()]).values())


def _documents(stage: Stage) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the files of state by path: YAML, or the front matter of Markdown; lines of events are only read."""
    rows = [line.partition("\t") for line in stage.git("ls-tree", "-r", "-z", "swarm/state").split("\0") if line]
    blobs = _blobs(stage, [meta.split()[2] for meta, _, _ in rows])
    for meta, _, path in rows:
        text = blobs[meta.split()[2]].decode()
        if path.endswith(".jsonl"):
            for line in text.splitlines():
                json.loads(line)
            yield path, {}
        elif path.endswith(".md"):
            yield path, yaml.load(text.split("---\n")[1], _Loader) if text.startswith("---\n") else {}
        else:
            yield path, yaml.load(text, _Loader)


def _blobs(stage: Stage, oids: Sequence[str]) -> Mapping[str, bytes]:
    asked = list(dict.fromkeys(oids))
    done = subprocess.run(
        ["git", "cat-file", "--batch"], cwd=stage.top, env=stage.environ(),
        input="".join(f"{oid}\n" for oid in asked).encode(), capture_output=True, check=True,
    )  # fmt: skip
    found, at = {}, 0
    for oid in asked:
        end = done.stdout.index(b"\n", at)
        size = int(done.stdout[at:end].split()[2])
        found[oid] = done.stdout[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def _validator(name: str) -> jsonschema.Draft202012Validator:
    if name not in _VALIDATORS:
        _VALIDATORS[name] = jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))
    return _VALIDATORS[name]


CHECKS = (lost_work, ungated_landings, double_landings, mail_once, overlaps, leftovers, broken_git, bad_state)
_VALIDATORS: dict[str, jsonschema.Draft202012Validator] = {}
