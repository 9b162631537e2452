"""Sessions as processes of this machine, which outlive the reconciler that started them."""

from __future__ import annotations

from swarmgit.adapters.processes.executor import LocalExecutor

__all__ = ["LocalExecutor"]
