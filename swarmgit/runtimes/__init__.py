"""Agent programs by adapter name; a module is imported when its runtime is used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import cast

from msgspec.structs import replace

from swarmgit.errors import PersonMustAct
from swarmgit.model.adapters import ADAPTERS, PROVIDER_HOSTS
from swarmgit.model.desired import Runtime
from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import Placement, StreamReader
from swarmgit.runtimes.base import Needs, RuntimeAdapter, hosts_of, own_python

GROUP = "swarmgit.runtimes"


@lru_cache(maxsize=64)
def adapter(name: str) -> RuntimeAdapter:
    """Return a runtime's adapter, or raise PersonMustAct that names the nearest known one."""
    own = ADAPTERS.get(name)
    if own is None:
        return _installed(name)
    return cast(RuntimeAdapter, getattr(import_module(f"{__name__}.{own.module}"), own.factory)())


def command_for(runtime: Runtime, placement: Placement) -> Command:
    """Return what to run for a session of this runtime, and what it needs to see and to reach."""
    known = adapter(runtime.adapter)
    command, needs = known.command(runtime, placement), known.needs
    is_judged = placement.programs is not None and known.capabilities.reports_commands
    ours = own_python() if is_judged else Command((), {})
    return replace(
        command,
        hosts=command.hosts or hosts_of(command.env, _usual_hosts(needs, placement.spec.model or "")),
        read=(*command.read, *needs.reads, *ours.read),
        programs=(*command.programs, *runtime.run[:1], *needs.programs, *ours.programs),
    )


def hosts_needed(runtime: Runtime, model: str) -> tuple[str, ...]:
    """Return what sessions of a runtime must reach, one of them at least; () where nothing is known to be needed."""
    try:
        needs = adapter(runtime.adapter).needs
    except PersonMustAct:
        return ()
    return hosts_of(runtime.env, _usual_hosts(needs, model))


def _usual_hosts(needs: Needs, model: str) -> tuple[str, ...]:
    """Return where the provider is: the adapter's, else the one that the model's name begins with."""
    return needs.hosts or (PROVIDER_HOSTS.get(model.partition("/")[0], ()) if needs.credentials else ())


def stream_reader(name: str) -> StreamReader:
    """Return a fresh reader for the output of the named adapter's programs."""
    return adapter(name).stream_reader()


def _installed(name: str) -> RuntimeAdapter:
    """Return an adapter that another package brings by its entry point. Looked up only for names we do not have."""
    import difflib
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP)
    for entry in found:
        if entry.name == name:
            try:
                loaded = entry.load()
                return cast(RuntimeAdapter, loaded() if callable(loaded) else loaded)
            except Exception as error:
                raise PersonMustAct(f"runtime adapter {name!r} ({entry.value}) cannot be loaded: {error}") from error
    known = sorted({*ADAPTERS, *(entry.name for entry in found)})
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known adapters: {', '.join(known)}"
    raise PersonMustAct(f"there is no runtime adapter {name!r}; {hint}", hint="set 'adapter' in .swarm/swarm.yaml")


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Return the names of all adapters: ours, and those that other packages bring."""
    from importlib.metadata import entry_points

    return frozenset({*ADAPTERS, *(entry.name for entry in entry_points(group=GROUP))})


@lru_cache(maxsize=1)
def obeyed() -> tuple[str, ...]:
    """Return the names of files and folders that any adapter says its program obeys, in a fixed order."""
    found = (getattr(each, "obeys", ()) for each in adapters())
    return tuple(sorted({name for names_ in found for name in names_ if isinstance(name, str) and name.strip("/* ")}))


def adapters() -> Iterator[RuntimeAdapter]:
    """Yield every adapter that can be loaded, ours first."""
    for name in (*ADAPTERS, *sorted(names() - ADAPTERS.keys())):
        try:
            yield adapter(name)
        except PersonMustAct:
            continue
