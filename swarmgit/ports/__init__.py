"""Small protocols between the steps of the tick and the machine, by consumer. Real parts are in `adapters`.

The names here are for the adapters of other packages; swarmgit itself imports each from its module.
"""

from swarmgit.model.runtimes import Command
from swarmgit.ports.runtimes import ErrorReader, KeepingReader, Placement, StreamReader

__all__ = ["Command", "ErrorReader", "KeepingReader", "Placement", "StreamReader"]
