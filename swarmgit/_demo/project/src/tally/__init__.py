"""Count, wrap and name texts."""

__version__ = "0.1.0"
