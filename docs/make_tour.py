"""Play a short story with real sessions, and write what the state branch says of it: `python docs/make_tour.py`.

Three scripted agents in a scratch repository: one asks another by mail and is sent back by a gate, one waits at a
prompt that nobody answers, so its task goes to somebody else. All below the introduction is taken from the branch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from textwrap import dedent, indent

SOURCE = Path(__file__).resolve().parent.parent
FOLDERS = ("agents", "mail", "convoys", "merge-queue", "incidents")
COMMAND = f"git log -p swarm/state -- {' '.join(FOLDERS)}"
LINES_MAX = {"incidents": 30, "merge-queue": 9}
LINES_MAX_ELSEWHERE = 16
RUN_S_MAX = 90
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ")

TASKS = {
    "farewell": """\
        n=0; while [ -z "$(ls "$SWARM_INBOX" | grep yaml)" ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n+1)); done
        printf 'to: builder-02\\ntype: answer\\nsubject: with a comma\\n' > "$SWARM_OUTBOX/answer.yaml"
        sleep 1; echo 'Goodbye, world' > farewell.txt
        """,
    "greet": """\
        if [ "$SWARM_ATTEMPT" = 1 ]; then
            printf 'to: builder-01\\ntype: question\\nsubject: comma or no comma?\\n' > "$SWARM_OUTBOX/ask.yaml"
            n=0; while [ -z "$(ls "$SWARM_INBOX" | grep yaml)" ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n+1)); done
            echo 'Hello, UNFINISHED' > greet.txt
        else
            echo 'Hello, world' > greet.txt
        fi
        """,
    "polish": """\
        if [ "$SWARM_AGENT" = builder-03 ]; then printf 'Overwrite style.txt? [y/N] '; sleep 60; fi
        echo 'Be brief.' > style.txt
        """,
}
OWNS = {"farewell": "farewell.txt", "greet": "greet.txt", "polish": "style.txt"}
INTENT = {
    "swarm.yaml": """\
        version: 1
        target: main
        explore_share: 0
        stop_grace_seconds: 0.3
        tiers: {{standard: {{runtime: script}}}}
        routing: {{implement: standard}}
        runtimes: {{script: {{adapter: command, run: [/bin/sh, "{agents}/run.sh"], files: ["{agents}"]}}}}
        watchdog: {{prompt_minutes: 0.05}}
        """,
    "gates.yaml": """\
        version: 1
        gates: [{{name: finished, run: "! grep -rq UNFINISHED --include=*.txt ."}}]
        """,
    "policy.yaml": """\
        version: 1
        comms: [{{from: "role:builder", to: "role:builder"}}]
        """,
    "convoys/manners.yaml": """\
        version: 1
        title: Say hello and goodbye
        tasks: [farewell, greet, polish]
        on_failure: hold
        """,
}
INTRODUCTION = f"""\
# A tour of the state branch

Made by `python docs/make_tour.py` from a real run; times are seconds since its start. Three tasks in a convoy that
lands together, three agents that are scripts, one gate: nothing may be left `UNFINISHED`. One asks another by mail
and is sent back by the gate. One waits at a prompt that nobody answers: the watchdog stops it, its one attempt is used
up, and the convoy gives its task to somebody else. Then all three land, as one.

What follows is `{COMMAND}`, oldest first. Long files are cut, and of incidents only the form is shown.
"""


def main() -> int:
    """Play the story and write it; print where."""
    parser = argparse.ArgumentParser(prog="python docs/make_tour.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=SOURCE / "docs" / "tour.md", metavar="FILE")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory(prefix="swarmgit-tour-") as folder:
        root = Path(folder).resolve()
        play(root)
        text = "\n".join((INTRODUCTION, *chapters(root), *ending(root)))
        out.write_text(text.replace(str(root), "…").rstrip() + "\n", encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    return 0


def play(root: Path) -> None:
    """Make the repository and the agents, and let swarmgit work until everything is settled."""
    for name in ("repo", "agents", "home"):
        (root / name).mkdir()
    write(root / "agents", {"run.sh": f'exec /bin/sh "{root}/agents/$SWARM_TASK.sh"\n'})
    write(root / "agents", {f"{name}.sh": dedent(script) for name, script in TASKS.items()})
    intent = {name: dedent(text).format(agents=root / "agents") for name, text in INTENT.items()}
    tasks = {f"tasks/{name}.yaml": task(name) for name in TASKS}
    write(root / "repo" / ".swarm", {**intent, **tasks, ".gitignore": "state/\nrun\n"})
    write(root / "repo", {"README.md": "Manners\n"})
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "-q", "-m", "Ask for manners")
    run(root, sys.executable, "-m", "swarmgit", "reconcile", "--timeout", str(RUN_S_MAX))


def task(name: str) -> str:
    """Return a task's file; the one that fails has one attempt before somebody else gets it."""
    budget = "budget: {attempts: 1}\n" if name == "polish" else ""
    return f"version: 1\ntitle: The {name}\ndescription: Write {OWNS[name]}.\nscope: {{owns: [{OWNS[name]}]}}\n{budget}"


def chapters(root: Path) -> Iterator[str]:
    """Yield one chapter for each state commit that touches the folders: its words, then what it added."""
    commits = run(root, "git", "log", "--reverse", "--format=%H", "swarm/state", "--", *FOLDERS).split()
    first = moment(root, commits[0])
    for commit in commits:
        seconds = (moment(root, commit) - first).total_seconds()
        subject, _, body = run(root, "git", "log", "-1", "--format=%B", commit).strip().partition("\n")
        yield f"## +{seconds:.0f} s: {subject}\n"
        if body.strip():
            yield indent(body.strip(), "> ") + "\n"
        yield "```diff"
        yield from added(root, commit)
        yield "```\n"


def moment(root: Path, commit: str) -> datetime:
    """Return when a state commit was made."""
    return datetime.fromisoformat(run(root, "git", "log", "-1", "--format=%cI", commit).strip())


def added(root: Path, commit: str) -> Iterator[str]:
    """Yield what a commit changed in the folders, file by file, each cut to a few lines."""
    patch = run(root, "git", "show", "--format=", "-U0", "--no-color", commit, "--", *FOLDERS)
    for part in patch.split("diff --git ")[1:]:
        lines = part.splitlines()
        path = lines[0].split(" b/")[-1]
        changed = [line for line in lines[1:] if line[:1] in "+-" and not line.startswith(("+++", "--- "))]
        if path.startswith("incidents/") and "+---" in changed[1:]:
            changed = changed[changed.index("+---", 1) + 2 :]
        shown = LINES_MAX.get(path.split("/")[0], LINES_MAX_ELSEWHERE)
        yield f"@@ {path} @@"
        yield from changed[:shown]
        if len(changed) > shown:
            yield f" … {len(changed) - shown} more lines"


def ending(root: Path) -> Iterator[str]:
    """Yield what came of it: the target's history and the agents' records."""
    yield "## What came of it\n"
    for command in (("git", "log", "--first-parent", "--format=%s (%an)", "main"), ("swarmgit", "agents")):
        program = (sys.executable, "-m") if command[0] == "swarmgit" else ()
        said = run(root, *program, *command)
        yield f"```console\n$ {' '.join(command)}\n{said.strip()}\n```\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run(root: Path, *argv: str) -> str:
    """Run a program in the scratch repository, with a home of its own; return what it printed."""
    person = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in PERSON.items()}
    environ = {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        **person,
        "HOME": str(root / "home"),
        "XDG_STATE_HOME": str(root / "home" / "state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": str(SOURCE),
    }
    done = subprocess.run(
        argv, cwd=root / "repo", env=environ, capture_output=True, text=True, timeout=RUN_S_MAX + 30, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


PERSON = {"NAME": "Pat", "EMAIL": "pat@example.org"}

if __name__ == "__main__":
    sys.exit(main())
