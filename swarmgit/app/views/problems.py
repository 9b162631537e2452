"""The JSON shape of problems in the intent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swarmgit.model.desired import Problem


def problem_rows(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in problems]


def problems_document(problems: Sequence[Problem], warnings: Sequence[str] = ()) -> dict[str, Any]:
    """Return `validate --json`."""
    return {"version": 1, "problems": problem_rows(problems), "warnings": list(warnings)}
