"""Transcripts of sessions: each one commit in the person's repository under a ref that no clone fetches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from swarmgit.adapters.git.loose import CommitText, new_commit
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.overlay import Overlay
from swarmgit.adapters.git.packs import Packs
from swarmgit.adapters.git.refs import RefChange, RefWriter, move_own
from swarmgit.documents import paths
from swarmgit.model.ids import CommitId, SessionId, TreeId


class GitTranscripts:
    """ports.Transcripts. The same files and time give the same commit, so keeping them again changes nothing."""

    def __init__(self, objects: GitObjects) -> None:
        self._objects = objects
        self._refs = RefWriter(objects.git)
        self._packs = Packs(objects.git.git_dir / "objects")

    def keep(self, session: SessionId, files: Mapping[str, bytes], message: str, at: datetime) -> str:
        ref = paths.transcript_ref(session)
        overlay = Overlay(self._objects)
        tree = overlay.apply(None, files)
        commit = new_commit(CommitText(TreeId(tree), (), message, at), self._objects.algorithm)
        if self._objects.ref(ref) != commit.oid:
            new = [*overlay.new, commit]
            with self._packs.holding(new):
                self._objects.learn(new)
                self._move([RefChange(ref, commit.oid)])
        return ref

    def read(self, session: SessionId, name: str) -> bytes:
        oid = self._objects.resolve(f"{paths.transcript_ref(session)}:{name}")
        return self._objects.blob(oid) if oid else b""

    def sessions(self) -> tuple[SessionId, ...]:
        found = self._objects.refs(f"{paths.TRANSCRIPTS}/")
        return tuple(SessionId(ref.removeprefix(f"{paths.TRANSCRIPTS}/")) for ref in found)

    def older_than(self, limit: datetime) -> tuple[SessionId, ...]:
        return tuple(session for session in self.sessions() if self._made(session) < limit)

    def drop(self, sessions: Sequence[SessionId]) -> None:
        if sessions:
            self._move([RefChange(paths.transcript_ref(session), None) for session in sessions])

    def close(self) -> None:
        """End the git process."""
        self._refs.close()

    def _made(self, session: SessionId) -> datetime:
        return self._objects.commit(self._commit(session)).committed

    def _commit(self, session: SessionId) -> CommitId:
        found = self._objects.ref(paths.transcript_ref(session))
        assert found is not None
        return found

    def _move(self, changes: Sequence[RefChange]) -> None:
        id_length = 40 if self._objects.algorithm == "sha1" else 64
        move_own(self._refs, self._objects.git.git_dir, changes, id_length)
