"""Where `runtime check` plays: a scratch repository with the person's settings of the runtime, and their log-ins."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import Desired, Runtime
from swarmgit.model.policy import Credential, Policy


class CheckStage(Struct, frozen=True):
    """`settings`: the runtime's entry for `swarm.yaml`. `policy`: `policy.yaml`, with what the runtime may reach."""

    root: Path
    repository: Path
    environ: Mapping[str, str]
    runtime: Runtime
    model: str | None
    settings: Mapping[str, Any]
    policy: Mapping[str, Any]


def stage(
    asked: tuple[str, str | None],
    known: Desired | None,
    needs: Any,  # noqa: ANN401  a value of the runtimes' layer, which is beside this one
    folder: Path | None,
    environ: Mapping[str, str],
) -> CheckStage:
    """Make the folder and find out how the runtime is set up: as in the repository here, else by its name.

    Without a repository there is no policy: then the runtime may reach its provider, because it is to be checked.
    """
    name, model = asked
    swarm = known.swarm if known else None
    runtime = (swarm.runtimes.get(name) if swarm else None) or Runtime(name, name)
    tiers = [tier for tier in (swarm.tiers.values() if swarm else ()) if tier.runtime == name and tier.model]
    root = Path(tempfile.mkdtemp(prefix="swarmgit-check-")) if folder is None else folder
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    if any(root.iterdir()):
        raise PersonMustAct(f"the folder {root} is not empty", f"swarmgit runtime check {name} --dir NEW-FOLDER")
    (root / "scratch").mkdir()
    plain = msgspec.to_builtins(runtime)
    settings = {key: value for key, value in plain.items() if key != "name" and value}
    return CheckStage(
        root=root,
        repository=root / "scratch",
        environ={**environ, "XDG_STATE_HOME": str(root / "worktrees"), "GIT_CONFIG_GLOBAL": "/dev/null"},
        runtime=runtime,
        model=model or (tiers[0].model if tiers else None),
        settings=settings,
        policy=_policy(
            name, known.policy if known else Policy(network=needs.hosts or ("none",)), needs.credentials, environ
        ),
    )


def _policy(name: str, policy: Policy, credentials: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the person's policy as far as it bounds a program; its keys are those that the environment has here."""
    found = Credential(tuple(variable for variable in credentials if environ.get(variable)))
    keys = policy.credentials.get(name, found)
    mint = {"mint": {"run": list(keys.mint), "as": keys.mint_as}} if keys.mint else {}
    return {
        "version": 1,
        "sandbox": policy.sandbox,
        "network": list(policy.network),
        "filesystem": {"read": list(policy.filesystem.read), "write": list(policy.filesystem.write)},
        "credentials": {name: {"env": list(keys.env), **mint}},
    }
