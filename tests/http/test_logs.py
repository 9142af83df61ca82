"""The log's form, and what it leaves out."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from atlas.logs import configure, where


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Logging belongs to the process: what the tests had is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    for name in ("uvicorn.access", "strawberry.execution"):
        silenced = logging.getLogger(name)
        silenced.handlers, silenced.propagate = [], True
    for name in ("uvicorn.error", "strawberry.ws", "httpx", "httpcore", "hpack"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def fail() -> None:
    raise RuntimeError("hunter2")


def test_a_line_is_json_with_the_bound_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    with structlog.contextvars.bound_contextvars(request_id="request-4"):
        structlog.get_logger("atlas.x").info("something.happened", count=3)
        logging.getLogger("uvicorn.error").warning("of the standard library")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["count"], ours["request_id"]) == ("something.happened", 3, "request-4")
    assert (theirs["event"], theirs["level"], theirs["request_id"]) == (
        "of the standard library", "warning", "request-4",
    )  # fmt: skip


def test_auto_is_json_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger("atlas.x").info("something.happened")
    assert json.loads(capsys.readouterr().err)["event"] == "something.happened"


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text")
    structlog.get_logger("atlas.x").info("something.happened", count=3)
    text = capsys.readouterr().err
    assert "something.happened" in text
    assert "count=3" in text


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_an_exception_is_told_by_type_and_place_and_not_by_its_text(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure(log_format)
    try:
        fail()
    except RuntimeError:
        structlog.get_logger("atlas.x").exception("it.failed")
        logging.getLogger("any.library").exception("it failed")
    text = capsys.readouterr().err
    assert text.count("RuntimeError") == 2
    assert text.count("test_logs.py") >= 2
    assert "hunter2" not in text


def test_loggers_that_write_values_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    logging.getLogger("strawberry.execution").error("hunter2")
    logging.getLogger("uvicorn.access").info("GET /graphql?query=hunter2")
    assert capsys.readouterr().err == ""


def test_where_names_the_frames() -> None:
    with pytest.raises(RuntimeError) as error:
        fail()
    assert where(error.value)[-1].endswith(" fail")
