"""Any program: a script, a codemod, a formatter, or an agent that speaks our JSON lines. Needs no model."""

from __future__ import annotations

from msgspec import Struct, field

from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import Runtime
from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import Placement
from swarmgit.runtimes.base import Capabilities, Needs, session_env
from swarmgit.runtimes.jsonlines import JsonLinesReader


class CommandRuntime(Struct, frozen=True):
    """DESIGN section 6, `command`: exit code 0 is a submission, any other a failure."""

    name: str = "command"
    capabilities: Capabilities = field(default_factory=Capabilities)
    needs: Needs = field(default_factory=Needs)
    obeys: tuple[str, ...] = ()

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return `run` as it is; a program given by a relative path is one of the worktree's."""
        if not runtime.run or not runtime.run[0]:
            raise PersonMustAct(
                f"runtime {runtime.name!r} does not say what to run", hint=f"set runtimes.{runtime.name}.run"
            )
        program, *arguments = runtime.run
        if "/" in program:
            program = str(placement.worktree / program)
        return Command((program, *arguments), session_env(runtime, placement))

    def stream_reader(self) -> JsonLinesReader:
        """Return a fresh reader."""
        return JsonLinesReader()
