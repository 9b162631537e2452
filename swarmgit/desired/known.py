"""The runtimes that come with swarmgit."""

from __future__ import annotations

KNOWN_ADAPTERS = frozenset(
    {"command", "claude-code", "codex", "gemini", "opencode", "aider", "qwen", "copilot", "anthropic"}
)
"""Adapters by name. All but `command` are also runtimes by the same name, without an entry in `swarm.yaml`."""
