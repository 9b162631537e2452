"""`merge.sign: ssh`: what lands is signed by its agent's key, anyone can verify it, and fsck knows a forgery."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.signing import GitSignatures
from swarmgit.app.fsck import Report, check
from swarmgit.errors import PersonMustAct
from swarmgit.model.observed import MergeTry
from tests.conftest import Repo

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@pytest.fixture
def signing(repo: Repo) -> Repo:
    repo.swarm["merge"] = {"sign": "ssh"}
    return repo


def keys(repo: Repo) -> Path:
    return repo.root / ".git" / "swarmgit" / "keys"


def fsck(repo: Repo) -> Report:
    world = repo.world()
    try:
        return check(world)
    finally:
        world.close()


def verified(
    repo: Repo, commit: str, signers: str = ".swarm/state/allowed_signers"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", commit],
        cwd=repo.root, capture_output=True, text=True, check=False,
    )  # fmt: skip


def is_signed(repo: Repo, commit: str) -> bool:
    return "\ngpgsig " in repo.git("cat-file", "commit", commit)


def landings(repo: Repo) -> list[str]:
    return repo.git("log", "--first-parent", "--format=%H", "--grep=^Swarm-Task:", "main").split()


def test_each_landing_is_signed_by_its_agent_and_git_itself_can_verify_it(signing: Repo) -> None:
    signing.task("api", agent="ada")
    signing.task("docs", agent="bob")
    signing.start()
    signing.reconcile()

    found = landings(signing)
    assert len(found) == 2
    for commit in found:
        said = verified(signing, commit)
        author = signing.git("log", "-1", "--format=%ae", commit)
        assert said.returncode == 0, said.stderr
        assert f'Good "git" signature for {author}' in said.stderr
    assert fsck(signing).violations == ()
    lines = (signing.root / ".swarm/state/allowed_signers").read_text().splitlines()
    assert sorted(line.split()[0] for line in lines) == ["ada@agents.swarmgit.invalid", "bob@agents.swarmgit.invalid"]


def test_keys_are_for_the_person_alone_and_outside_of_state(signing: Repo) -> None:
    signing.task("api", agent="ada")
    signing.start()
    signing.reconcile()

    assert sorted(path.name for path in keys(signing).iterdir()) == ["ada"]
    assert stat.S_IMODE(keys(signing).stat().st_mode) == 0o700
    assert stat.S_IMODE((keys(signing) / "ada" / "key").stat().st_mode) == 0o600
    private = (keys(signing) / "ada" / "key").read_text().splitlines()[1]
    assert private not in signing.git("log", "-p", "swarm/state")


def test_nothing_is_signed_and_no_key_made_unless_it_is_asked_for(repo: Repo) -> None:
    repo.task("api")
    repo.start()
    repo.reconcile()

    (commit,) = landings(repo)
    assert not is_signed(repo, commit)
    assert not keys(repo).exists()
    assert not (repo.root / ".swarm/state/allowed_signers").exists()


def test_what_landed_before_signing_was_switched_on_needs_no_signature(repo: Repo) -> None:
    repo.task("early")
    repo.start()
    repo.reconcile()
    repo.swarm["merge"] = {"sign": "ssh"}
    repo.configure()
    repo.task("late")
    repo.commit(message="sign from now on")
    repo.reconcile()

    late, early = landings(repo)
    assert (is_signed(repo, early), is_signed(repo, late)) == (False, True)
    assert fsck(repo).is_ok


@pytest.mark.slow
def test_tasks_that_land_as_one_are_signed_by_the_last_of_their_agents(signing: Repo) -> None:
    names = ["one", "two", "three"]
    for name in names:
        signing.task(name, agent=f"agent-{name}")
    signing.gates = [{"name": "slow", "run": "sleep 0.5"}]
    signing.start()
    signing.reconcile()

    assert sorted(signing.landed()) == sorted(names) or len(landings(signing)) < 3
    assert all(verified(signing, commit).returncode == 0 for commit in landings(signing))
    assert fsck(signing).violations == ()


def test_a_squashed_landing_is_signed_too(signing: Repo) -> None:
    signing.swarm["merge"]["style"] = "squash"
    signing.task("api", agent="ada")
    signing.start()
    signing.reconcile()

    (commit,) = landings(signing)
    assert verified(signing, commit).returncode == 0
    assert fsck(signing).is_ok


def test_a_signed_candidate_has_the_tree_that_was_gated(signing: Repo) -> None:
    signing.gates = [{"name": "look", "run": "cat README.md"}]
    signing.task("api", agent="ada")
    signing.start()
    signing.reconcile()

    (entry,) = signing.entries()
    assert entry.candidate is not None
    assert entry.candidate.commit == entry.landed_commit == landings(signing)[0]
    assert {result.tree for result in entry.evidence} == {entry.candidate.code_tree}
    assert entry.candidate.signer.startswith('ada@agents.swarmgit.invalid namespaces="git" ssh-ed25519 ')


class Killed(BaseException):
    pass


def killed(repo: Repo, at: str) -> bool:
    """Run until the named effect begins, and die there; return whether it began."""

    def fault(name: str) -> None:
        if name == at:
            raise Killed

    try:
        repo.reconcile(fault=fault)
    except Killed:
        return True
    return False


@pytest.mark.default_cases("TryMerges")
@pytest.mark.parametrize("at", ["TryMerges", "Retire", "Land", "published", "Unpin"])
def test_killed_after_the_key_was_made_the_next_run_signs_with_it(signing: Repo, at: str) -> None:
    signing.task("api", agent="ada")
    signing.start()
    assert killed(signing, at)
    shutil.rmtree(signing.root / ".git" / "swarmgit" / "cache")  # losing it costs time only
    made = (keys(signing) / "ada" / "key").read_bytes() if (keys(signing) / "ada").exists() else None

    signing.reconcile()

    (commit,) = landings(signing)
    assert made in (None, (keys(signing) / "ada" / "key").read_bytes())
    assert verified(signing, commit).returncode == 0
    assert fsck(signing).is_ok
    assert len((signing.root / ".swarm/state/allowed_signers").read_text().splitlines()) == 1


def test_half_a_key_of_a_killed_run_is_swept_and_never_used(signing: Repo) -> None:
    signing.task("api", agent="ada")
    signing.start()
    half = keys(signing) / ".new-killed" / "ada"
    half.mkdir(parents=True)
    (half / "key").write_text("half")
    signing.reconcile()

    assert [path.name for path in keys(signing).iterdir()] == ["ada"]
    assert verified(signing, landings(signing)[0]).returncode == 0


def test_a_lost_key_is_made_anew_and_old_landings_stay_good(signing: Repo) -> None:
    signing.task("one", agent="ada")
    signing.start()
    signing.reconcile()
    shutil.rmtree(keys(signing))
    signing.task("two", agent="ada")
    signing.commit(message="ask for more")
    signing.reconcile()

    assert len(landings(signing)) == 2
    assert all(verified(signing, commit).returncode == 0 for commit in landings(signing))
    assert len((signing.root / ".swarm/state/allowed_signers").read_text().splitlines()) == 2
    assert fsck(signing).is_ok


def test_without_the_program_nothing_is_signed_and_the_reason_names_it(signing: Repo) -> None:
    signing.task("api", agent="ada")
    signing.start()
    signing.reconcile()
    (entry,) = signing.entries()
    assert entry.candidate is not None
    world = signing.world()
    assert isinstance(world.engine, GitEngine)
    here = GitSignatures(world.engine, keys(signing), "ssh-keygen-that-nobody-has")
    tried = MergeTry(entry.candidate.base, entry.head, entry.candidate.commit, entry.candidate.code_tree)

    with pytest.raises(PersonMustAct, match="needs ssh-keygen-that-nobody-has"):
        here.sign(tried)
    with pytest.raises(PersonMustAct, match="needs ssh-keygen-that-nobody-has"):
        here.verify([entry.candidate.commit], b"")
    world.close()


def test_doctor_says_that_what_lands_can_be_signed(signing: Repo) -> None:
    signing.start()
    said = json.loads(signing.swarmgit("doctor", "--json", check=False).stdout)
    assert {each["name"]: each["level"] for each in said["checks"]}["signing"] == "ok"


# --- forgeries --------------------------------------------------------------------------------------------------------


def put_in_place(repo: Repo, old: str, text: bytes) -> str:
    """Make another commit the target's tip, and have all of state say that it is the one that landed."""

    def run(*args: str, data: bytes = b"", **env: str) -> str:
        said = subprocess.run(
            ["git", *args], cwd=repo.root, input=data, capture_output=True, check=True, env={**os.environ, **env}
        )
        return said.stdout.decode().strip()

    new = run("hash-object", "-t", "commit", "-w", "--stdin", data=text)
    run("update-ref", "refs/heads/main", new)
    index = {"GIT_INDEX_FILE": str(repo.root / "forged.index")}
    run("read-tree", "swarm/state", **index)
    for path in run("grep", "-l", old, "swarm/state").splitlines():
        content = subprocess.run(["git", "show", path], cwd=repo.root, capture_output=True, check=True).stdout
        blob = run("hash-object", "-w", "--stdin", data=content.replace(old.encode(), new.encode()))
        run("update-index", "--cacheinfo", f"100644,{blob},{path.removeprefix('swarm/state:')}", **index)
    tree = run("write-tree", **index)
    run("update-ref", "refs/heads/swarm/state", run("commit-tree", "-m", "forged", "-p", "swarm/state", tree))
    return new


def unsigned(repo: Repo, commit: str) -> bytes:
    raw = subprocess.run(["git", "cat-file", "commit", commit], cwd=repo.root, capture_output=True, check=True).stdout
    return re.sub(rb"gpgsig [^\n]*\n(?: [^\n]*\n)*", b"", raw)


def signed_by(key: Path, text: bytes) -> bytes:
    said = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(key)], input=text, capture_output=True, check=True
    )
    field = b"gpgsig " + said.stdout.strip().replace(b"\n", b"\n ")
    return text.replace(b"\n\n", b"\n" + field + b"\n\n", 1)


@pytest.fixture
def landed(signing: Repo) -> Repo:
    """Return a repository where work of bob has landed, and then work of ada."""
    signing.task("first", agent="bob")
    signing.task("second", agent="ada", depends_on=["first"])
    signing.start()
    signing.reconcile()
    assert fsck(signing).is_ok
    return signing


def wrongs(repo: Repo) -> list[str]:
    return [each.message for each in fsck(repo).violations]


def test_fsck_finds_a_landing_without_a_signature(landed: Repo) -> None:
    tip = landings(landed)[0]
    new = put_in_place(landed, tip, unsigned(landed, tip))

    assert wrongs(landed) == ["it is not signed, and .swarm/swarm.yaml says merge.sign there"]
    said = json.loads(landed.swarmgit("fsck", "--json", check=False).stdout)
    assert (said["ok"], [each["commit"] for each in said["violations"]]) == (False, [new])


@pytest.mark.slow
def test_fsck_finds_a_landing_that_another_agent_signed(landed: Repo) -> None:
    tip = landings(landed)[0]
    put_in_place(landed, tip, signed_by(keys(landed) / "bob" / "key", unsigned(landed, tip)))

    author = "ada@agents.swarmgit.invalid"
    assert wrongs(landed) == [f"it is signed by bob@agents.swarmgit.invalid, but its author is {author}"]


def test_fsck_finds_a_landing_signed_with_a_key_that_nobody_knows(landed: Repo, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    tip = landings(landed)[0]
    put_in_place(landed, tip, signed_by(tmp_path / "key", unsigned(landed, tip)))

    assert wrongs(landed) == ["it is signed with a key that allowed_signers does not list"]


@pytest.mark.slow
def test_fsck_finds_a_signature_that_was_made_for_something_else(landed: Repo) -> None:
    tip = landings(landed)[0]
    raw = subprocess.run(["git", "cat-file", "commit", tip], cwd=landed.root, capture_output=True, check=True).stdout
    put_in_place(landed, tip, raw.replace(b"Land second", b"Land Second"))

    assert wrongs(landed) == ["its signature does not belong to what it says"]


@pytest.mark.slow
def test_fsck_finds_a_signer_who_is_author_but_no_agent_of_the_trailers(landed: Repo) -> None:
    tip = landings(landed)[0]
    text = unsigned(landed, tip).replace(b"author ada <ada@", b"author bob <bob@")
    put_in_place(landed, tip, signed_by(keys(landed) / "bob" / "key", text))

    assert wrongs(landed) == ["it is signed by bob@agents.swarmgit.invalid, who is no agent of its trailers"]
