"""Who signed what has landed, wherever the target's settings said that it has to be signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmgit.app.fsck.gates import GatesInForce
from swarmgit.app.fsck.report import Violation
from swarmgit.documents import intent, paths
from swarmgit.model import trailers
from swarmgit.model.git import CommitInfo, Signature
from swarmgit.model.ids import BlobId, CommitId
from swarmgit.model.queue import Entry
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds


def judge_signatures(
    world: ReadWorld, gates: GatesInForce, landings: Sequence[tuple[Entry, CommitInfo]]
) -> Iterator[Violation]:
    """Yield landed commits that are not signed by the key of the agent that they name as their author.

    Only those whose intent was made on a commit of the target that says `merge.sign`.
    """
    known: dict[str, bool] = {}
    wanted = {info.oid: info for entry, info in landings if _must_be_signed(world, gates.decided_on(entry), known)}
    if not wanted:
        return
    head = world.state.head()
    blob = world.objects.resolve(f"{head}:{kinds.SIGNERS.place}") if head else None
    found = world.engine.signatures.verify(tuple(wanted), world.objects.blob(blob) if blob else b"")
    for commit, info in wanted.items():
        wrong = _wrong(info, found.get(commit, Signature("none")))
        if wrong:
            yield Violation("P6", commit, wrong)


def _wrong(info: CommitInfo, signature: Signature) -> str | None:
    """Return what is wrong with the signature of a commit, None where its author made it."""
    match signature.state:
        case "none":
            return f"it is not signed, and {paths.SWARM_YAML} says merge.sign there"
        case "bad":
            return "its signature does not belong to what it says"
        case "unknown":
            return f"it is signed with a key that {kinds.SIGNERS.place} does not list"
        case "good":
            pass
    if signature.signer != info.author_email:
        return f"it is signed by {signature.signer}, but its author is {info.author_email}"
    agents = {each.get("agent") for each in trailers.parse_all(info.message)}
    if signature.signer.removesuffix(f"@{trailers.AGENT_DOMAIN}") not in agents:
        return f"it is signed by {signature.signer}, who is no agent of its trailers"
    return None


def _must_be_signed(world: ReadWorld, commit: CommitId | None, known: dict[str, bool]) -> bool:
    """Return what `swarm.yaml` says there; a file that cannot be read asks for nothing."""
    blob = world.objects.resolve(f"{commit}:{paths.SWARM_YAML}") if commit else None
    if blob is None:
        return False
    if blob not in known:
        parsed = intent.swarm(paths.SWARM_YAML, BlobId(blob), world.objects.blob(blob))
        known[blob] = parsed.value is not None and parsed.value.merge.sign is not None
    return known[blob]
