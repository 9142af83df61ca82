"""Labels beside changes: read from a table where somebody asks for them, in one statement a page."""

from typing import Any

from sqlalchemy import text

from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.vocabulary import ChangeType, LabelKind, Role
from atlas.store.bodies import pack_evidence
from atlas.store.database import Database
from atlas.store.tables import labels
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker, counted
from tests.schema.rows import make_findings, make_item, make_scope, put

GROUP = "11111111-2222-4333-8444-555555555555"
PATH = f"assignments/[group:{GROUP}]/target"
MADE = f"Assignments > group:{GROUP} > Target"
PAGE = "findings(first: 50) {{ nodes {{ changes {{ path {} }} }} }}"
LABELS = "label after { label }"


def evidence(number: int = 0) -> bytes:
    definition = f"device_vendor_msft_firewall_setting{number}"
    option = Evidence(False, f"{definition}_1", None, "Option 1")
    changes = [
        PropertyChange(ChangeType.ADDED, PATH, MADE, None, Evidence(False, f"group:{GROUP}")),
        PropertyChange(ChangeType.ADDED, f"settings/{definition}", "Firewall > Setting", None, option),
    ]
    return pack_evidence([change.to_json() for change in changes])


async def name(owner: Database, tenant: Tenant, kind: LabelKind, identity: str, label: str | None) -> None:
    async with owner.transaction(tenant.owner) as connection:
        await put(connection, labels, {"tenant_id": tenant.id, "kind": kind, "id": identity, "label": label})


async def told(ask: Asker, selection: str = LABELS) -> list[list[Any]]:
    nodes = (await ask.in_tenant(f"{{ {PAGE.format(selection)} }}"))["findings"]["nodes"]
    return [[(one["label"], one["after"]["label"]) for one in node["changes"]] for node in nodes]


async def test_a_page_reads_with_the_labels_that_are_known(owner: Database, tenant: Tenant, ask: Asker) -> None:
    await make_findings(owner, await make_scope(owner, tenant), [{"evidence": evidence(), "change_count": 2}])
    assert await told(ask) == [[(MADE, None), ("Firewall > Setting", "Option 1")]]
    await name(owner, tenant, LabelKind.GROUP, GROUP, "Sales")
    await name(owner, tenant, LabelKind.OPTION, "device_vendor_msft_firewall_setting0_1", "On")
    await name(owner, tenant, LabelKind.SETTING, "device_vendor_msft_firewall_setting0", None)
    assert await told(ask) == [[("Assignments > Sales > Target", "Sales"), ("Firewall > Setting", "On")]]


async def test_labels_cost_one_statement_a_page_and_none_where_nobody_asks(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    await name(owner, tenant, LabelKind.GROUP, GROUP, "Sales")
    scope = await make_scope(owner, tenant)
    for more in (1, 20):
        await make_findings(owner, scope, [{"evidence": evidence(one), "change_count": 2} for one in range(more)])
        with counted(ask.api) as statements:
            found = await told(ask)
        # The tenant, the page, its evidence, and the labels.
        assert len(statements) == 4, statements
        assert {one[0] for one in found} == {("Assignments > Sales > Target", "Sales")}
    with counted(ask.api) as statements:
        await ask.in_tenant(f"{{ {PAGE.format('kind after { value }')} }}")
    assert len(statements) == 3
    assert not [one for one in statements if "labels" in one]


async def test_labels_are_found_behind_fragments_and_aliases(owner: Database, tenant: Tenant, ask: Asker) -> None:
    await name(owner, tenant, LabelKind.GROUP, GROUP, "Sales")
    await make_findings(owner, await make_scope(owner, tenant), [{"evidence": evidence(), "change_count": 2}])
    query = """query($tenant: ID!) { tenant(by: {id: $tenant}) { findings(first: 1) { nodes {
        a: changes(first: 1) { ...C } b: changes(first: 1) { ... on PropertyChange { after { ...V } } } } } } }
        fragment C on PropertyChange { called: label } fragment V on EvidenceValue { label }"""
    ((node,),) = ((await ask(query, tenant=ask.id))["tenant"]["findings"]["nodes"],)
    assert node == {"a": [{"called": "Assignments > Sales > Target"}], "b": [{"after": {"label": "Sales"}}]}


async def test_versions_of_an_object_and_plain_differences_have_labels_too(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    await name(owner, tenant, LabelKind.GROUP, GROUP, "Sales")
    scope = await make_scope(owner, tenant)
    await make_item(owner, scope, [(1, 2, {"a": 1}), (2, None, {"a": 1, PATH: f"group:{GROUP}"})])
    change = "changes { label after { label } }"
    selection = f"""{{ inventoryItems(first: 1) {{ nodes {{ versions(first: 1) {{ nodes {{ {change} }} }} }} }}
        scopes(first: 1) {{ nodes {{ sinceLastRun(first: 1) {{ {change} }} }} }} }}"""
    found = await ask.in_tenant(selection)
    expected = [{"label": "Assignments > Sales > Target", "after": {"label": "Sales"}}]
    assert found["inventoryItems"]["nodes"][0]["versions"]["nodes"][0]["changes"] == expected
    assert found["scopes"]["nodes"][0]["sinceLastRun"][0]["changes"] == expected


async def test_the_labels_of_another_tenant_are_not_known(
    owner: Database, api: Database, tenant: Tenant, ask: Asker
) -> None:
    await name(owner, await make_tenant(owner, api), LabelKind.GROUP, GROUP, "Theirs")
    await make_findings(owner, await make_scope(owner, tenant), [{"evidence": evidence(), "change_count": 2}])
    assert (await told(Asker(api, tenant, Role.READER)))[0][0] == (MADE, None)


async def test_labels_are_found_by_their_key(owner: Database, api: Database, tenant: Tenant) -> None:
    """A policy must not keep the comparison of ids from the index."""
    many = """insert into atlas.labels (tenant_id, kind, id, label)
        select :t, 'SETTING', 'setting ' || n, 'Label' from generate_series(1, 5000) n"""
    asked = """explain select l.label from atlas.labels l
        join unnest(array['SETTING', 'GROUP'], array['setting 7', 'x']) w (a, b) on l.kind = w.a and l.id = w.b
        where l.tenant_id = :t and l.label is not null"""
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(text(many), {"t": tenant.id})
    async with owner.transaction() as connection:
        await connection.execute(text("analyze atlas.labels"))
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        plan = "\n".join((await connection.execute(text(asked), {"t": tenant.id})).scalars())
    assert "labels_pkey" in plan
    assert "Seq Scan on labels" not in plan
