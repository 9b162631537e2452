"""What a session that resolves a conflict is told: both tasks, what may change, and what the last try lacked."""

from __future__ import annotations

from collections.abc import Sequence

from swarmgit.documents import quoting
from swarmgit.model.desired import Task
from swarmgit.model.queue import Resolving
from swarmgit.plan.briefing import feedback_text, section

CONFLICT = "These files conflict; where lines do, they stand between markers:"


def prompt_for_merge(role_text: str, task: Task, others: Sequence[Task], begun: Resolving) -> str:
    """Return the prompt as Markdown; the two differences and the hints are added where the session starts."""
    acceptance = [f"- `{item.run}`" for each in (task, *others) for item in each.acceptance]
    sections = (
        role_text.strip(),
        f"# Resolve a merge conflict of task {task.id}: {task.title}",
        section("The conflict", f"{CONFLICT}\n{_listed(begun.paths)}"),
        section("You may change only these files", _listed(begun.may_change)),
        section(f"What {task.id} is for (the side called the task)", task.description),
        *(section(f"What {each.id} is for, the other side: {each.title}", each.description) for each in others),
        section("Contracts that others rely on", "\n\n".join(each.contracts for each in (task, *others))),
        section("Done means that no marker is left and each of these passes", "\n".join(acceptance)),
        section("Your last try was refused", feedback_text(begun.feedback)) if begun.feedback else "",
    )
    return "\n\n".join(part for part in sections if part) + "\n"


def _listed(paths: Sequence[str]) -> str:
    return "\n".join(f"- {quoting.line(path)}" for path in paths)
