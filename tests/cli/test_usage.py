"""Help, usage errors and the environment: what ends before anything is started."""

from pathlib import Path

import pytest

from tests.cli.conftest import Atlas


@pytest.fixture
def atlas(tmp_path: Path) -> Atlas:
    return Atlas(tmp_path / "home", cold=True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nonsense"], "No such command"),
        (["findings"], "--tenant"),
        (["findings", "--tenant", "x", "--status", "OPEN"], "NEW, ACKNOWLEDGED, RESOLVED"),
        (["tenant", "create", "x", "--id", "12"], "UUID"),
        (["token", "create", "--principal", "p", "--tenant", "x", "--role", "GOD"], "READER, OPERATOR"),
        (["ack", "abcd", "--reason", "x", "--expires-at", "soon"], "2027-01-31"),
        (["sync", "folder", "/x", "--tenant", "x", "--types", "configPolicy"], "configurationPolicy"),
        (["sync", "folder", "/x", "--tenant", "x", "--types", "microsoft.graph.Kind"], "mean microsoft.graph.kind?"),
        (["sync", "graph", "--tenant", "x", "--types", "namedlocation"], "Did you mean namedLocation?"),
        (["schedule", "set", "--tenant", "x", "--every", "1", "--types", "namedlocation"], "mean namedLocation?"),
    ],
)
def test_a_usage_error_ends_with_2_and_names_what_is_allowed(atlas: Atlas, words: list[str], told: str) -> None:
    ended = atlas.run(*words, exit_code=2)
    assert not ended.stdout
    assert told in " ".join(ended.stderr.replace("│", " ").split())
    assert not atlas.home.exists()


def test_help_needs_nothing_and_loads_no_server(atlas: Atlas) -> None:
    ended = atlas.with_(PYTHONPROFILEIMPORTTIME=1).run("--help")
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert {"typer", "atlas.cli.commands"} <= loaded
    assert not {"sqlalchemy", "strawberry", "starlette", "dramatiq", "azure.identity"} & loaded
    for command in ("demo", "up", "down", "api", "worker", "tenant", "sync", "drift", "findings", "ack", "token", "db"):
        assert command in ended.stdout
    assert not atlas.home.exists()


def test_the_schema_is_printed_without_any_service(atlas: Atlas) -> None:
    ended = atlas.run("schema")
    assert ended.stdout.startswith(('"""', "type", "interface", "scalar", "enum", "input", "directive", "schema"))
    assert not ended.stderr
    assert "__schema" in atlas.json("schema")
    assert not atlas.home.exists()


def test_a_variable_that_cannot_be_read_is_named_without_its_value(atlas: Atlas) -> None:
    error = atlas.with_(ATLAS_WORKER_THREADS="s3cret").refused("tenant", "list")
    assert error["code"] == "SETTINGS_INVALID"
    assert "ATLAS_WORKER_THREADS" in error["message"]
    assert "s3cret" not in error["message"]


def test_a_home_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = Atlas(tmp_path / "file" / "home").refused("tenant", "list")
    assert error["code"] == "HOME_NOT_WRITABLE"


def test_down_where_nothing_runs_is_no_error(atlas: Atlas) -> None:
    assert atlas.json("down")["stopped"] is False


@pytest.mark.parametrize("command", ["api", "worker"])
def test_the_processes_of_a_deployment_ask_for_their_urls(atlas: Atlas, command: str) -> None:
    error = atlas.refused(command)
    assert error["code"] == "NOT_CONFIGURED"
    assert "ATLAS_" in error["message"]
