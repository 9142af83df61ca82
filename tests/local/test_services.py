"""The embedded services as real processes: started, joined, ended, killed and started again."""

import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from atlas.local import announce, services, status, stop
from tests.local.homes import Holder, runs_in, sql, until


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres/postmaster.pid").read_text().split("\n")[0]))


def sockets_of(home: Path) -> Path:
    return home / "run/s"


async def test_the_urls_are_taken_by_sqlalchemy_and_redis(home):
    with services(home) as found:
        engine = create_async_engine(found.superuser_database_url)
        async with engine.connect() as connection:
            row = (await connection.execute(text("select current_user, current_setting('server_encoding')"))).one()
        await engine.dispose()
        with redis.Redis.from_url(found.broker_url) as broker:
            assert broker.ping()
            assert broker.config_get("appendonly")["appendonly"] == "yes"
            assert broker.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    assert tuple(row) == ("postgres", "UTF8")
    assert not found.joined
    assert found.database_url.startswith("postgresql+asyncpg://atlas_api@/atlas?host=")


def test_a_second_process_joins_and_leaves_them_running(home, hold):
    with services(home) as own:
        other = hold(home)
        joined = other.services()
        assert joined["joined"] is True
        assert joined["database_url"] == own.database_url
        assert other.leave() == 0
        assert sql(sockets_of(home), "select 1") == [(1,)]


def test_the_owner_waits_for_those_that_joined(home, hold):
    with ExitStack() as stack:
        stack.enter_context(services(home))
        other = hold(home)
        other.services()
        leaver = threading.Timer(1, other.process.stdin.close)
        leaver.start()
        stack.close()
        leaver.join()
    assert other.process.wait(10) == 0
    assert runs_in(home) == []


def test_of_processes_that_start_at_once_exactly_one_owns_the_services(home, hold):
    holders = [hold(home) for _ in range(4)]
    found = [holder.services() for holder in holders]
    assert sorted(each["joined"] for each in found) == [False, True, True, True]
    assert len({each["database_url"] for each in found}) == 1
    for holder, each in zip(holders, found, strict=True):
        if each["joined"]:
            holder.leave()
    for holder in holders:
        assert holder.leave() == 0


def test_stop_ends_the_owner_and_its_services(home, hold):
    owner = hold(home)
    owner.services()
    assert stop(home) is True
    assert owner.process.wait(10) == 128 + signal.SIGTERM
    assert runs_in(home) == []
    assert stop(home) is False


def test_stop_of_a_home_that_never_was_makes_nothing(home):
    assert stop(home) is False
    assert not home.exists()


def test_a_killed_owner_leaves_no_process_and_no_row_is_lost(home, hold):
    owner = hold(home)
    owner.services()
    sql(sockets_of(home), "create table kept (n int)", "insert into kept values (1), (2)")
    assert len(runs_in(home)) > 2
    owner.process.kill()
    owner.process.wait()
    with services(home) as found:
        # The next start does not wait for the old ones to be gone by themselves.
        assert not found.joined
        assert sql(sockets_of(home), "select count(*) from kept") == [(2,)]
    assert runs_in(home) == []


def test_after_a_kill_of_the_owner_the_services_end_by_themselves(home, hold):
    owner = hold(home)
    owner.services()
    owner.process.kill()
    owner.process.wait()
    until(lambda: runs_in(home) == [])


def test_owner_and_postmaster_killed_together_lose_no_row(home, hold):
    owner = hold(home)
    owner.services()
    sql(sockets_of(home), "create table kept (n int)", "insert into kept values (1), (2)")
    server = postmaster(home)
    owner.process.kill()
    server.kill()
    owner.process.wait()
    with services(home):
        assert sql(sockets_of(home), "select count(*) from kept") == [(2,)]


def test_killed_services_are_started_again_while_their_owner_lives(home):
    with services(home) as found:
        sql(sockets_of(home), "create table kept (n int)", "insert into kept values (1), (2)")
        with redis.Redis.from_url(found.broker_url) as broker:
            broker.set("message", "kept")
        killed = [postmaster(home), *(each for each in runs_in(home) if each.name() == "valkey-server")]
        for process in killed:
            process.kill()
        until(lambda: {p.pid for p in killed}.isdisjoint(p.pid for p in runs_in(home)) and status(home).running)
        assert sql(sockets_of(home), "select count(*) from kept") == [(2,)]
        with redis.Redis.from_url(found.broker_url) as broker:
            assert broker.get("message") == b"kept"


def test_the_services_outlive_the_thread_that_asked_for_them(home):
    with ExitStack() as stack:
        thread = threading.Thread(target=lambda: stack.enter_context(services(home)))
        thread.start()
        thread.join()
        first = postmaster(home).pid
        with pytest.raises(psutil.TimeoutExpired):
            psutil.Process(first).wait(0.5)
        assert sql(sockets_of(home), "select 1") == [(1,)]
        assert postmaster(home).pid == first


@pytest.mark.parametrize("written", ["", "garbage\n", "PID\n/nowhere\n1\n5432\n\n\n  1 2\nready\n"])
def test_a_stale_pid_file_socket_or_state_does_not_hinder_a_start(home, written):
    written = written.replace("PID", str(os.getpid()))
    with services(home):
        pass
    (home / "postgres/postmaster.pid").write_text(written)
    (home / "run/state.json").write_text("{")
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock", "valkey.sock"):
        (sockets_of(home) / name).write_text("")
    (sockets_of(home) / ".s.PGSQL.5432.lock").write_text(written)
    with services(home) as found:
        assert not found.joined
        assert sql(sockets_of(home), "select 1") == [(1,)]


def test_a_broken_off_initdb_does_not_hinder_a_start(home):
    (home / "postgres.new/base").mkdir(parents=True)
    with services(home):
        assert sql(sockets_of(home), "select 1") == [(1,)]
    assert not (home / "postgres.new").exists()


def test_a_home_with_a_long_path_has_its_sockets_elsewhere(tmp_path):
    home = tmp_path / ("long" * 25)
    with services(home) as found:
        sockets = Path(found.broker_url.removeprefix("unix://").removesuffix("/valkey.sock?db=0"))
        assert not sockets.is_relative_to(home)
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert sql(sockets, "select 1") == [(1,)]
    assert not sockets.exists()
    assert runs_in(home) == []


def test_nothing_listens_on_tcp(home):
    with services(home):
        running = runs_in(home)
        assert {"postgres", "valkey-server"} <= {process.name() for process in running}
        assert [process.net_connections("inet") for process in running if process.net_connections("inet")] == []


def test_the_home_is_closed_to_others(home):
    with services(home):
        assert home.stat().st_mode & 0o777 == 0o700


def test_only_the_roles_of_atlas_may_connect(home):
    with services(home):
        sql(sockets_of(home), "create role stranger login superuser", "create role atlas_api login")
        assert sql(sockets_of(home), "select current_user", user="atlas_api") == [("atlas_api",)]
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            sql(sockets_of(home), "select 1", user="stranger")


def test_no_statement_and_no_value_reaches_a_log(home):
    failing = (
        "select 'canary-a'::int",
        "insert into secrets values ('canary-b')",
        "do $$ begin raise warning 'canary-c'; end $$; select canary_d",
    )
    with services(home) as found:
        sql(sockets_of(home), "create table secrets (v text unique)", "insert into secrets values ('canary-b')")
        for statement in failing:
            with pytest.raises(asyncpg.PostgresError):
                sql(sockets_of(home), statement)
        with redis.Redis.from_url(found.broker_url) as broker:
            broker.set("canary-e", "canary-f")
    told = b"".join(log.read_bytes() for log in (home / "log").iterdir())
    assert b"ready to accept connections" in told
    assert b"canary" not in told


def test_services_inherit_no_variable_of_atlas_or_postgresql(home, monkeypatch):
    monkeypatch.setenv("ATLAS_TOKEN", "canary")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    with services(home):
        assert all(not {"ATLAS_TOKEN", "PGDATA", "PGPORT"} & set(process.environ()) for process in runs_in(home))
        assert sql(sockets_of(home), "select 1") == [(1,)]


def test_the_status_tells_what_runs_who_owns_it_and_from_where(home):
    before = status(home)
    assert (before.running, before.owner_pid, before.services) == (False, None, None)
    assert not home.exists()
    with services(home) as found:
        announce(home, http_url="http://127.0.0.1:8000")
        during = status(home)
        assert (during.running, during.owner_pid) == (True, os.getpid())
        assert during.services.database_url == found.database_url
        assert during.http_url == "http://127.0.0.1:8000"
        assert during.postgres_version.split(".")[0].isdigit()
        assert during.postgres_source in {"ATLAS_PG_BIN", "wheel", "PATH"}
        assert during.problem is None
    assert status(home).running is False


def test_a_home_removed_while_its_services_run_does_not_hinder_their_end(home, hold):
    owner: Holder = hold(home)
    owner.services()
    processes = runs_in(home)
    (home / "run/state.json").unlink()
    assert owner.leave() == 0
    assert not any(process.is_running() for process in processes)
