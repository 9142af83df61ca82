"""Objects that Graph gives under one id stay themselves from run to run, staged without their contents as they are."""

from typing import Any

from atlas.store.database import Database
from tests.factories import make_policy
from tests.graph.authority import Authority
from tests.graph.standin import Tenant, serving
from tests.graph.syncing import reader

CATALOG = "deviceManagement/configurationPolicies"


def policy_id(number: int) -> str:
    return str(make_policy(number)["id"])


SHARED = policy_id(1)
LIKE = f"{SHARED}~0123abcd"
BESIDE = range(901, 905)


def tenant(*objects: tuple[str, int], like: int) -> Tenant:
    """Policies of these names and values under one id, and one whose own id looks as if it were derived from that.

    Others stand beside them, so that what goes is less than half of what is there.
    """
    told: list[dict[str, Any]] = [make_policy(1, name=name, value=value) for name, value in objects]
    told += [make_policy(2, id=LIKE, value=like), *(make_policy(number) for number in BESIDE)]
    return Tenant().add(CATALOG, *(one | {"settingCount": 1, "isAssigned": False} for one in told))


async def test_each_change_of_an_object_under_a_shared_id_is_one_change(
    owner: Database, api: Database, worker: Database, signing_in: Authority
) -> None:
    steps = [
        (tenant(("A", 1), ("A", 2), like=1), (3 + len(BESIDE), 0, 0)),
        (tenant(("A", 3), ("A", 2), like=1), (0, 0, 1)),
        (tenant(("A", 2), like=2), (0, 1, 1)),
        (tenant(("B", 9), ("A", 4), like=2), (1, 0, 1)),
        (tenant(like=3), (0, 2, 1)),
        (tenant(("D", 1), like=4), (1, 0, 1)),
    ]
    with serving(steps[0][0]) as graph:
        made = await reader(owner, api, worker, graph, signing_in)
        for seq, (now, counts) in enumerate(steps, start=1):
            graph.tenant = now
            run = await made.sync(["configurationPolicy"])
            assert (run["status"], run["seq"], run["error_message"]) == ("SUCCEEDED", seq, None)
            assert (run["added"], run["removed"], run["changed"]) == counts, seq
            assert LIKE in {external_id for _, external_id in await made.contents(run["scope_id"])}
        assert {external_id for _, external_id in await made.contents(run["scope_id"])} == {
            SHARED,
            LIKE,
            *map(policy_id, BESIDE),
        }
