"""A small agent of our own on the Anthropic SDK: for API keys, and for any server that speaks Anthropic's messages.

It runs as a process like every agent program (`anthropic_agent.py`) and prints swarmgit's own JSON lines.
"""

from __future__ import annotations

import sys

from swarmgit.errors import PersonMustAct
from swarmgit.model.adapters import PROVIDER_HOSTS
from swarmgit.model.desired import Runtime
from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes import base, jsonlines
from swarmgit.runtimes.reader import Dialect, DialectReader

REMEDY = (
    "set ANTHROPIC_API_KEY where swarmgit runs and name it in .swarm/policy.yaml, "
    "credentials: {anthropic: [ANTHROPIC_API_KEY]}"
)


class Anthropic:
    name = "anthropic"
    capabilities = base.Capabilities(
        takes_messages=True, can_resume=True, reports_usage=True, reports_commands=True, context_window=200_000
    )
    obeys: tuple[str, ...] = ()
    needs = base.Needs(
        programs=("python3", "bash"),
        credentials=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        hosts=PROVIDER_HOSTS["anthropic"],
    )

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return one run. `-P`: what lies in the worktree is never imported."""
        spec = placement.spec
        env = base.session_env(runtime, placement)
        if not any(env.get(name) or name in placement.keys for name in self.needs.credentials):
            raise PersonMustAct(f"runtime {runtime.name!r} has no key; {REMEDY}")
        env["PYTHONPATH"] = str(base.PACKAGES)
        conversation = placement.folder.parent / spec.resume if spec.resume else None
        said = conversation / "outbox" / ".conversation.json" if conversation else None
        # an agent could write to that folder: a link would show this one whatever it leads to
        before = (str(said),) if said and said.is_file() and not said.is_symlink() else ()
        argv = [
            *(*base.program(runtime, sys.executable), "-P", "-m", "swarmgit.runtimes.anthropic_agent"),
            *(("--model", spec.model) if spec.model else ()),
            *(("--programs", ",".join(placement.programs)) if placement.programs is not None else ()),
            *(("--go-on-from", str(conversation)) if conversation else ()),
        ]
        ours = base.own_python()
        return Command(base.shell(placement, argv), env, read=(*before, *ours.read), programs=ours.programs)

    def stream_reader(self) -> DialectReader:
        """Return a fresh reader."""
        return DialectReader(
            Dialect(
                jsonlines.translate, has_last_word=True, remedy=REMEDY, speaks_for="account", usage_comes_first=True
            )
        )
