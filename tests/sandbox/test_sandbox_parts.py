"""The parts that walls are built of."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from swarmgit.adapters.sandbox import groups, programs, seccomp
from swarmgit.adapters.sandbox.box import ARGS_FILE, Box, Network
from swarmgit.adapters.sandbox.proxy import is_allowed
from swarmgit.adapters.sandbox.seatbelt import Seatbelt
from swarmgit.adapters.sandbox.trails import Seen, trail
from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.adapters.tamper import fingerprint
from swarmgit.model.policy import BASIC_PROGRAMS, Limits, Policy


def test_a_trail_names_every_link_and_the_real_end(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "one").symlink_to("real")
    (tmp_path / "two").symlink_to(tmp_path / "one" / "file")
    links, end = trail(str(tmp_path / "two"))
    assert links == {str(tmp_path / "two"): str(tmp_path / "one" / "file"), str(tmp_path / "one"): "real"}
    assert end == str(tmp_path / "real" / "file")


def test_a_trail_in_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert trail(str(tmp_path / "a"))


def test_what_lies_in_a_visible_folder_is_not_named_again(tmp_path: Path) -> None:
    (tmp_path / "top" / "below").mkdir(parents=True)
    (tmp_path / "top" / "link").symlink_to("below")
    seen = Seen()
    seen.add(tmp_path / "top" / "link", tmp_path / "top", tmp_path / "not there")
    assert seen.reduced() == ((tmp_path / "top",), ())


def test_a_virtual_environment_brings_the_python_it_stands_on(tmp_path: Path) -> None:
    base, venv = tmp_path / "base", tmp_path / "venv"
    for folder in (base / "bin", base / "lib", venv / "bin"):
        folder.mkdir(parents=True)
    (base / "bin" / "python3").write_text("")
    (base / "secret").write_text("x")
    (venv / "bin" / "python").symlink_to(base / "bin" / "python3")
    (venv / "pyvenv.cfg").write_text(f"home = {base}/bin\n")
    seen = Seen()
    programs.add_program(seen, str(venv / "bin" / "python"))
    paths, _ = seen.reduced()
    assert set(paths) == {venv, base / "bin", base / "lib"}


def test_a_program_of_node_brings_its_package(tmp_path: Path) -> None:
    package = tmp_path / "lib/node_modules/@who/agent"
    package.mkdir(parents=True)
    (package / "cli.js").write_text("#!/usr/bin/env node\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/agent").symlink_to("../lib/node_modules/@who/agent/cli.js")
    seen = Seen()
    programs.add_program(seen, str(tmp_path / "bin/agent"), "/usr/bin")
    assert package in seen.reduced()[0]


def test_the_persons_home_is_never_a_folder_of_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    programs.view.cache_clear()
    seen, _ = programs.view(f"{tmp_path}:{tmp_path.parent}:/usr/bin", None)
    assert not seen.has(str(tmp_path))


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("api.example.org", 443, True),
        ("API.example.org".lower(), 443, True),
        ("api.example.org", 80, False),
        ("api.example.org.evil.net", 443, False),
        ("evilapi.example.org", 443, False),
        ("a.b.wild.net", 443, True),
        ("wild.net", 443, False),
        ("notwild.net", 443, False),
        ("127.0.0.1", 8080, True),
        ("127.0.0.1", 443, False),
        ("", 0, False),
    ],
)
def test_only_listed_hosts_and_ports_pass_the_proxy(host: str, port: int, allowed: bool) -> None:
    assert is_allowed(host, port, ["api.example.org", "*.wild.net", "127.0.0.1:8080"]) is allowed


def test_the_filter_is_a_whole_program_for_this_machine() -> None:
    for rules in (seccomp.program(), seccomp.program(is_reduced=True, is_open=False)):
        steps = list(struct.iter_unpack("=HBBI", rules))
        assert len(rules) % 8 == 0
        assert steps[-1] == (0x06, 0, 0, 0x7FFF0000)
        for place, (code, yes, no, _) in enumerate(steps):
            if code & 0x07 == 0x05:
                assert place + 1 + max(yes, no) < len(steps)


def test_limits_on_a_session_are_written_one_a_line() -> None:
    bases = ("pids.max /sys/fs/cgroup/pids", "memory.limit_in_bytes /sys/fs/cgroup/memory/with space")
    assert groups.lines(Limits(memory_gb=1, processes=7), bases, "s1") == (
        b"pids.max 7 /sys/fs/cgroup/pids/swarmgit-s1\n"
        b"memory.limit_in_bytes 1073741824 /sys/fs/cgroup/memory/with space/swarmgit-s1\n"
    )
    groups.remove(b"pids.max 7 /etc\nnonsense\n")


def test_the_profile_for_macos_denies_first_and_quotes_paths(tmp_path: Path) -> None:
    box = Box(Path('/w/a "b"'), Path("/h"), (Path("/opt/x"),), (Path('/w/a "b"'),), network=Network())
    profile = Seatbelt().walls(box, tmp_path).files[ARGS_FILE].decode().splitlines()
    assert profile[:2] == ["(version 1)", "(deny default)"]
    assert '(allow file-read* file-write* (subpath "/w/a \\"b\\""))' in profile
    assert "(allow network*)" not in profile


def test_the_vault_survives_and_is_for_its_user_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "live" / "secrets")
    vault.remember({"TOKEN": "abc-12345678", "SHORT": "abc"})
    assert Vault(tmp_path / "live" / "secrets").redact(b"x abc-12345678 abc") == b"x REDACTED-TOKEN abc"
    assert (tmp_path / "live" / "secrets").stat().st_mode & 0o077 == 0
    (tmp_path / "live" / "secrets").write_text("{damaged")
    assert Vault(tmp_path / "live" / "secrets").redact(b"abc-12345678") == b"abc-12345678"


def test_the_fingerprint_sees_content_modes_and_links(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "a").write_text("x")
    (tmp_path / "config").write_text("y")
    seen = fingerprint(tmp_path)
    assert set(seen) == {"hooks/a", "config"}
    (tmp_path / "info").mkdir()
    (tmp_path / "info" / "refs").write_text("what gc writes")
    (tmp_path / "config").write_text(
        '[branch "x"]\n\tremote = origin\n\tmerge = refs/heads/x\n[branch "y"]\n\tmerge = z\ny'
    )
    assert fingerprint(tmp_path) == seen
    (tmp_path / "config").write_text('[branch "x"]\n\tremote = origin\n[core]\n\tpager = x\ny')
    assert fingerprint(tmp_path) != seen
    (tmp_path / "config").write_text("y")
    (tmp_path / "hooks" / "a").chmod(0o755)
    assert fingerprint(tmp_path) != seen
    (tmp_path / "config").unlink()
    (tmp_path / "config").symlink_to("/etc/hosts")
    assert fingerprint(tmp_path)["config"] != seen["config"]


def test_a_list_without_names_leaves_the_basic_programs_and_no_list_leaves_all() -> None:
    policy = Policy(commands={"builder": (), "gate": ("make",)})
    assert policy.programs_of("builder") == BASIC_PROGRAMS
    assert policy.programs_of("gate") == (*BASIC_PROGRAMS, "make")
    assert policy.programs_of("reviewer") is None
    assert Policy(commands={"default": ("git",)}).programs_of("reviewer") == (*BASIC_PROGRAMS, "git")
    seen, hidden = programs.view("/usr/bin:/bin", BASIC_PROGRAMS)
    assert not seen.has("/usr/bin/perl")
    assert hidden


def test_a_program_by_its_path_is_visible_and_the_folder_around_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("ours", "other"):
        (tmp_path / "bin" / name).write_text("")
        (tmp_path / "bin" / name).chmod(0o755)
    seen, _ = programs.view("/usr/bin", (str(tmp_path / "bin" / "ours"),))
    assert seen.has(str(tmp_path / "bin" / "ours"))
    assert not seen.has(str(tmp_path / "bin" / "other"))
