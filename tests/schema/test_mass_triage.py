"""A mass change is triaged in one mutation a group, and every finding of it has its audit event."""

from sqlalchemy import text

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.factories import Tenant
from tests.schema.asking import Asker, counted
from tests.schema.rows import make_findings, make_scope

ACKNOWLEDGE = """mutation($i: AcknowledgeFindingsInput!) { answer: acknowledgeFindings(input: $i) {
    findings { id status acknowledgement { reason } } errors { code } } }"""
GROUPS = {"configurationPolicy": 300, "deviceConfiguration": 199, "deviceManagementScript": 1}


async def test_five_hundred_findings_are_triaged_in_one_mutation_a_group_each_with_its_audit_event(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    operator, scope = Asker(api, tenant, Role.OPERATOR), await make_scope(owner, tenant)
    costs = []
    for item_type, number in GROUPS.items():
        ids = await make_findings(owner, scope, [{"item_type": item_type}] * number)
        given = {"ids": [operator.global_id("Finding", one) for one in ids], "reason": f"planned: {item_type}"}
        with counted(api) as statements:
            answer = (await operator(ACKNOWLEDGE, i=given))["answer"]
        costs.append(len(statements))
        assert answer["errors"] == []
        assert [one["id"] for one in answer["findings"]] == given["ids"]
    counts = await operator.in_tenant("{ findingCounts(by: [ITEM_TYPE, STATUS]) { itemType status count } }")
    assert {(one["itemType"], one["status"]): one["count"] for one in counts["findingCounts"]} == {
        (item_type, "ACKNOWLEDGED"): number for item_type, number in GROUPS.items()
    }
    assert len(set(costs)) == 1, "a group costs as many statements whatever its size"
    told = """select f.item_type, e.reason, e.actor_id, e.action, e.request_id, count(*), count(distinct f.id)
        from atlas.findings f join atlas.audit_events e on e.tenant_id = f.tenant_id and e.target_id = f.id
        where f.tenant_id = :tenant group by 1, 2, 3, 4, 5 order by 1"""
    async with owner.transaction(tenant.owner) as connection:
        rows = [tuple(row) for row in await connection.execute(text(told), {"tenant": tenant.id})]
    by = tenant.members[Role.OPERATOR]
    assert rows == [
        (item_type, f"planned: {item_type}", by, "finding.acknowledged", "test", number, number)
        for item_type, number in sorted(GROUPS.items())
    ]
