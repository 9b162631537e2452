"""A person's repository for the crash campaign: agents and gates that keep a record of their own, outside of swarmgit.

Nothing here imports swarmgit. What agents wrote and what gates saw is known from files below `witness/`, which the
judge holds against the world.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

GITCONFIG = (
    "[user]\n\tname = Pat Person\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n"
    "[commit]\n\tgpgsign = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
)
AGENT = r"""
w='@ROOT@/witness'
exec 7>> "$w/held/$SWARM_TASK"
if command -v flock > /dev/null && ! flock -n 7; then echo "$SWARM_SESSION" >> "$w/overlaps/$SWARM_TASK"; fi
nonce="nonce-$SWARM_TASK-$SWARM_SESSION-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')"
record() { printf '%s\n' "$nonce" > "$w/$1/.$nonce" && mv "$w/$1/.$nonce" "$w/$1/$nonce"; }
write() { printf '%s\n' "$*" > "$SWARM_TASK.txt" && record wrote; }
case $SWARM_TASK in
plain-*) sleep 0.1; write "$nonce" ;;
dep-*) read -r before < "plain-${SWARM_TASK#dep-}.txt"; sleep 0.1; write "$before and $nonce" ;;
left-* | right-*) sed -i "s/\$/ $SWARM_TASK/" "shared-${SWARM_TASK#*-}.txt"; sleep 0.2; write "$nonce" ;;
redo-*) if grep -q check "$SWARM_FEEDBACK_FILE" 2> /dev/null; then write "good $nonce"; else write "bad $nonce"; fi ;;
noop-*) printf '{"type": "no_change", "reason": "it is there"}\n' ;;
nosy-*) echo pwned > README.md; write "$nonce" ;;
hang-*) write "$nonce"; if mkdir "$w/hung/$SWARM_TASK"; then exec sleep 600; fi ;;
mail-*) printf 'to: human\nsubject: %s\n' "$nonce" > "$SWARM_OUTBOX/.letter"
    mv "$SWARM_OUTBOX/.letter" "$SWARM_OUTBOX/letter.yaml" && record sent; sleep 0.1; write "$nonce" ;;
pair-*) sleep 0.1; write "$nonce" ;;
esac
"""
"""The task's name says what the agent does. A nonce is recorded once it is in the worktree: from then on it counts."""

GATE = r"""
if grep -qs '^bad' ./*.txt; then answer=fail; else answer=pass; fi
digest=$(find . \( -path ./.swarm -o -path ./.git \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
    sha256sum | cut -d ' ' -f 1)
echo "$digest" > "@ROOT@/witness/gates/.$SWARM_SESSION" &&
    mv "@ROOT@/witness/gates/.$SWARM_SESSION" "@ROOT@/witness/gates/$SWARM_SESSION.$answer"
test "$answer" = pass
"""
"""Writes down what it saw: the hash of all paths and contents but `.swarm`. See `judge.digest`, which must agree."""

KINDS: Mapping[str, str] = {
    "plain": "landed",
    "dep": "landed",
    "left": "landed",
    "right": "landed",
    "redo": "landed",
    "hang": "landed",
    "mail": "landed",
    "pair-a": "landed",
    "pair-b": "landed",
    "noop": "unchanged",
    "nosy": "failed",
}
"""The phase in which each kind of task must end."""


class Stage:
    """`box`: the sandbox policy. `branch`: what the person has checked out; '' is the target itself."""

    def __init__(self, root: Path, *, box: str = "off", branch: str = "") -> None:
        self.root = root
        self.top = root / "repo"
        self.witness = root / "witness"
        self.home = root / "home"
        self.store = self.home / "state"
        self.box = box
        self.branch = branch
        self.waves = 0

    def begin(self) -> Stage:
        """Make the repository, and edits of the person that nothing may touch."""
        for name in ("wrote", "sent", "gates", "held", "hung", "overlaps"):
            (self.witness / name).mkdir(parents=True)
        for folder in (self.top, self.home, self.root / "agents"):
            folder.mkdir()
        (self.home / ".gitconfig").write_text(GITCONFIG)
        for name, text in (("agent.sh", AGENT), ("gate.sh", GATE)):
            (self.root / "agents" / name).write_text(text.replace("@ROOT@", str(self.root)))
        self.git("init", "-q")
        self._configure()
        for name in ("README.md", "edited.txt", "staged.txt", "stashed.txt"):
            (self.top / name).write_text("hello\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "start")
        if self.branch:
            self.git("checkout", "-q", "-b", self.branch)
        (self.top / "stashed.txt").write_text("put away\n")
        self.git("stash", "push", "-q")
        return self

    def environ(self) -> dict[str, str]:
        """Return the whole environment of the person's shell."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ}
        own = {"HOME": str(self.home), "XDG_STATE_HOME": str(self.store), "GIT_CONFIG_NOSYSTEM": "1", "USER": "pat"}
        return {**kept, **own}

    def git(self, *args: str, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.top, env={**self.environ(), **(env or {})}, capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace").rstrip("\n")

    def ask(self) -> None:
        """Commit one more wave of tasks on the target, the way somebody with an index of their own does.

        The person's edits are made again after it: a landing that brings the checkout along must leave them alone.
        """
        number = self.waves = self.waves + 1
        files: dict[str, object] = {}
        for kind in KINDS:
            files[f".swarm/tasks/{kind}-{number}.yaml"] = self._task(kind, number)
        files[f".swarm/convoys/pair-{number}.yaml"] = {
            "version": 1, "title": "A pair", "description": "Two that belong together.", "on_failure": "hold",
            "tasks": [f"pair-a-{number}", f"pair-b-{number}"],
        }  # fmt: skip
        self._commit({**{path: json.dumps(text) for path, text in files.items()}, f"shared-{number}.txt": "one\n"})
        (self.top / "edited.txt").write_text("hello\nand an edit\n")
        (self.top / "staged.txt").write_text("hello\nand staged\n")
        self.git("add", "staged.txt")

    def _commit(self, files: Mapping[str, str]) -> None:
        """Add files to the target: on its checkout with git's own commands, elsewhere by a commit of its own."""
        if self.branch:
            index = {"GIT_INDEX_FILE": str(self.root / "index")}
            self.git("read-tree", "main", env=index)
            for path, text in files.items():
                blob = self.root / "blob"
                blob.write_text(text)
                oid = self.git("hash-object", "-w", str(blob))
                self.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", env=index)
            commit = self.git("commit-tree", self.git("write-tree", env=index), "-p", "main", "-m", "ask")
            self.git("update-ref", "refs/heads/main", commit)
            return
        for path, text in files.items():
            (self.top / path).parent.mkdir(parents=True, exist_ok=True)
            (self.top / path).write_text(text)
            self.git("add", path)
        self.git("commit", "-q", "-m", "ask", "--", *files)

    def _task(self, kind: str, number: int) -> dict[str, object]:
        name = f"{kind}-{number}"
        scope: dict[str, object] = {"owns": [f"{name}.txt"]}
        more: dict[str, object] = {}
        if kind in {"left", "right"}:
            scope["shares"] = [f"shared-{number}.txt"]
        if kind == "dep":
            more["depends_on"] = [f"plain-{number}"]
        if kind == "noop":
            more["allow_no_change"] = True
        if kind == "nosy":
            more["budget"] = {"attempts": 1}
        if kind == "hang":
            more["budget"] = {"minutes": 0.05, "attempts": 6}
        return {"version": 1, "title": f"Do {name}", "description": f"Do {name}.", "scope": scope, **more}

    def _configure(self) -> None:
        runtime = {
            "adapter": "command",
            "run": ["/bin/sh", str(self.root / "agents" / "agent.sh")],
            "files": [str(self.root / "agents")],
        }
        swarm = {
            "version": 1,
            "agents_max": 5,
            "stop_grace_seconds": 0.3,
            "tiers": {name: {"runtime": "script"} for name in ("frontier", "standard", "fast")},
            "runtimes": {"script": runtime},
        }
        folder = self.top / ".swarm"
        folder.mkdir()
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in swarm.items())
        (folder / "swarm.yaml").write_text(f"{text}target: main\n")
        gate = f"/bin/sh {self.root}/agents/gate.sh"
        (folder / "gates.yaml").write_text(json.dumps({"version": 1, "gates": [{"name": "check", "run": gate}]}))
        policy = {
            "version": 1,
            "sandbox": self.box,
            "filesystem": {"read": [str(self.root / "agents")], "write": [str(self.witness)]},
        }
        (folder / "policy.yaml").write_text(json.dumps(policy))
        (folder / ".gitignore").write_text("state/\nrun\n")
