"""What went wrong, as a line for people and its mend, or as JSON; never a trace, unless it is asked for."""

import json
import os
import sys
import traceback
from dataclasses import dataclass

from atlas.cli.output import printable, stderr
from atlas.domain.errors import OperatorError, RefusedError

_URLS = "Check that the server runs and that the ATLAS_*_URL variables name its host, role and password."


@dataclass(frozen=True, slots=True)
class Failure:
    """`code` is stable and in capitals, `message` says what is wrong, `mend` what to do; it may be empty."""

    code: str
    message: str
    mend: str = ""


def report(error: Exception, *, as_json: bool) -> int:
    """Tells the error on stderr and returns the exit code."""
    if os.environ.get("ATLAS_DEBUG"):
        traceback.print_exception(error)
    tell(failure_of(error), as_json=as_json)
    return 1


def tell(failure: Failure, *, as_json: bool) -> None:
    if as_json:
        told = {"code": failure.code, "message": failure.message, "mend": failure.mend}
        sys.stderr.write(json.dumps({"error": told}, ensure_ascii=False) + "\n")
        return
    from rich.text import Text

    console = stderr()
    console.print(Text.assemble(("error: ", "bold red"), printable(failure.message)), soft_wrap=True)
    if failure.mend:
        console.print(Text.assemble(("mend: ", "bold red"), printable(failure.mend)), soft_wrap=True)


def failure_of(error: BaseException) -> Failure:
    """What a person is told of an exception. The text of an unexpected one may hold values, so only its type is."""
    if isinstance(error, OperatorError):
        return Failure(error.code, error.message, error.mend)
    if isinstance(error, RefusedError):
        return Failure(error.code.value, error.message)
    if isinstance(error, OSError) and error.filename is not None:
        return Failure("FILE_UNUSABLE", f"{error.filename} cannot be used: {error.strerror}.", "Check path and rights.")
    return (
        _of_settings(error)
        or _of_services(error)
        or Failure(
            "INTERNAL", f"Something unexpected broke ({type(error).__name__}).", "Run with ATLAS_DEBUG=1 for the trace."
        )
    )


def _of_settings(error: BaseException) -> Failure | None:
    """A variable of the environment that cannot be read; its value may be a secret and is not told."""
    if type(error).__name__ != "ValidationError":
        return None
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return None
    names = ", ".join(f"ATLAS_{'_'.join(map(str, one['loc'])).upper()} ({one['msg']})" for one in error.errors())
    return Failure("SETTINGS_INVALID", f"The environment cannot be used: {names}.", "Correct or unset the variable.")


def _of_services(error: BaseException) -> Failure | None:
    """Trouble with the database or the broker. Their packages are asked only where they are loaded."""
    if "redis" in sys.modules:
        from redis import RedisError

        if isinstance(error, RedisError):
            return Failure("BROKER_UNREACHABLE", f"The broker cannot be used ({type(error).__name__}).", _URLS)
    if "sqlalchemy" not in sys.modules:
        return None
    from atlas.store.faults import PASSING, fault_of, sqlstate_of

    if fault_of(error) in PASSING:
        return Failure("DATABASE_UNREACHABLE", f"The database cannot be reached ({type(error).__name__}).", _URLS)
    state = sqlstate_of(error)
    if state in {"28000", "28P01", "3D000"}:
        return Failure("DATABASE_UNREACHABLE", "The database refused the role, its password or its name.", _URLS)
    if state in {"42P01", "42883", "42703", "3F000"}:
        return Failure("NOT_MIGRATED", "The database is not at this release's migrations.", "Run `atlas db upgrade`.")
    return None
