"""The version, without asking the installed package's metadata (that costs more than the rest of start-up)."""

from __future__ import annotations

VERSION = "0.1.0"
