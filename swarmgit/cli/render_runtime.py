"""Agent programs as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import asdict

from swarmgit.app.runtimes import Checked, Installed
from swarmgit.cli.table import table


def runtimes_document(found: Sequence[Installed]) -> dict[str, Any]:
    """Return `runtime list --json`."""
    rows = [{**asdict(each), "credentials": list(each.credentials), "missing": list(each.missing)} for each in found]
    return {"version": 1, "runtimes": rows}


def runtimes_text(found: Sequence[Installed], width: int | None = None) -> str:
    """Return what `runtime list` prints."""
    rows = [
        (
            each.name,
            "yes" if each.program or each.name == "command" else "no",
            each.version or "-",
            ", ".join(name for name, is_able in each.can.items() if is_able) or "-",
            "; ".join(each.missing) or "-",
        )
        for each in found
    ]
    return table(("RUNTIME", "HERE", "VERSION", "CAN", "MISSING"), rows, width)


def checked_text(found: Checked) -> str:
    """Return what `runtime check` prints."""
    return "\n".join(_checked(found))


def _checked(found: Checked) -> Iterator[str]:
    model = f" with {found.model}" if found.model else ""
    yield f"{found.runtime}{model} {'works here' if found.works else f'does not work here: {found.reason}'}"
    yield table(("WHAT", "", "SEEN"), [(each.what, each.answer, each.tried) for each in found.findings])
