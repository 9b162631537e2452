"""A task changes the mode of a file where its scope says so."""

from tests.conftest import Repo


def test_an_executable_bit_lands_where_the_scope_grants_it(repo: Repo) -> None:
    repo.start({"tools/run.sh": "true\n", "lib/run.sh": "true\n"})
    repo.task(
        "granted", 'grep -q "mode and kind.*tools/" "$SWARM_PROMPT_FILE" && chmod +x tools/run.sh', owns=["tools/**"]
    )
    repo.task("refused", "chmod +x lib/run.sh", owns=["lib/**"], budget={"attempts": 1})
    text = (repo.root / ".swarm/tasks/granted.yaml").read_text()
    repo.write({".swarm/tasks/granted.yaml": text.replace("scope:\n", 'scope:\n  modes: ["tools/**"]\n')})
    repo.commit(message="ask")
    assert repo.reconcile().code == 4
    assert repo.landed() == ["granted"]
    assert repo.git("ls-tree", "main", "tools/run.sh").startswith("100755 ")
    assert "got another file mode" in repo.status("refused").reason
    refused = repo.status("refused").attempts[0].rejection
    assert refused is not None
    assert "scope.modes" in refused.next_step


def test_validate_names_a_pattern_that_grants_nothing(repo: Repo) -> None:
    repo.start()
    text = "version: 1\ntitle: One\ndescription: Do.\nscope:\n  owns: [src/**]\n  modes:\n    - src/tools/**\n    - bin/**\n"
    repo.write({".swarm/tasks/one.yaml": text})

    said = repo.swarmgit("validate").stdout

    assert said == (
        "warning: .swarm/tasks/one.yaml:8:7: 'bin/**' has no effect: "
        "neither 'owns' nor 'shares' has anything that it matches\n"
    )
