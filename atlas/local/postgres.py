"""The embedded PostgreSQL: its cluster, who may connect, its command line, its start and its end."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from atlas.domain.errors import OperatorError
from atlas.local.account import Account
from atlas.local.binaries import Binaries
from atlas.local.folders import Layout, descriptors, disk_full, handed, log_file, make_owned, size_of, tail
from atlas.local.processes import Identity, end, identity, spawn
from atlas.local.values import POSTGRES_SOCKET, ROLES, SUPERUSER

# Statements and values must not reach the log: errors of statements are below LOG, details are left out.
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
_FAST_STOP = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_STILL_ENDING = ("pre-existing shared memory block", "lock file")


def prepare(layout: Layout, binaries: Binaries, account: Account) -> None:
    """Makes the cluster when there is none, checks its version, and writes who may connect."""
    version = layout.data / "PG_VERSION"
    if not version.exists():
        _initdb(layout, binaries, account)
    found = version.read_text().strip()
    if found != str(binaries.major):
        raise OperatorError(
            "CLUSTER_OF_ANOTHER_VERSION",
            f"The data in {layout.data} was written by PostgreSQL {found}; the one found ({binaries.source}) is"
            f" {binaries.version}.",
            f"Set ATLAS_PG_BIN to a PostgreSQL {found}, or name another folder with ATLAS_HOME or --home.",
        )
    _write_rules(layout.rules, account)


def start(layout: Layout, binaries: Binaries, account: Account) -> subprocess.Popen[bytes]:
    """Starts the server and returns when it accepts connections."""
    deadline = time.monotonic() + 60
    while True:
        if leftover(layout) is None:
            _clear_sockets(layout)
        before = size_of(_log(layout))
        process = _launch(layout, binaries, account)
        if _wait_ready(process, layout, deadline):
            return process
        told = tail(_log(layout), before)
        # The backends of a killed server need a moment to notice and to let go of its memory.
        if time.monotonic() > deadline - 45 or not any(word in told for word in _STILL_ENDING):
            raise _failed("POSTGRES_NOT_STARTED", "PostgreSQL did not start.", layout, told)
        time.sleep(0.1)


def stop(process: Identity) -> bool:
    """Ends the server: sessions are broken off, what is committed stays."""
    return end(process, _FAST_STOP)


def leftover(layout: Layout) -> Identity | None:
    """The server that still runs on this data, found by its own pid file. A stale or broken pid file is removed.

    Only for whoever holds the home's lock. A pid that now belongs to another process would else hinder a start.
    """
    pid_file = layout.data / "postmaster.pid"
    try:
        first = pid_file.read_text(errors="replace").split("\n", 1)[0]
    except OSError:
        return None
    found = identity(int(first)) if first.strip().isdigit() else None
    if found is not None and _serves(found.pid, layout.data):
        return found
    if found is not None or not first.strip().isdigit():
        with contextlib.suppress(FileNotFoundError):
            pid_file.unlink()
    return None


def _clear_sockets(layout: Layout) -> None:
    # A broken or reused lock file beside a stale socket would else hinder the start.
    for name in (POSTGRES_SOCKET, f"{POSTGRES_SOCKET}.lock"):
        (layout.sockets / name).unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    working = Path(f"/proc/{pid}/cwd")
    if Path("/proc/self").exists():
        try:
            return working.samefile(data)
        except OSError:
            return False
    told = subprocess.run(  # noqa: S603  # The pid is a number.
        ["/bin/ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return f"-D {data} " in told.stdout


def _initdb(layout: Layout, binaries: Binaries, account: Account) -> None:
    fresh = layout.home / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    make_owned(fresh, account)
    log = layout.logs / "initdb.log"
    before = size_of(log)
    words = ["--username", SUPERUSER, "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--locale=C"]
    if binaries.major >= 17:
        words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    with handed(account, fresh) as (folder,), log_file(log) as output:
        command = [str(binaries.folder / "initdb"), "-D", folder.name, "--data-checksums", "--no-instructions", *words]
        code = spawn(
            command, account, log=output, descriptors=descriptors((folder,)), death_signal=signal.SIGKILL
        ).wait()
    if code != 0:
        raise _failed("INITDB_FAILED", "The database cluster could not be made.", layout, tail(log, before), log)
    fresh.rename(layout.data)


def _launch(layout: Layout, binaries: Binaries, account: Account) -> subprocess.Popen[bytes]:
    folders = (layout.data, layout.rules, layout.sockets)
    with handed(account, *folders) as given, log_file(_log(layout)) as output:
        data, rules, sockets = (folder.name for folder in given)
        quoted = sockets.replace('"', '""')
        settings = _SETTINGS | {
            "hba_file": f"{rules}/pg_hba.conf",
            "ident_file": f"{rules}/pg_ident.conf",
            "unix_socket_directories": f'"{quoted}"',
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(binaries.folder / "postgres"), "-D", data, *words]
        return spawn(command, account, log=output, descriptors=descriptors(given), death_signal=signal.SIGINT)


def _wait_ready(process: subprocess.Popen[bytes], layout: Layout, deadline: float) -> bool:
    pid_file = layout.data / "postmaster.pid"
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            lines = pid_file.read_text(errors="replace").split("\n")
            # The eighth line is the server's state; the first tells whose file it is.
            if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return True
        time.sleep(0.005)
    if process.poll() is None:
        process.kill()
        process.wait()
    return False


def _write_rules(folder: Path, account: Account) -> None:
    names = ",".join((*ROLES, SUPERUSER))
    lines = [f'atlas "{client}" {role}' for client in account.clients for role in (*ROLES, SUPERUSER)]
    # The server may run as another account than the folder's owner, and reads but does not write here.
    readable = 0o644 if account.switched else 0o600
    _write(folder / "pg_hba.conf", f"local all {names} peer map=atlas\n", readable)
    _write(folder / "pg_ident.conf", "\n".join(lines) + "\n", readable)
    folder.chmod(0o755 if account.switched else 0o700)


def _write(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)
        file.write(text)


def _log(layout: Layout) -> Path:
    return layout.logs / "postgres.log"


def _failed(code: str, message: str, layout: Layout, told: str, log: Path | None = None) -> OperatorError:
    if "No space left on device" in told:
        return disk_full(layout.home)
    reasons: Iterable[str] = (line for line in told.splitlines() if "FATAL:" in line or "error:" in line)
    reason = next(iter(reasons), "").partition("FATAL:")[2].strip()
    return OperatorError(code, f"{message} {reason}".strip(), f"Its log is {log or _log(layout)}.")
