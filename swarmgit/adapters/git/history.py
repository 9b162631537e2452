"""What the target's history itself says about landings, for when the state branch has to be made anew."""

from __future__ import annotations

from itertools import zip_longest

from msgspec import Struct

from swarmgit.adapters.git.run import Git
from swarmgit.model.ids import AgentName, CommitId, SessionId, TaskId
from swarmgit.ports import LandedTask

FIELDS = ("Swarm-Agent", "Swarm-Session", "Swarm-Model")


def landed_in_history(git: Git, target: CommitId | str) -> dict[TaskId, LandedTask]:
    """Return, for each task named by a trailer in the history of `target`, its newest landing.

    Where both a merge and its second parent name the task, the merge (which is on the first-parent line) is meant.
    """
    trailers = "%x01".join(f"%(trailers:key={name},valueonly,separator=%x02)" for name in ("Swarm-Task", *FIELDS))
    listing = git.out(
        "log", "-z", "--topo-order", f"--format=%H%x01{trailers}", "--grep=^Swarm-Task:", str(target), "--"
    ).decode("utf-8", "replace")
    found: dict[TaskId, LandedTask] = {}
    for record in listing.split("\0"):
        commit, *values = record.strip("\n").split("\x01")
        if len(values) != 4:
            continue
        columns = [[part.strip() for part in value.split("\x02")] for value in values]
        for task, agent, session, model in zip_longest(*columns, fillvalue=""):
            if task:
                entry = LandedTask(CommitId(commit), AgentName(agent), SessionId(session), model)
                found.setdefault(TaskId(task), entry)
    return found


class Target(Struct, frozen=True):
    """A branch, by its full name, of the repository that `git` is about."""

    git: Git
    branch: str

    def head(self) -> str | None:
        """Return the commit it is at; None where there is none."""
        return self.git.call("rev-parse", "-q", "--verify", self.branch).stdout.decode().strip() or None

    def contains(self, commit: str) -> bool:
        """Return whether it contains a commit; False where either is not there."""
        return self.git.call("merge-base", "--is-ancestor", commit, self.branch).returncode == 0
