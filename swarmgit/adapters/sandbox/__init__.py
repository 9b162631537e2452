"""What bounds a session: which files, programs, hosts and how much of the machine it can reach."""

from __future__ import annotations

from swarmgit.adapters.sandbox.confine import Confiner
from swarmgit.adapters.sandbox.probe import KINDS

__all__ = ["KINDS", "Confiner"]
