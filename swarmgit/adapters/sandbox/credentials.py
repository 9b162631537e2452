"""What a runtime's sessions get of the person's keys: named variables, and tokens made for one session."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from swarmgit.errors import PersonMustAct
from swarmgit.model.policy import Credential

MINT_S_MAX = 30.0


class Minted(msgspec.Struct):
    """What a mint command prints."""

    token: str
    expires: datetime | None = None


class Passed(NamedTuple):
    """`values` by variable. `expires`: when the first of them is worth nothing any more, None: not known."""

    values: dict[str, str]
    expires: datetime | None = None


def passed(credential: Credential, environ: Mapping[str, str], runtime: str) -> Passed:
    """Return what policy gives to a session of a runtime; PersonMustAct where a token could not be made.

    A variable that is not set is not passed: a program may have other ways to log in.
    """
    values = {name: environ[name] for name in credential.env if environ.get(name)}
    if not credential.mint:
        return Passed(values)
    minted = _mint(credential, environ, runtime)
    return Passed({**values, credential.mint_as: minted.token}, minted.expires)


def _mint(credential: Credential, environ: Mapping[str, str], runtime: str) -> Minted:
    """Run the mint command with the person's own environment. What it prints is never shown: it may be the token."""
    problem = f"the mint command of runtime {runtime!r} "
    hint = f"try credentials.{runtime}.mint.run of policy.yaml by hand"
    try:
        done = subprocess.run(
            credential.mint,
            env=dict(environ),
            capture_output=True,
            timeout=MINT_S_MAX,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise PersonMustAct(f"{problem}did not end within {MINT_S_MAX:g} s", hint) from error
    except OSError as error:
        raise PersonMustAct(f"{problem}could not be run: {os.strerror(error.errno or 0)}", hint) from error
    if done.returncode:
        raise PersonMustAct(f"{problem}ended with {done.returncode}", hint)
    try:
        minted = msgspec.json.decode(done.stdout, type=Minted)
    except msgspec.MsgspecError as error:
        raise PersonMustAct(f'{problem}does not print {{"token": …, "expires": …}}', hint) from error
    if not minted.token:
        raise PersonMustAct(f"{problem}printed an empty token", hint)
    return minted
