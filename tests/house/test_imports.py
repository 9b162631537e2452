"""No module imports itself over others, whichever package they are in: every module can be read after those it uses."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


def test_there_is_no_circle_of_imports() -> None:
    """Imports inside functions count as well; those for types only do not."""
    graph = grimp.build_graph("swarmgit", exclude_type_checking_imports=True, cache_dir=None)
    order = TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
