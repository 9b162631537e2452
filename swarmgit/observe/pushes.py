"""What became of a push, and what is known of the remote's branch beside the target."""

from __future__ import annotations

import re

from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.desired import Swarm
from swarmgit.model.ids import CommitId
from swarmgit.model.jobs import Job
from swarmgit.model.observed import RemoteHead
from swarmgit.model.work import Pushed
from swarmgit.ports.repository import Objects

TAKEN, REJECTED = 0, 3
UNPUSHED_MAX = 1000
REASON_CHARS_MAX = 300
SECRET = re.compile(r"(?<=://)[^/\s@]+@")
REFUSED = re.compile(r"^!\t[^\t]*\t(.*)$", re.MULTILINE)
WORDS = re.compile(r"^(?:remote|fatal|error): *(.+)$", re.MULTILINE)


def answer(job: Job, output: str, stderr: str) -> Pushed | None:
    """Return what an ended push came to; None when it was lost, which says nothing."""
    if job.state == "lost" or job.is_unheard:
        return None
    if job.excess is not None:
        return Pushed("failed", job.excess.sentence)
    if job.stop is not None:
        return Pushed("failed", f"it was stopped: {job.stop.text}")
    if job.exit_code == TAKEN:
        return Pushed("taken")
    refused = REFUSED.search(output)
    said = [*WORDS.findall(stderr), *([refused.group(1)] if refused else [])]
    reason = "; ".join(dict.fromkeys(line.strip() for line in said if line.strip(" .")))
    reason = SECRET.sub("", job.error or reason or stderr.strip() or "git said nothing")[:REASON_CHARS_MAX]
    return Pushed("rejected" if job.exit_code == REJECTED else "failed", reason)


class RemoteWatcher:
    """Looks at refs only: nobody is asked over the network here. Works anew only when a ref has moved."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._seen: tuple[CommitId, CommitId] | None = None
        self._head: RemoteHead | None = None

    def look(self, swarm: Swarm | None, target: CommitId | None) -> RemoteHead | None:
        """Return the remote's branch as it was last seen; None where nothing is pushed or it was never seen."""
        if swarm is None or target is None or swarm.push.remote is None:
            return None
        head = self._newest(swarm.push.remote, swarm.push.branch or swarm.target)
        if head is None:
            return None
        if self._seen != (head, target):
            self._head = self._compare(head, target)
            self._seen = (head, target)
        return self._head

    def _newest(self, remote: str, branch: str) -> CommitId | None:
        """Return what our pushes left, or the person's own fetches and pushes where those went further."""
        ours = self._objects.ref(paths.remote_ref(branch))
        theirs = self._objects.ref(f"refs/remotes/{remote}/{branch}")
        if ours is None or theirs is None:
            return ours or theirs
        return theirs if self._objects.is_ancestor(ours, theirs) else ours

    def _compare(self, head: CommitId, target: CommitId) -> RemoteHead:
        if head == target:
            return RemoteHead(head, "same")
        if self._objects.is_ancestor(target, head):
            return RemoteHead(head, "ahead")
        unpushed = self._line(target, frozenset(self._line(head, frozenset())))
        is_behind = self._objects.is_ancestor(head, target)
        return RemoteHead(head, "behind" if is_behind else "diverged", unpushed)

    def _line(self, head: CommitId, until: frozenset[CommitId]) -> tuple[CommitId, ...]:
        """Return the first-parent line of a commit, newest first, up to one in `until`."""
        found: list[CommitId] = []
        at: CommitId | None = head
        while at is not None and at not in until and len(found) < UNPUSHED_MAX:
            found.append(at)
            try:
                at = next(iter(self._objects.commit(at).parents), None)
            except SwarmError:  # a shallow clone ends here
                at = None
        return tuple(found)
