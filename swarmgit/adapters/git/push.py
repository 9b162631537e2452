"""The one way out: a fast-forward of one branch of one remote, as the command of a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from swarmgit.adapters.git.run import WITHOUT_HOOKS
from swarmgit.documents.paths import branch_ref, remote_ref
from swarmgit.model.runtimes import Command
from swarmgit.model.work import Push

KEPT = ("GIT_ASKPASS", "GIT_SSH", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_SYSTEM")  # fmt: skip
"""What says how to reach a remote; any other GIT_ variable would redirect git to another repository."""

TAKEN, REJECTED, FAILED = 0, 3, 4
SCRIPT = """
run() { git "$@"; }
remote=$1 new=$2 old=$3 branch=$4 known=$5
shift 5
lease=
if [ -n "$old" ]; then
    run "$@" merge-base --is-ancestor "$old" "$new" || { echo "$new does not contain $old" >&2; exit 4; }
    lease="--force-with-lease=$branch:$old"
fi
said=$(run "$@" push --porcelain --no-verify --no-follow-tags --recurse-submodules=no $lease \\
    -- "$remote" "$new:$branch")
code=$?
printf '%s\\n' "$said"
if [ "$code" -eq 0 ]; then
    run "$@" update-ref "$known" "$new" || exit 4
    exit 0
fi
printf '%s\\n' "$said" | grep -q '^!' || exit 4
run "$@" fetch -q --no-tags --no-write-fetch-head --no-recurse-submodules --no-auto-maintenance --refmap= \\
    -- "$remote" "+$branch:$known" || exit 4
exit 3
"""
"""Exit 0: taken; 3: rejected, and the remote's branch was fetched; 4: nobody knows.

The lease alone would let git force; that `old` is contained in `new` makes it a fast-forward. Without `old` git itself
refuses anything else.
"""


def push_command(common_dir: Path, environ: Mapping[str, str], push: Push) -> Command:
    """Return the command of a push session, with the person's environment: their keys and helpers are needed."""
    names = (push.remote, push.new, push.old or "", branch_ref(push.branch), remote_ref(push.branch))
    return Command(("/bin/sh", "-c", SCRIPT, "push", *names, *WITHOUT_HOOKS), _environment(common_dir, environ))


def _environment(common_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environ.items()
        if name.isascii()
        and name.isidentifier()
        and not name.startswith("SWARM_")
        and (name.startswith(KEPT) or not name.startswith("GIT_"))
    }
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_DIR": str(common_dir),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
