"""Judging a shell command before it runs: friendly, early, and never the wall (that is the sandbox)."""

from swarmgit.documents.commands.shell import refuse

__all__ = ["refuse"]
