"""From policy to walls: what one session may touch, and the words to run its programs with."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from swarmgit.adapters.sandbox import groups, programs
from swarmgit.adapters.sandbox.box import Box, Network, Sandbox
from swarmgit.adapters.sandbox.credentials import passed
from swarmgit.adapters.sandbox.probe import Found, best
from swarmgit.adapters.sandbox.proxy import LOCAL, is_allowed, local_ports
from swarmgit.adapters.sandbox.trails import Seen, trail
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct
from swarmgit.model.policy import Credential, Limits, Policy, SandboxReport
from swarmgit.model.runtimes import Command
from swarmgit.model.sessions import ProgramSpec
from swarmgit.ports.sandbox import Confined, Confinement
from swarmgit.ports.store import LiveCache

HOME = "home"
OUTBOX = "outbox"
SCRATCH = "tmp"
_AGENTS = ("prompt.md", "task.json", "feedback.json", "inbox")
_SHOWN: Mapping[str, tuple[str, ...]] = {"agent": _AGENTS, "merge": (*_AGENTS, "merge"), "triage": _AGENTS}
"""What each kind of session reads of its folder."""
_RESOLVER = ("/etc/resolv.conf", "/run/systemd/resolve", "/run/NetworkManager/resolv.conf", "/run/resolvconf")
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_PROXY_URL = "http://127.0.0.1:3128"
_COPY_BYTES_MAX = 8 << 20


@dataclass(frozen=True)
class Confiner:
    """World.confine and .sandbox. `objects`: the person's object folder. `live`: never shown at all, `secret`:
    not by mistake.

    `kinds`: the sandboxes to look for, the best first.
    """

    cache: LiveCache
    vault: Vault
    objects: Path
    live: Path
    secret: tuple[Path, ...]
    environ: Mapping[str, str]
    kinds: tuple[str, ...]

    @cached_property
    def found(self) -> Found:
        return best(self.cache, self.kinds)

    def describe(self, policy: Policy) -> SandboxReport:
        """Return what confines sessions under a policy."""
        if policy.sandbox == "off":
            text = "none: switched off by policy.yaml, sessions run with your own rights"
            return SandboxReport("", "none", text)
        return report(self.found)

    def granted(self, policy: Policy, runtime: str) -> frozenset[str]:
        """Return the names of the variables that a runtime's sessions get of the person's keys."""
        named = policy.credentials.get(runtime, Credential())
        made = {named.mint_as} if named.mint else set()
        return frozenset({name for name in named.env if self.environ.get(name)} | made)

    def unreachable(self, policy: Policy, runtime: str, hosts: tuple[str, ...]) -> str:
        """Return why a runtime that has to reach one of `hosts` cannot work by policy, '' where it can."""
        is_open = not hosts or policy.sandbox == "off" or "full" in policy.network
        sandbox = None if is_open else self.found.sandbox
        if sandbox is None:
            return ""
        try:
            _network(policy, Command((), {}, hosts=hosts), runtime, sandbox)
        except PersonMustAct as refused:
            return f"{refused.message}; {refused.hint}"
        return ""

    def confine(self, command: Command, policy: Policy, where: Confinement) -> Confined:
        """Return how to run a command by policy; PersonMustAct where policy wants what this machine does not have."""
        found = self.describe(policy)
        sandbox = None if policy.sandbox == "off" else self.found.sandbox
        if policy.sandbox == "required" and found.strength == "none":
            self.__dict__.pop("found", None)  # it is looked for again by the next start
            raise PersonMustAct(
                f"policy.yaml requires a sandbox, and there is {found.text}; nothing was started",
                hint="swarmgit doctor shows what is missing",
            )
        _require_program(command, where)
        keys = passed(policy.credentials.get(where.runtime, Credential()), self.environ, where.runtime)
        self.vault.remember(keys.values)
        output_max = output_bytes_max(policy.limits)
        home = _home(where)
        env = {"HOME": str(home), **command.env, **keys.values}
        files = {f"{HOME}/{name}": _copied(path) for name, path in command.copies.items()}
        if sandbox is None:
            return Confined(where.folder, command.argv, env, (), (), files, found, keys.expires, output_max)
        box = self._box(command, policy, where, sandbox)
        env.setdefault("GIT_CONFIG_NOSYSTEM", "1")  # where it may not be looked at, git would stop
        env.setdefault("TMPDIR", "/tmp" if sandbox.strength == "full" else str(where.folder / SCRATCH))  # noqa: S108
        if box.network.hosts and not box.network.is_open and sandbox.strength == "full":
            directly = ",".join(LOCAL) if local_ports(list(box.network.hosts)) else ""
            env |= dict.fromkeys(_PROXY_VARIABLES, _PROXY_URL) | {"NO_PROXY": directly, "no_proxy": directly}
        walls = sandbox.walls(box, where.folder)
        files[groups.GROUP_FILE] = groups.lines(policy.limits, self.found.groups, where.spec.id)
        stdout, stderr, setup = _pipes(where)
        argv = (*walls.around(stdout, stderr), *command.argv)
        around, beside = walls.around(setup, setup), walls.around("", setup)
        files |= walls.files
        return Confined(where.folder, argv, env, around, beside, files, found, keys.expires, output_max)

    def _box(self, command: Command, policy: Policy, where: Confinement, sandbox: Sandbox) -> Box:
        listed = policy.programs_of(where.role)
        path = command.env.get("PATH", os.defpath)
        known, hidden = programs.view(path, None if listed is None else (*listed, *command.programs))
        seen = Seen(set(known.paths), dict(known.links))
        network = _network(policy, command, where.runtime, sandbox)
        seen.add(self.objects, *_alternates(self.objects), *command.read)
        folder = os.path.realpath(where.folder)  # its files are made later, by the executor
        seen.paths.update(f"{folder}/{name}" for name in _SHOWN.get(where.spec.kind, ()))
        seen.add(*map(self._opened, policy.filesystem.read))
        if network.is_open:
            seen.add(*_RESOLVER)
        for words in where.named:
            self._add_named(seen, words, path)
        seen.add(*map(self._opened, where.files))
        write = Seen()
        write.add(*map(self._opened, policy.filesystem.write))
        write.paths.update(f"{folder}/{name}" for name in (OUTBOX, SCRATCH))
        write.paths.add(os.path.realpath(_home(where)))
        write.paths.add(os.path.realpath(where.worktree))
        read, links = seen.reduced()
        return Box(
            cwd=where.worktree,
            home=_home(where),
            read=read,
            write=tuple(sorted(map(Path, write.paths))),
            links=links,
            pipes=tuple(map(Path, _pipes(where))),
            hidden=tuple(map(Path, hidden)) if sandbox.strength == "full" else (),
            network=network,
            limits=policy.limits,
            is_counted=os.geteuid() == 0 and not any("pids" in each for each in self.found.groups),
        )

    def _opened(self, path: str) -> str:
        """Return a path that people opened; PersonMustAct where it would show what no session may see, ever."""
        home = self.environ.get("HOME", "")
        full = f"{home}{path[1:]}" if path == "~" or path.startswith("~/") else path
        real = Path(trail(full)[1])
        if self.live.is_relative_to(real) or real.is_relative_to(self.live):
            raise PersonMustAct(
                f"{path} would show sessions the keys, credentials and other sessions' folders in {self.live}",
                hint="name what is needed of it in filesystem (.swarm/policy.yaml) and files (.swarm/swarm.yaml)",
            )
        return full

    def _add_named(self, seen: Seen, run: Sequence[str], path: str) -> None:
        """Make visible what a command line names: a program with its installation, other paths as they are."""
        for word in _words(run):
            if not word.startswith("/") or not os.path.lexists(word) or self._leads_to_secrets(word):
                continue
            if os.path.isfile(word) and os.access(word, os.X_OK):  # noqa: PTH113
                programs.add_program(seen, word, path)
            else:
                seen.add(word)

    def _leads_to_secrets(self, path: str) -> bool:
        """Return whether a folder that stands in a command line holds what no session may see."""
        real = Path(trail(path)[1])
        return any(secret.is_relative_to(real) for secret in self.secret)


def _require_program(command: Command, where: Confinement) -> None:
    """Raise PersonMustAct where there is no program to run; one of the worktree may still be made by set-up."""
    program = command.argv[0]
    if Path(program).is_relative_to(where.worktree) or shutil.which(program, path=command.env.get("PATH", os.defpath)):
        return
    programs.view.cache_clear()  # it may come by a link into a place that nobody had to see so far
    name = where.runtime or "sh"
    raise PersonMustAct(
        f"there is no program {program} that could be run as runtime {name!r}",
        hint=f"install it, or name another one in .swarm/swarm.yaml; swarmgit runtime check {name}",
    )


def output_bytes_max(limits: Limits) -> int:
    """Return how much each stream of a session's output may take: no more than all that it may write."""
    return int(min(limits.output_mb * (1 << 20), limits.disk_gb * (1 << 30)))


def _pipes(where: Confinement) -> tuple[str, str, str]:
    """Return what a session's output goes to: that of the program, its errors, that of set-up."""
    folder = os.path.realpath(where.folder)
    return f"{folder}/{paths.STDOUT_PIPE}", f"{folder}/{paths.STDERR_PIPE}", f"{folder}/{paths.SETUP_PIPE}"


def report(found: Found) -> SandboxReport:
    """Return what was found, in words."""
    sandbox = found.sandbox
    if sandbox is None:
        text = f"none: no sandbox is available ({found.why or 'not on this system'}), sessions run with your own rights"
        return SandboxReport("", "none", text)
    if sandbox.strength == "reduced":
        return SandboxReport(sandbox.name, "reduced", f"{sandbox.name}, reduced: {found.why or 'no better one'}")
    return SandboxReport(sandbox.name, "full", sandbox.name)


def _words(run: Sequence[str]) -> list[str]:
    """Return the words of a command line, those of a shell's text too."""
    if len(run) == 3 and run[:2] == ("/bin/sh", "-c"):
        try:
            return [run[0], *shlex.split(run[2])]
        except ValueError:
            return list(run)
    return list(run)


def _home(where: Confinement) -> Path:
    """Return a session's home folder: its own, or that of the session whose conversation it goes on with."""
    home = where.spec.home if isinstance(where.spec, ProgramSpec) else None
    before = where.folder.parent / home / HOME if home else None
    return before if before is not None and before.is_dir() and not before.is_symlink() else where.folder / HOME


def _network(policy: Policy, command: Command, runtime: str, sandbox: Sandbox) -> Network:
    """Return what policy opens; PersonMustAct where a program could not work with that. Nothing opens more."""
    if "full" in policy.network:
        return Network(is_open=True)
    hosts = tuple(dict.fromkeys(host for host in policy.network if host != "none"))
    if not command.hosts or (sandbox.strength == "full" and any(_is_listed(host, hosts) for host in command.hosts)):
        return Network(hosts)
    if sandbox.strength != "full":
        why = f"the sandbox of this machine ({sandbox.name}, reduced) lets through all hosts or none"
        raise PersonMustAct(
            f"runtime {runtime!r} has to reach {' or '.join(command.hosts)}, and {why}: "
            "write network: full in .swarm/policy.yaml",
            hint="with bubblewrap, single hosts can be let through",
        )
    wanted = ", ".join(dict.fromkeys((*hosts, *command.hosts)))
    raise PersonMustAct(
        f"runtime {runtime!r} has to reach {' or '.join(command.hosts)}, which policy does not allow: "
        f"write network: [{wanted}] in .swarm/policy.yaml",
        hint="swarmgit validate, once it is written and committed",
    )


def _is_listed(wanted: str, hosts: Sequence[str]) -> bool:
    host, colon, port = wanted.rpartition(":")
    return (
        is_allowed(host, int(port), list(hosts)) if colon and port.isdigit() else is_allowed(wanted, 443, list(hosts))
    )


def _alternates(objects: Path) -> list[str]:
    """Return the object folders that the person's repository borrows from, at most one step away."""
    try:
        lines = (objects / "info" / "alternates").read_text("utf-8", "surrogateescape").split("\n")
    except OSError:
        return []
    return [os.path.normpath(objects / line) for line in lines if line and not line.startswith("#")]


def _copied(path: str) -> bytes:
    source = Path(path).expanduser()
    try:
        with source.open("rb") as file:
            return file.read(_COPY_BYTES_MAX)
    except OSError as error:
        raise PersonMustAct(f"{path} cannot be copied for the session: {error.strerror}") from error
