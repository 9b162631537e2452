"""The agent programs that swarmgit can run: one row for each, and where their providers are."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Adapter(Struct, frozen=True):
    """`module` below `swarmgit.runtimes` and `factory` in it: what speaks with the program, loaded when it is used.

    `provider`: whose account the program's sessions use; '' for one of its own.
    """

    module: str
    factory: str
    provider: str = ""


ADAPTERS: Mapping[str, Adapter] = {
    "command": Adapter("command", "CommandRuntime"),
    "claude-code": Adapter("claude_code", "ClaudeCode", "anthropic"),
    "codex": Adapter("codex", "Codex", "openai"),
    "gemini": Adapter("gemini", "Gemini", "google"),
    "opencode": Adapter("opencode", "OpenCode"),
    "aider": Adapter("aider", "Aider"),
    "qwen": Adapter("qwen", "Qwen"),
    "copilot": Adapter("copilot", "Copilot"),
    "anthropic": Adapter("anthropic", "Anthropic", "anthropic"),
}
"""By name. All but `command` are also runtimes by the same name, without an entry in `swarm.yaml`."""

PROVIDER_HOSTS: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("api.anthropic.com",),
    "openai": ("api.openai.com",),
    "gemini": ("generativelanguage.googleapis.com",),
    "google": ("generativelanguage.googleapis.com",),
    "openrouter": ("openrouter.ai",),
    "deepseek": ("api.deepseek.com",),
    "mistral": ("api.mistral.ai",),
    "groq": ("api.groq.com",),
    "xai": ("api.x.ai",),
}
"""Where a provider is, by the word before the '/' in a model's name: for programs that speak with any provider."""


def provider_of(adapter: str) -> str:
    """Return whose account an adapter's sessions use; the adapter's name where nothing else is known."""
    known = ADAPTERS.get(adapter)
    return known.provider if known is not None and known.provider else adapter
