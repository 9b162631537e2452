"""What the demo says before and after. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from swarmgit.cli.render import status_text

if TYPE_CHECKING:
    from swarmgit.app.demo import Ending, Stage

INTERRUPTED = "interrupted: the agents that still run end by themselves within a minute"


def prologue(stage: Stage) -> str:
    """Return where it plays and what is about to happen."""
    return "\n".join(
        (
            f"A scratch repository is in {stage.repository}",
            "It holds a small Python library and eight committed tasks. The agents are short scripts, so nothing here",
            "needs a network, an account or a model; everything else is what runs your own work.",
            "",
        )
    )


def cut_short(stage: Stage) -> str:
    """Return where the unfinished demo is, and how it could go on."""
    where = shlex.quote(str(stage.repository))
    return f"the demo was cut short; what there is of it: {where}\ngo on with: swarmgit -C {where} reconcile"


def epilogue(ending: Ending, history: str, width: int | None = None) -> str:
    """Return what has landed, where every task stands, what there was to see, and the commands to look further."""
    sections = (
        ("What landed on main", history),
        ("Where every task stands", status_text(ending.status, width)),
        ("What happened", "\n".join(_scenes(ending))),
        ("Look further", "\n".join(_further(ending))),
    )
    return "\n\n".join(("", *(f"{title}\n{'-' * len(title)}\n{body}" for title, body in sections))).lstrip("\n")


def _scenes(ending: Ending) -> Iterator[str]:
    for scene in ending.scenes:
        yield f"{'ok  ' if scene.has_happened else 'FAIL'}  {scene.look:<12}  {scene.told}"
    promises = ending.promises
    for violation in promises.violations:
        yield f"FAIL  fsck  {violation.promise}: {violation.message}"
    if promises.is_ok:
        yield f"ok    {'fsck':<12}  {promises.checked} landed commits checked: every promise is kept"
    if not ending.is_as_expected:
        yield f"FAIL  the run ended with: {ending.result.reason} (exit code {ending.result.code})"


def _further(ending: Ending) -> Iterator[str]:
    repository = shlex.quote(str(ending.stage.repository))
    yield f"cd {repository}"
    for command, what in (
        ("git log --graph --first-parent", "the target: one merge per landing, with trailers"),
        ("git log --stat swarm/state", "everything that swarmgit knew, tick by tick"),
        ("git -C .swarm/state diff HEAD~3", "what the last three ticks recorded"),
        ("swarmgit why quiet-lint", "why a task is where it is"),
        ("swarmgit task show slugify", "its attempts: what was refused, and the feedback"),
        ("swarmgit blame src/tally/slug.py:7", "which agent, session and model wrote a line"),
        ("swarmgit events", "who did what to which file, when"),
        ("swarmgit agents", "who did what, by verified outcomes only"),
        ("swarmgit fsck", "is every promise kept in the history"),
    ):
        yield f"{command:<36}  # {what}"
    yield f"rm -rf {shlex.quote(str(ending.stage.root)):<29}  # when you have seen enough"
