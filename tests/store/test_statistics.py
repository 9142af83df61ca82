"""What the planner has sampled of the rows is hidden with the rows."""

from atlas.store.bootstrap import connect
from atlas.store.lint_rules import APP_ROLES
from tests.store.conftest import Server
from tests.store.test_common_tables import READS, SOMEBODYS
from tests.store.world import World

EXTENDED = """
create statistics atlas.of_columns (ndistinct, dependencies, mcv) on status, severity from atlas.findings;
create statistics atlas.of_expressions on (lower(display_name)), (lower(external_id)) from atlas.findings;
analyze atlas.findings
"""
TABLES = "select relname from pg_class where relnamespace = 'atlas'::regnamespace and relkind = 'r'"
VIEWS = ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs")


async def test_statistics_are_seen_of_what_all_tenants_share_alone(server: Server, world: World) -> None:
    superuser = await connect(server.superuser_url, database=server.database)
    change = superuser.transaction()
    await change.start()
    try:
        tables = await superuser.fetch(TABLES)
        await superuser.execute("analyze " + ", ".join(f"atlas.{one[0]}" for one in tables))
        await superuser.execute(EXTENDED)
        for view in VIEWS:
            sampled = f"select distinct tablename from {view} where schemaname = 'atlas'"
            known = {one[0] for one in await superuser.fetch(sampled)}
            assert "findings" in known, "the control: there is something to see"
            for role in APP_ROLES:
                await superuser.execute(f"set local session authorization {role}")
                seen = {one[0] for one in await superuser.fetch(sampled)}
                await superuser.execute("set local session authorization default")
                assert seen == known & (READS[role] - SOMEBODYS), (view, role)
    finally:
        await change.rollback()
        await superuser.close()
