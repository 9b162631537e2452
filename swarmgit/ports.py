"""Small protocols between the steps of the tick and the machine. Real parts are in `adapters`, fakes in the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeVar, runtime_checkable

from msgspec import Struct, field

from swarmgit.model.checkouts import Behind, IndexLock, Obstacle
from swarmgit.model.conflicts import LaidOut, Proposal
from swarmgit.model.desired import Desired, Gate, MergeConfig, Price, Runtime, WorktreeConfig
from swarmgit.model.endings import Stop
from swarmgit.model.events import Stream
from swarmgit.model.failures import Try
from swarmgit.model.health import OUTPUT_BYTES_MAX, Excess
from swarmgit.model.ids import CommitId, EntryId, EvidenceKey, SessionId, TreeId
from swarmgit.model.incidents import Report
from swarmgit.model.intake import Intake
from swarmgit.model.landings import Told
from swarmgit.model.observed import Lack, MergeTry
from swarmgit.model.policy import Policy
from swarmgit.model.secrets import Leak, Secret
from swarmgit.model.sessions import SessionSpec, Voice
from swarmgit.model.status import Difference
from swarmgit.model.usage import Usage
from swarmgit.model.work import Capture, Evidence, Push

T = TypeVar("T")
ALL = Intake()


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""


class TreeEntry(Struct, frozen=True):
    """`mode` octal as git prints it ('100644', '040000', …); `kind` blob, tree or commit."""

    mode: str
    kind: str
    oid: str
    name: str


class CommitInfo(Struct, frozen=True):
    oid: CommitId
    tree: TreeId
    parents: tuple[CommitId, ...]
    author: str
    author_email: str
    committed: datetime
    message: str


class Objects(Protocol):
    """Reads the person's repository. Never runs anything that its configuration names."""

    def ref(self, name: str) -> CommitId | None:
        """Return the commit a full ref name points at."""

    def named(self, name: str) -> str | None:
        """Return what a full ref name says, also where that commit is not here; '' for nothing, None for no ref."""

    def refs(self, prefix: str) -> dict[str, CommitId]:
        """Return every ref whose full name starts with `prefix`."""

    def resolve(self, spec: str) -> str | None:
        """Return the object id of a revision expression such as 'HEAD' or 'main:.swarm'; None where there is none."""

    def blob(self, oid: str) -> bytes:
        """Return a blob's content."""

    def tree(self, oid: str) -> tuple[TreeEntry, ...]:
        """Return the entries of one tree, not its subtrees'; kept in memory by id."""

    def walk(self, oid: str, prefix: str = "") -> dict[str, TreeEntry]:
        """Return every blob below a tree by its path, '/'-separated, below `prefix`."""

    def commit(self, oid: str) -> CommitInfo:
        """Return a commit's fields."""

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Return whether `new` contains `old`."""

    def shallow(self) -> frozenset[CommitId]:
        """Return the commits whose parents a shallow clone left out; nothing is known of what came before them."""


class PutBack(Struct, frozen=True):
    """A state branch that was put back to `commit`. `why`: what was wrong with it, in words."""

    commit: CommitId
    why: str


class History(Protocol):
    """What commits of a branch say about landings."""

    def told(self, head: CommitId, seen: CommitId | None) -> Told:
        """Return what the commits say that `head` contains and `seen` does not, the newest first."""

    def missing(self, commits: Sequence[CommitId], head: CommitId) -> frozenset[CommitId]:
        """Return which of `commits` are not contained in `head`."""

    def twin(self, commit: CommitId, head: CommitId) -> CommitId | None:
        """Return the newest commit on the line of `head` with the same change as `commit`, None where there is none."""

    def versions(self, head: CommitId, folders: Sequence[str]) -> Sequence[tuple[CommitId, str, str]]:
        """Return (commit, path, blob) for each file below `folders` that a commit wrote, the newest commit first."""


class StateStore(Protocol):
    """The state branch: read by tree, written by building the changed tree objects, compare-and-swap.

    What was last written is kept under a second ref (`refs/swarm/kept/state`) as well.
    """

    def head(self) -> CommitId | None:
        """Return the state branch's commit, None where there never was one.

        StateLost: it is gone or cannot be read. StateReplaced: it does not contain what was last written here.
        """

    def put_back(self) -> PutBack | None:
        """Where the branch is gone or cannot be read, put its last good commit back; None where nothing was wrong."""

    def reset(self, to: Literal["kept", "present", "empty"] | CommitId) -> CommitId | None:
        """Move the branch as a person says and return its commit; what it was before is kept as a ref.

        `kept`: to what was last written here. `present`: nowhere, what is there counts. `empty`: begin anew.
        """

    def write(self, changes: Mapping[str, bytes | None], message: str, at: datetime) -> CommitId | None:
        """Commit `changes` (path → content, None deletes) on the branch's head; None when nothing changed.

        When the branch moved meanwhile the same changes go on the new head, a bounded number of times; then TryLater.
        """

    def sync_checkout(self, *, wait: bool = True) -> None:
        """Bring `.swarm/state/` to the branch's head, making it where it is missing; a bare repository has none."""

    def link_run(self) -> None:
        """Make the link `.swarm/run` to the live folder where it is missing."""


class Identity(Struct, frozen=True):
    name: str
    email: str


class Engine(Protocol):
    """The bare repository of swarmgit's own in which all git work on agents' content happens."""

    def code_tree(self, rev: str) -> TreeId:
        """Return the id of a commit's or tree's tree without its `.swarm` entry."""

    def gate_inputs(self, rev: str, gates: Sequence[Gate]) -> dict[str, str]:
        """Return, for each gate with `inputs`, the hash of the paths, modes and blobs that match them."""

    def merge(
        self,
        onto: CommitId,
        head: CommitId,
        message: str,
        gates: Sequence[Gate],
        style: str,
        auto: MergeConfig | None = None,
    ) -> MergeTry:
        """Merge in memory; on success build the candidate commit.

        `auto`: resolve conflicts by rules, with what this configuration declares; None: leave every conflict.
        style merge: parents (onto, head); squash: parent onto only, author of `head`. Committer swarmgit, and a
        date taken from `head`, so that the same merge is the same commit.
        """

    def pin(self, refs: Mapping[str, CommitId]) -> None:
        """Keep commits from being collected, by refs of the engine; all or none."""

    def pins(self) -> dict[str, CommitId]:
        """Return every ref of the engine below `refs/swarm/`."""

    def unpin(self, ref: str) -> None:
        """Drop a ref of the engine, if it is there."""

    def prune(self, before: datetime, keep: Sequence[str]) -> int:
        """Delete the engine's loose objects that no pin and no commit in `keep` reaches, last written before `before`.

        Return how many. Only for who holds the lock: nobody may come to need one meanwhile.
        """

    def salvage(self, ref: str, oid: CommitId) -> None:
        """Bring a commit into the person's repository and pin it there by `ref` (`refs/swarm/…`).

        Where something of it cannot be read any more, what is left is pinned instead, as a commit without a parent.
        """

    def difference(self, old: CommitId, new: CommitId, guarded: Sequence[str]) -> Difference:
        """Return what differs between two commits, as a person's verdict is about it."""

    def lay_out(self, commit: CommitId, folder: Path) -> None:
        """Lay out a commit's files in a folder of their own, read-only and without git."""

    def diff(self, old: CommitId, new: CommitId) -> str:
        """Return what differs between two commits as git shows it, with what is no text in it replaced."""

    def submit(self, works: Mapping[str, CommitId]) -> None:
        """Bring submitted work into the person's repository and pin it there by its refs; all or none."""

    def withdraw(self, refs: Iterable[str]) -> None:
        """Drop refs below `refs/swarm/` from the person's repository, those that are there; all or none."""

    def unsubmitted(self, works: Mapping[str, CommitId]) -> frozenset[str]:
        """Return those of the refs that the person's repository does not have at their commits."""

    def changed_paths(self, old: CommitId, new: CommitId) -> tuple[str, ...]:
        """Return the paths that differ between two commits, sorted."""


class Integrity(Protocol):
    """Whether what open work stands on can be had."""

    def missing(self, wanted: AbstractSet[CommitId], target: CommitId | None, now: datetime) -> Mapping[CommitId, Lack]:
        """Return those of `wanted` that cannot be had, and why.

        That a commit is there is asked at most every so often; whether all that it needs is, only where it is in doubt.
        """

    def doubt(self, commits: Iterable[CommitId], error: BaseException) -> None:
        """Look closer at these next time, beside the tick, if what failed with them may have to do with objects."""

    def copied(self) -> frozenset[CommitId]:
        """Return the commits of which swarmgit has copies of its own."""

    def keep(self, commits: AbstractSet[CommitId]) -> None:
        """See to it that swarmgit has copies of its own of these commits; those of others may go.

        Large ones are copied meanwhile. What cannot be read is left to who needs it.
        """


class RefFault(Struct, frozen=True):
    """What is wrong with a ref below `refs/swarm/`, as a sentence. `is_derived`: nothing is lost with it."""

    name: str
    text: str
    is_derived: bool


class Upkeep(Protocol):
    """Refs and locks of swarmgit's own, as power cuts, kills and other people's git leave them."""

    def faults(self, *, thorough: bool = False) -> tuple[RefFault, ...]:
        """Return the refs below `refs/swarm/` of the person's repository that name no commit that is there.

        `thorough`: nor one of which something is missing.
        """

    def drop(self, faults: Sequence[RefFault]) -> None:
        """Drop refs whose commits are nowhere, and note what they were in the live folder."""

    def heal(self) -> None:
        """Put right what can be: put refs of work back, drop derived ones, remove locks that nobody holds.

        Only for who holds the reconciler's lock.
        """

    def mirrors(self) -> tuple[str, ...]:
        """Return the remotes whose refspecs take `refs/swarm/` along: whoever reads them reads submitted work."""


class Signature(Struct, frozen=True):
    """What git says of a commit's signature. `signer`: the principal whose key it is, '' where no known one is."""

    state: Literal["good", "unknown", "bad", "none"]
    signer: str = ""


class Signatures(Protocol):
    """Keys of agents, kept outside of every sandbox, and what they signed."""

    def sign(self, tried: MergeTry) -> MergeTry:
        """Return a merge with its candidate signed by its author's key, made on first use; conflicts as they are.

        The same key signs the same commit alike. PersonMustAct where this machine cannot sign.
        """

    def verify(self, commits: Sequence[CommitId], allowed: bytes) -> Mapping[CommitId, Signature]:
        """Return what the signatures of commits are worth, by the keys that `allowed` lists in git's format."""

    def known(self) -> bytes:
        """Return the keys that were made here, in git's format of allowed signers."""


class Conflicts(Protocol):
    """What a session resolves: laid out for it, taken back, and remembered."""

    def lay_out(self, onto: CommitId, head: CommitId, auto: MergeConfig | None) -> LaidOut:
        """Lay the conflicts of a merge out; the same merge gives the same commit."""

    def propose(self, resolved: CommitId, auto: MergeConfig | None) -> Proposal:
        """Return the merge of both sides with the tree of a captured commit that was made on a layout.

        `auto`: as the layout was made.
        """

    def remember(self, proposal: CommitId) -> None:
        """Keep how a proposal resolved its conflicts, for the next time that they come up."""


class Lease(Struct, frozen=True):
    """A worktree that belongs to one session until it is given back. `tree`: where its files are.

    `keep_setup`: the command that keeps what set-up made out of the session's reach; the file that lists it comes last.
    """

    session: SessionId
    tree: Path
    slot: str
    needs_setup: bool = False
    keep_setup: tuple[str, ...] = ()


class Worktrees(Protocol):
    def given(self, config: WorktreeConfig) -> str:
        """Return a hash of what gates get besides the commit: the set-up, and the content of included files."""
        ...

    def agent_message(self, session: SessionId) -> str | None:
        """Return the message of the agent's own last commit in its worktree; None where it made none."""

    def lease(
        self, session: SessionId, commit: CommitId, config: WorktreeConfig, pool: str, only: Sequence[str] = ()
    ) -> Lease:
        """Return a worktree filled with exactly `commit`; the same one for the same session, recycled if it can be.

        `only`: patterns of the files to check out, the rest counts as unchanged; none: everything.
        """

    def carry(self, session: SessionId, base: CommitId, commit: CommitId, paths: Sequence[str]) -> tuple[str, ...]:
        """Put the difference that `commit` made to its parent, for `paths` only, into the leased worktree.

        Return the paths that could not be put in because they changed in `base` as well; then nothing is put in.
        """

    def capture(
        self, session: SessionId, message: str, author: Identity, at: datetime, intake: Intake = ALL
    ) -> Capture:
        """Snapshot the leased worktree as one commit on the commit it was filled with; equal input, equal commit.

        What else there is, beyond the intake or in the session's own git alone, is in another commit: `left_out`.
        """

    def look(self, session: SessionId) -> Capture:
        """Snapshot a worktree that somebody works in, within a few seconds; raise SwarmError where that is too long."""

    def rescue(self, session: SessionId, message: str, author: Identity, at: datetime) -> Capture:
        """Snapshot the leased worktree as a commit without a parent, where the one it was filled with cannot be had."""

    def before(self, session: SessionId, path: str) -> bytes:
        """Return what a file held in the commit that the worktree was filled with; b'' where it was not there."""

    def live_diff(self, session: SessionId) -> str:
        """Return how the leased worktree differs now from the commit it was filled with, as git shows it."""

    def live_files(self, session: SessionId, folder: Path) -> None:
        """Lay out the leased worktree's files as they are now in a folder of their own, read-only and without git."""

    def path(self, session: SessionId) -> Path | None:
        """Return where a session's files are, None when it has no lease."""

    def release(self, session: SessionId, *, discard: bool = False) -> None:
        """Give the worktree back for reuse; `discard` when it must not be reused. Without a lease: nothing."""

    def leases(self) -> dict[SessionId, Path]:
        """Return every worktree that belongs to a session."""

    def commits(self) -> frozenset[CommitId]:
        """Return what worktrees are or were filled with."""

    def gc(self, keep: int) -> None:
        """Delete what was thrown away, and of each pool the free slots beyond the `keep` last used."""

    def setup_done(self, session: SessionId, outputs: Sequence[str] | None = None) -> None:
        """Remember that the set-up commands have succeeded in the leased worktree, and which paths they made."""


class Landed(Struct, frozen=True):
    """`followed`: checkouts of the target whose files were brought along."""

    followed: tuple[str, ...] = ()


class Moved(Struct, frozen=True):
    """The target is not at `old` any more."""

    now_at: CommitId | None


class InTheWay(Struct, frozen=True):
    """Nothing was changed: these paths of `checkout` hold a person's edits, or another git command is at work.

    `is_hung`: whether they do cannot be told, because a filter of the person's does not come to an end.
    """

    checkout: str
    paths: tuple[str, ...]
    is_hung: bool = False


class Landing(Protocol):
    """How the target moves."""

    def publish(self, ref: str, commit: CommitId, target_head: CommitId, works: Sequence[CommitId] = ()) -> None:
        """Bring a candidate's objects into the person's repository and pin it under `refs/swarm/candidate/…`.

        `works`: what it merges, which may lie there already; it is made sure that it is whole.
        """

    def land(self, target: str, old: CommitId, new: CommitId) -> Landed | Moved | InTheWay:
        """Move branch `target` from `old` to `new` and let its checkouts follow; all or nothing, safe to repeat."""

    def follow(self, target: str, old: CommitId, new: CommitId) -> Landed | Moved | InTheWay:
        """Move branch `target` forward to a descendant that is not ours, as a person's fast-forward would."""

    def traces(self, target: str, checkout: str, paths: Sequence[str]) -> str:
        """Return a text that changes when what is in the way at these paths of a checkout does."""

    def heal(self, target: str) -> None:
        """Finish or undo what a killed landing left: half-followed checkouts and locks that are provably ours."""

    def locks(self, target: str) -> tuple[IndexLock, ...]:
        """Return the locks of the indexes of the target's checkouts."""

    def behind(self) -> tuple[Behind, ...]:
        """Return the checkouts of the target that could not be brought along yet."""

    def hurry(self) -> None:
        """Let everything that is behind be due at once."""

    def catch_up(self, now: datetime) -> None:
        """Bring along what is behind and due; what cannot be is due again later. Raises nothing of it."""


class DiskUse(Struct, frozen=True):
    """What a session's files take, in bytes. `is_whole`: the count has come to its end; else it is what it has so far.

    `uncounted`: why even then not all is counted, as the end of a sentence.
    """

    used: int
    is_whole: bool
    uncounted: str = ""


class StartSpec(Struct, frozen=True):
    """What the executor needs to start a process: all plain data. `argv` is run in `cwd` with exactly `env`.

    `setup`: shell commands run first, in order, in `cwd`; the first that fails ends the session before `argv` runs.
    `files`: written into the session folder before the start (name → content); subfolders allowed.
    """

    spec: SessionSpec
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    setup: tuple[str, ...] = ()
    files: Mapping[str, bytes] | None = None


JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "lost", "unknown"]


class Job(Struct, frozen=True):
    """One process as the executor sees it. `exit_code` None: not ended, lost, or never run (then `error`).

    `setup_failed`: a set-up command failed, `argv` was not run. `spoke`: where it printed last. `excess`: how it wrote
    more than it may. `is_unheard`: what keeps its output has ended before it.
    """

    spec: SessionSpec
    state: JobState
    pid: int | None = None
    exit_code: int | None = None
    ended: datetime | None = None
    error: str = ""
    setup_failed: bool = False
    stop: Stop | None = None
    stop_at: datetime | None = None
    last_output: datetime | None = None
    spoke: tuple[Voice, ...] = ()
    excess: Excess | None = None
    is_unheard: bool = False


class Executor(Protocol):
    """Starts processes that survive the reconciler and can be adopted by the next one."""

    def start(self, spec: StartSpec) -> None:
        """Start once per session id, however often it is called; raise TryLater or PersonMustAct where it cannot."""

    def refuse(self, spec: SessionSpec, error: str) -> None:
        """Leave a session folder that says why it could not start, so that it is observed like any other end."""

    def withdraw(self, session: SessionId) -> None:
        """Forget a session whose start came to nothing; nothing where it has a process."""

    def poll(self, ids: Sequence[SessionId] | None = None) -> dict[SessionId, Job]:
        """Return the state of the named sessions, or of every one that is not forgotten."""

    def read(self, session: SessionId, name: str, offset: int = 0, size_max: int = 1 << 20) -> bytes:
        """Return at most `size_max` bytes of a session's file from `offset`; b'' where there is none. Never blocks."""

    def size(self, session: SessionId, name: str) -> int | None:
        """Return how many bytes a session's file has; None where there is no regular one."""

    def cancel(self, session: SessionId, stop: Stop, grace_s: float) -> None:
        """Ask to end: TERM, then KILL of the whole tree once the grace has passed; call again until it is over."""

    def damaged(self) -> tuple[SessionId, ...]:
        """Return what the last look at all sessions found without a record that can be read: they are unknown."""

    def end(self, session: SessionId) -> None:
        """Kill every process of a session, whatever is known of it; TryLater when one stays."""

    def reap(self, session: SessionId) -> None:
        """Make sure that no process of an ended session is left."""

    def write(self, session: SessionId, name: str, content: bytes) -> None:
        """Write a file into a session's folder by rename."""

    def write_all(self, session: SessionId, below: str, contents: Mapping[str, bytes]) -> None:
        """Write files into one of a session's folders by rename, in their order; links are not followed."""

    def discard(
        self, session: SessionId, below: str, names: Sequence[str], times: Sequence[int] = ()
    ) -> dict[str, str]:
        """Delete files of one of a session's folders and return those that resist, with the reason.

        What is not there counts as deleted, and so does a folder; links are not followed. Of each name that has one of
        `times`, in nanoseconds, only the file that was last changed then is deleted.
        """

    def move(self, session: SessionId, old: str, new: str) -> None:
        """Rename a file within a session's folder; nothing where there is none."""

    def measure(self, session: SessionId) -> tuple[int, float]:
        """Return the bytes of memory and the processor seconds of all of a session's processes."""

    def disk(self, session: SessionId, folder: Path | None) -> DiskUse:
        """Return what a session's folder and `folder` take on the disk; a large tree is counted over several calls."""

    def folder(self, session: SessionId) -> Path:
        """Return the session's folder."""

    def forget(self, session: SessionId) -> None:
        """Stop reporting a session; its folder stays for reading until it is collected."""

    def gc(self, older_than: datetime) -> int:
        """Delete folders of forgotten sessions that ended before `older_than`; return how many."""


class LiveCache(Protocol):
    """What is cheap to lose: gate answers and merges tried, kept between processes, bounded in number."""

    def evidence(self) -> Mapping[EvidenceKey, Evidence]:
        """Return the newest answer for each key."""

    def keep_evidence(self, evidence: Evidence) -> None:
        """Add one; adding the same run again changes nothing."""

    def merges(self) -> Mapping[tuple[CommitId, CommitId], MergeTry]:
        """Return merges tried, by (onto, head)."""

    def keep_merges(self, tried: Sequence[MergeTry]) -> None:
        """Add some."""

    def blocked(self) -> Mapping[EntryId, Obstacle]:
        """Return the landings that wait, and for what."""

    def read(self, name: str) -> bytes | None:
        """Return a cached document by name, None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Keep a document by name."""

    def keep_blocked(self, entries: Mapping[EntryId, Obstacle]) -> None:
        """Replace what waits."""


class StreamReader(Protocol):
    """Part of a runtime: turns what a program printed into facts, line by line."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of `stdout.jsonl`; anything that is not understood is text, never an error."""

    def stream(self) -> Stream:
        """Return what has been said so far."""


@runtime_checkable
class KeepingReader(Protocol):
    """A stream reader whose knowledge outlives its process."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, as every stream reader does."""

    def stream(self) -> Stream:
        """Return what has been said so far."""

    def state(self) -> bytes:
        """Return all that it knows, as JSON."""

    def restore(self, state: bytes) -> bool:
        """Go on from where another stood; False, and nothing changes, where `state` is of no such reader."""


class Readers(Protocol):
    def __call__(self, adapter: str, /) -> StreamReader:
        """Return a new reader for a runtime's stream."""


class Prices(Protocol):
    def __call__(self, models: tuple[str, ...], usage: Usage, prices: Mapping[str, Price], /) -> float | None:
        """Return what tokens cost by the names of the model, None where nobody knows."""


class Outlooks(Protocol):
    def __call__(self, adapter: str, models: tuple[str, ...], windows: Mapping[str, int], /) -> Outlook:
        """Return what is known beforehand of an adapter's sessions with one of these models."""


@runtime_checkable
class ErrorReader(Protocol):
    """A stream reader that wants to know what a program prints on its standard error, too."""

    @property
    def hears_errors(self) -> bool:
        """Return whether there is anything to hear."""

    def feed_errors(self, chunk: bytes) -> None:
        """Take the next bytes of `stderr.log`."""


class Secrets(Protocol):
    """Keeps secrets out of what is written down: the values that sessions were given, and what has the form of one."""

    def redact(self, content: bytes, place: str) -> bytes:
        """Return a text without its secrets; what there was is noted under `place`."""

    def added(
        self,
        tree: Path,
        paths: Sequence[str],
        before: Callable[[str], bytes],
        allow: Sequence[str],
        links: Mapping[str, str],
    ) -> tuple[Secret, ...]:
        """Return the secrets in these files of a worktree that `before` (path → old content) does not hold.

        Names of files and what `links` (path → target) lead to are searched as well.
        `allow`: regular expressions; what one finds in 'PATH:SECRET' is let through, but never a value that was given.
        """

    def noticed(self) -> tuple[Leak, ...]:
        """Return what was taken out and not reported yet."""

    def forget(self, leaks: Sequence[Leak]) -> None:
        """Drop the notes of what was reported."""


class Notices(Protocol):
    """What went wrong where nobody plans: kept until an incident tells of it."""

    def add(self, note: Report) -> None:
        """Keep a report; adding the same again changes nothing."""

    def all(self) -> tuple[Report, ...]:
        """Return what no incident tells of yet."""

    def drop(self, notes: Sequence[Report]) -> None:
        """Drop what has an incident."""


class Failures(Protocol):
    """What came of steps that fail, kept on this machine until the state has counted it; and their tracebacks."""

    def note(self, tried: Try) -> None:
        """Keep what came of a try; in memory alone where it cannot be written."""

    def all(self) -> tuple[Try, ...]:
        """Return what was noted and not dropped yet."""

    def drop(self, tries: Sequence[Try]) -> None:
        """Drop what was counted."""

    def keep_trace(self, signature: str, text: str) -> str:
        """Keep a traceback, once for each signature, and return where it is; '' where it cannot be kept."""


class Transcripts(Protocol):
    """What sessions were told and have said, in the person's repository under refs of swarmgit's own."""

    def keep(self, session: SessionId, files: Mapping[str, bytes], message: str, at: datetime) -> str:
        """Keep files as one commit and return its ref; again with the same values: nothing."""

    def read(self, session: SessionId, name: str) -> bytes:
        """Return a kept file, b'' where there is none."""

    def sessions(self) -> tuple[SessionId, ...]:
        """Return the sessions that have one."""

    def older_than(self, limit: datetime) -> tuple[SessionId, ...]:
        """Return those that ended before `limit`."""

    def drop(self, sessions: Sequence[SessionId]) -> None:
        """Drop the refs of these."""


class Background(Protocol):
    """Work on what agents wrote, beside the tick: however long it takes, everything else goes on."""

    def run(self, name: str, what: object, work: Callable[[], T]) -> T | None:
        """Return what `work` came to, or raise what it raised; None while it, or other work of that name, goes on.

        Ask again later with the same `what`. One thing at a time for each name.
        """

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return when all that was started has ended, or after `timeout_s`; True where all has ended."""


class Doorbell(Protocol):
    """Wakes the loop. Losing a ring costs a delay, never a wrong state."""

    def wait(self, timeout_s: float) -> bool:
        """Return True when something rang (rings since the last call count once), False after `timeout_s`."""

    def watch(self, path: Path) -> None:
        """Ring for this folder too."""

    def unwatch(self, path: Path) -> None:
        """Ring for this folder no more."""

    def close(self) -> None:
        """Stop watching."""


class Lock(Protocol):
    """The one reconciler. Held by an open file, which children that move refs inherit."""

    def acquire(self) -> None:
        """Take it, or raise PersonMustAct that says who holds it."""

    def release(self) -> None:
        """Give it back."""


class Outlook(Struct, frozen=True):
    """What is known of a session before it says anything. `window`: tokens that its model can take in; None: unknown.

    `takes_messages`: what is put into its inbox reaches it while it works.
    """

    window: int | None = None
    takes_messages: bool = False


class Placement(Struct, frozen=True):
    """Where a session is about to run: what a runtime needs to know to build its command.

    `keys`: the variables that policy gives it besides; their values go to the session alone. `programs`: the only ones
    that its agent may start, None for any.
    """

    spec: SessionSpec
    worktree: Path
    folder: Path
    ports: tuple[int, ...]
    host_env: Mapping[str, str]
    keys: frozenset[str] = frozenset()
    programs: tuple[str, ...] | None = None


class Command(Struct, frozen=True):
    """What to run. `hosts`: what it must reach, one of them at least, to work at all. `read`: paths of the machine that
    it must see. `programs`: names on its PATH, or absolute paths, that it runs itself, visible whatever policy lists.

    `copies`: files of the person's that it gets as copies of its own, by their name in its home folder.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    hosts: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()


class Confinement(Struct, frozen=True):
    """Whose program is confined, and where it works. `role` is `gate` for a gate's.

    `named`: command lines that people wrote; the absolute paths in them are visible, and `files` are.
    """

    spec: SessionSpec
    role: str
    worktree: Path
    folder: Path
    runtime: str = ""
    named: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] = ()


class Confined(Struct, frozen=True):
    """How to run a command inside. `around`: the words that go before a program of set-up; its output goes to set-up's
    log. `beside`: those before one whose output is read by the program after it, in a shell's pipe.

    `files` belong into the session's folder. `sandbox` says what holds it, for records. `expires`: when a credential
    of the session ends. `output_bytes_max`: how much each stream of its output may take.
    """

    folder: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]
    around: tuple[str, ...]
    beside: tuple[str, ...]
    files: Mapping[str, bytes]
    sandbox: SandboxReport
    expires: datetime | None = None
    output_bytes_max: int = OUTPUT_BYTES_MAX


class SandboxReport(Struct, frozen=True):
    """`name` of the sandbox, '' for none. `strength`: full, reduced or none. `text`: all of it in one sentence."""

    name: str
    strength: Literal["full", "reduced", "none"]
    text: str


class Repository(Struct, frozen=True):
    """Where one repository is. `top` is None in a bare one; `store` is where worktrees go, outside the repository.

    `former`: the branch that was the target when this was last asked.
    """

    common_dir: Path
    top: Path | None
    live: Path
    store: Path
    target: str | None
    former: str | None = None


class World(Struct, frozen=True):
    """Everything a use case may touch. `wiring` fills it with real parts, tests with what they need.

    `awake_s` says how long this machine has been awake since its start: the same clock for all processes.
    `stream_reader` makes the reader of a runtime's output by adapter name, `command_for` its command; `confine`
    wraps a command by policy, `granted` names the variables that policy gives to a runtime; `push_command` is the only
    way out to a remote. `adapters` names all that are installed, `obeyed` the files their programs
    obey. `price` says what tokens cost by the model's names,
    most exact first; `outlook` what an adapter's sessions with such a model can do, `unreachable` why they could not
    work by policy. `environment` is the fingerprint that goes into evidence keys. `history` reads what
    the target's commits say about landings. `drafts` lists intent files whose working copy differs from the commit.
    `sandbox` says what confines sessions under a policy. `settings` is a fingerprint of what the person's own git obeys
    (path → hash). `secrets` keeps secrets out of what is written, `notices` what went wrong where nobody plans,
    `failures` what is known of actions that failed, `transcripts` what sessions said. `port_is_free` tries a port of
    the loopback. `fault` is called before each effect with its name: the crash tests raise in it.
    `abandon` ends them at once, whoever waits for them: what they were at fails, as if they had been killed.
    `close` ends the git children and gives back the lock; whatever is asked afterwards starts them again.
    """

    repository: Repository
    clock: Clock
    awake_s: Callable[[], float]
    objects: Objects
    state: StateStore
    engine: Engine
    integrity: Integrity
    upkeep: Upkeep
    conflicts: Conflicts
    signatures: Signatures
    worktrees: Worktrees
    landing: Landing
    executor: Executor
    cache: LiveCache
    lock: Lock
    doorbell: Callable[[], Doorbell]
    stream_reader: Callable[[str], StreamReader]
    command_for: Callable[[Runtime, Placement], Command]
    confine: Callable[[Command, Policy, Confinement], Confined]
    granted: Callable[[Policy, str], frozenset[str]]
    adapters: Callable[[], AbstractSet[str]]
    obeyed: Callable[[], tuple[str, ...]]
    price: Callable[[tuple[str, ...], Usage, Mapping[str, Price]], float | None]
    outlook: Callable[[str, tuple[str, ...], Mapping[str, int]], Outlook]
    unreachable: Callable[[Policy, Runtime, str], str]
    settings: Callable[[], Mapping[str, str]]
    secrets: Secrets
    notices: Notices
    background: Background
    failures: Failures
    port_is_free: Callable[[int], bool]
    transcripts: Transcripts
    push_command: Callable[[Push], Command]
    history: History
    drafts: Callable[[Desired], tuple[str, ...]]
    state_branch: str
    sandbox: Callable[[Policy], SandboxReport]
    environment: str
    host_env: Mapping[str, str]
    fault: Callable[[str], None]
    only_reads: bool
    abandon: Callable[[], None]
    close: Callable[[], None]
