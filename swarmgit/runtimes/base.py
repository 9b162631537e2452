"""What a runtime is to swarmgit, and what every runtime gives its sessions."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct, field

from swarmgit.documents import paths
from swarmgit.model.desired import Runtime
from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import Placement, StreamReader

ADDRESSES = ("_BASE_URL", "_API_BASE")
"""How the names of variables end that say where a model is."""

HOOK = Path(__file__).with_name("notes.sh")
"""Shows a session the notes in its inbox; run by agent programs that have hooks."""

JUDGE = Path(__file__).with_name("judge.sh")
"""Refuses a command that policy does not list; run by agent programs that have hooks, before the command."""

JUDGE_S_MAX = 60
"""How long a hook may take: what is not judged in time is run, so this is long, and the machine may be busy."""

PACKAGES = Path(__file__).resolve().parents[2]
"""Where swarmgit is imported from."""


class Capabilities(Struct, frozen=True):
    """What a runtime can do. `reports_usage`: tokens come from the program itself, not from its good will.

    `takes_messages`: what `message_file` writes reaches a session at work. `reports_commands`: it asks `judge` before
    it runs a shell command. `context_window`: tokens, where the program does not say it itself.
    """

    takes_messages: bool = False
    can_resume: bool = False
    reports_usage: bool = False
    reports_price: bool = False
    reports_commands: bool = False
    context_window: int | None = None


class Needs(Struct, frozen=True):
    """What a session needs of the machine and of the net; what policy and the sandbox decide about.

    `programs`: commands, the first of which is the agent program itself. `credentials`: names of variables, any one of
    which will do. `home`: paths below the home folder that it reads and writes: settings, log-in, conversations.
    `hosts`: where its provider is, when no base URL says otherwise. `reads`: absolute paths that a session reads
    besides its programs, its worktree and its own folder.
    """

    programs: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    home: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


class RuntimeAdapter(Protocol):
    """One kind of agent program. Third parties add one by an entry point of the group `swarmgit.runtimes`."""

    @property
    def name(self) -> str:
        """Return the word that `runtimes.<name>.adapter` says."""

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do."""

    @property
    def needs(self) -> Needs:
        """Return what it needs."""

    @property
    def obeys(self) -> tuple[str, ...]:
        """Return the files and folders of a repository that its program obeys without being told to: no agent changes
        them without a person. Names as `AGENTS.md`, `.tool/` or `.toolrc*`, at any depth; an older adapter has none."""

    def command(self, runtime: Runtime, placement: Placement) -> Command:
        """Return what to run for a session, with exactly its environment; PersonMustAct where it is not set up.

        The prompt is in `prompt.md` of the session's folder; `placement.spec.resume` names the conversation to go on
        with, of an adapter that can.
        """

    def stream_reader(self) -> StreamReader:
        """Return a fresh reader of what one session prints."""


def hosts_of(env: Mapping[str, str], usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a session must reach, as policy writes it: the addresses its environment names, else the usual."""
    found = [urlsplit(value) for name, value in env.items() if name.endswith(ADDRESSES) and "://" in value]
    hosts = [_host(url) for url in found if url.hostname]
    return tuple(dict.fromkeys(hosts)) or usual


def _host(url: SplitResult) -> str:
    """Return `host`, or `host:port` where the port is not that of https."""
    name = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    return name if port == 443 else f"{name}:{port}"


def message_file(id_: str, text: str) -> tuple[str, bytes]:
    """Return name and content of the file in a session's folder that shows its agent a note while it works."""
    return f"inbox/{id_}{paths.NOTE_SUFFIX}", json.dumps(text, ensure_ascii=False).encode() + b"\n"


def program(runtime: Runtime, default: str) -> tuple[str, ...]:
    """Return the program to run, and what `run` puts right behind it: `run: [/opt/bin/claude, --effort, high]`."""
    return runtime.run or (default,)


class Around(Struct, frozen=True):
    """What happens around a program. `files`: written before it, by path; one that begins with `~/` is in its home.

    `shows`: a file of it that is printed after it; `in_one_line`: as one line. `reads_prompt`: on standard input.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    shows: str | None = None
    in_one_line: bool = False
    reads_prompt: bool = True


def shell(placement: Placement, argv: Sequence[str], around: Around | None = None) -> tuple[str, ...]:
    """Return the command that runs `argv` with the prompt as its standard input: no command line is too long for it."""
    wanted = around or Around()
    lines = []
    for path, text in wanted.files.items():
        folder, place = _place(path.rpartition("/")[0]), _place(path)
        lines.append(f"mkdir -p {folder} && printf %s {shlex.quote(text)} > {place} || exit 73")
    source = '"$0"' if wanted.reads_prompt else "/dev/null"
    if wanted.shows is None:
        lines.append(f'exec "$@" < {source}')
    else:
        report = shlex.quote(wanted.shows)
        show = f"tr '\\n' ' ' < {report}; echo" if wanted.in_one_line else f"cat {report}"
        lines += [f'"$@" < {source}', "code=$?", f"if [ -f {report} ]; then {show}; fi", "exit $code"]
    return ("/bin/sh", "-c", "\n".join(lines), str(placement.folder / "prompt.md"), *argv)


def _place(path: str) -> str:
    """Return a path as the shell's word for it."""
    return f'"$HOME"/{shlex.quote(path[2:])}' if path.startswith("~/") else shlex.quote(path)


def judge(placement: Placement) -> str | None:
    """Return the command that judges a reported one (0: it may run, 2: refused, with the reason on standard error).

    None where policy lists no programs. It never imports what lies in a worktree.
    """
    if placement.programs is None:
        return None
    return shlex.join(("/bin/sh", str(JUDGE), sys.executable, str(PACKAGES), *placement.programs))


def own_python() -> Command:
    """Return what a session must see to run swarmgit's own Python: `programs` and `read` alone count."""
    is_installed = PACKAGES.name in {"site-packages", "dist-packages"}
    package = PACKAGES if is_installed else PACKAGES / "swarmgit"
    return Command((), {}, read=(str(package), str(JUDGE)), programs=(sys.executable,))


def kept(placement: Placement, name: str) -> str:
    """Return the path of a file of the adapter's own that a session may write."""
    return str(placement.folder / "outbox" / f".{name}")


def session_env(runtime: Runtime, placement: Placement, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a session's whole environment: what the caller passes on of the host, the runtime's own, then ours.

    `more`: what an adapter sets where the runtime does not say otherwise. Ours come last: a runtime cannot give a
    session another's name.
    """
    spec, folder = placement.spec, placement.folder
    ours = {
        "SWARM_TASK": spec.task or "",
        "SWARM_AGENT": spec.agent or "",
        "SWARM_SESSION": spec.id,
        "SWARM_ATTEMPT": str(spec.attempt),
        "SWARM_TASK_FILE": str(folder / "task.json"),
        "SWARM_PROMPT_FILE": str(folder / "prompt.md"),
        "SWARM_FEEDBACK_FILE": str(folder / "feedback.json"),
        "SWARM_INBOX": str(folder / "inbox"),
        "SWARM_OUTBOX": str(folder / "outbox"),
        **{f"SWARM_PORT_{number}": str(port) for number, port in enumerate(placement.ports)},
    }
    return {**_without_ours(placement.host_env), **(more or {}), **_without_ours(runtime.env), **ours}


def _without_ours(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith("SWARM_")}
