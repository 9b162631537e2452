"""What tally can do, by name."""

COMMANDS = ("lines",)
