"""The merge queue's real choice of trees against a model of changes, gates and slots."""

from __future__ import annotations

from swarmgit.app.simulate.compare import ALGORITHMS, compare, standard_table
from swarmgit.app.simulate.documents import simulation_document, table_document
from swarmgit.app.simulate.model import BrokenPromise, Figures, Setting

__all__ = [
    "ALGORITHMS",
    "BrokenPromise",
    "Figures",
    "Setting",
    "compare",
    "simulation_document",
    "standard_table",
    "table_document",
]
