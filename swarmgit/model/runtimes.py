"""What a runtime says of its sessions before they begin."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Command(Struct, frozen=True):
    """What to run. `hosts`: what it must reach, one of them at least, to work at all. `read`: paths of the machine that
    it must see. `programs`: names on its PATH, or absolute paths, that it runs itself, visible whatever policy lists.

    `copies`: files of the person's that it gets as copies of its own, by their name in its home folder.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    hosts: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()


class Outlook(Struct, frozen=True):
    """What is known of a session before it says anything. `window`: tokens that its model can take in; None: unknown.

    `takes_messages`: what is put into its inbox reaches it while it works.
    """

    window: int | None = None
    takes_messages: bool = False
