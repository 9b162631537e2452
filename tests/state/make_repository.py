"""Make the repository that `test_older_repository.py` goes on with, by the swarmgit that is imported here.

`PYTHONPATH=<an earlier version> python tests/state/make_repository.py FOLDER` writes `repository.bundle` (every ref) and
`live/sessions/` (a session that was killed at work together with its reconciler).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from textwrap import dedent

SWARM = """\
version: 1
target: main
agents_max: 4
attempts_max: 2
retention_days: {days}
tiers: {{frontier: {{runtime: script}}, standard: {{runtime: script}}, fast: {{runtime: script}}}}
runtimes: {{script: {{adapter: command, run: ["/bin/sh", "agent.sh"]}}}}
"""
AGENT = """\
echo "working on $SWARM_TASK"
case $SWARM_TASK in
  bad) exit 1 ;;
  told) echo '{"to": ["human"], "type": "question", "subject": "which port?"}' > "$SWARM_OUTBOX/1.json" ;;
  long) sleep "$(cat seconds)" ;;
esac
echo "$SWARM_TASK" > "$SWARM_TASK.txt"
"""
TASK = "version: 1\ntitle: Do {name}\ndescription: Do it.\nscope: {{owns: [{name}.txt]}}\nsuspend: {suspend}\n"
YEARS = 1000 * 365


class Maker:
    def __init__(self, root: Path) -> None:
        self.root = root / "repo"
        self.root.mkdir(parents=True)
        own = {"HOME": str(root), "XDG_STATE_HOME": str(root / "state"), "GIT_CONFIG_NOSYSTEM": "1"}
        who = {"GIT_AUTHOR_NAME": "Pat", "GIT_AUTHOR_EMAIL": "pat@example.org"}
        who |= {"GIT_COMMITTER_NAME": "Pat", "GIT_COMMITTER_EMAIL": "pat@example.org"}
        self.env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"], **own, **who}

    def run(self, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode in codes, (command, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def swarmgit(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        return self.run(sys.executable, "-m", "swarmgit", *words, codes=codes)

    def reconcile(self) -> None:
        self.swarmgit("reconcile", "--timeout", "60", codes=(0, 4))

    def commit(self, *tasks: str, days: float = YEARS, seconds: int = 600) -> None:
        for name in tasks:
            path = self.root / ".swarm/tasks" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TASK.format(name=name, suspend=str(name == "gone").lower()))
        (self.root / ".swarm/swarm.yaml").write_text(SWARM.format(days=days))
        (self.root / "seconds").write_text(f"{seconds}\n")
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", "work")

    def start(self) -> None:
        self.run("git", "init", "-q", "-b", "main")
        for name, text in {
            "README.md": "hello\n",
            "agent.sh": AGENT,
            ".swarm/.gitignore": "state/\nrun\n",
            ".swarm/gates.yaml": "version: 1\ngates: [{name: check, run: 'test -e README.md'}]\n",
            ".swarm/policy.yaml": "version: 1\nsandbox: off\n",
            ".swarm/convoys/done.yaml": "version: 1\ntitle: Named like a task\ntasks: [done, told]\n",
        }.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))


def make(folder: Path, root: Path) -> None:
    """Let things land, fail, be cancelled, archived, queued, asked and told; then kill everything at work."""
    here = Maker(root)
    here.start()
    here.commit("done", "told", "gone")
    here.reconcile()
    here.run("git", "rm", "-q", ".swarm/tasks/gone.yaml", ".swarm/convoys/done.yaml")
    here.commit(days=1e-9)
    here.reconcile()
    here.reconcile()
    here.commit("bad")
    here.reconcile()
    here.swarmgit("queue", "pause")
    here.commit("line")
    here.reconcile()
    here.swarmgit("incident", "new", "odd things")
    here.swarmgit("mail", "send", "builder-01", "-s", "hello")
    here.commit("long")
    session = killed_at_work(here)
    here.run("git", "bundle", "create", "-q", str(folder / "repository.bundle"), "--all")
    shutil.rmtree(folder / "live", ignore_errors=True)
    shutil.copytree(session, folder / "live/sessions" / session.name, ignore=what_belongs_here)


def killed_at_work(here: Maker) -> Path:
    """Kill a reconciler and the session that it has started, and return its folder."""
    command = [sys.executable, "-m", "swarmgit", "reconcile"]
    process = subprocess.Popen(
        command, cwd=here.root, env=here.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    sessions = here.root / ".git/swarmgit/sessions"
    said: list[Path] = []
    while not (said and "tasks/long.yaml" in here.run("git", "ls-tree", "-r", "--name-only", "swarm/state")):
        time.sleep(0.1)
        said = [path for path in sessions.glob("*/stdout.jsonl") if path.read_text() == "working on long\n"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.killpg(int((said[0].parent / "pid").read_text().split()[0]), signal.SIGKILL)
    return said[0].parent


def what_belongs_here(folder: str, names: list[str]) -> list[str]:
    """Leave out pipes, and what was noted of the settings of that repository."""
    return [name for name in names if not Path(folder, name).is_file() or name == "settings.json"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(sys.argv[1]).resolve(), Path(scratch))
