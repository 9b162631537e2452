"""Which gates a landing had to require: those of the target's commit that it was decided on."""

from __future__ import annotations

from dataclasses import dataclass, field

from swarmgit.app.fsck.ledger import Ledger
from swarmgit.app.fsck.order import Intended, Order
from swarmgit.documents import intent, paths
from swarmgit.model.ids import BlobId, CommitId
from swarmgit.model.queue import Entry
from swarmgit.ports.world import ReadWorld


@dataclass(frozen=True)
class GatesInForce:
    """Reads each version of `gates.yaml` once."""

    world: ReadWorld
    ledger: Ledger
    order: Order
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def at(self, entry: Entry) -> tuple[str, ...]:
        """Return the names of the configured gates that an entry's merged tree had to pass.

        None of them where the file cannot be read: an older version was in force then.
        """
        commit = self.decided_on(entry)
        blob = self.world.objects.resolve(f"{commit}:{paths.GATES_YAML}") if commit else None
        if blob is None:
            return ()
        if blob not in self._names:
            parsed = intent.gates(paths.GATES_YAML, BlobId(blob), self.world.objects.blob(blob))
            self._names[blob] = tuple(gate.name for gate in parsed.value or () if "merge" in gate.when)
        return self._names[blob]

    def decided_on(self, entry: Entry) -> CommitId | None:
        """Return the target's head when the intent was made; intents of one state commit stand on one another."""
        said = self.intended(entry)
        base = entry.candidate.base if entry.candidate else None
        for _ in range(len(self.ledger.entries)):
            below = [e for e in self.ledger.by_commit.get(base, ()) if e.candidate] if base else []
            other = self.intended(below[0]) if below else None
            if said is None or other is None or other.commit != said.commit or below[0].candidate is None:
                break
            base = below[0].candidate.base
        return base

    def intended(self, entry: Entry) -> Intended | None:
        """Return the entry as it stood when its intent was recorded, None where no state says so."""
        return self.order.intended(entry, self.ledger.states)
