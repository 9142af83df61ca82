"""The registry and what it is joined to: the item types of the folder, and the profiles."""

from dataclasses import replace

from atlas.domain.profiles import ITEM_TYPES as PROFILED
from atlas.sources.graph.contracts import CONTRACTS, DEFAULT_TYPES, PERMISSIONS, Contract
from atlas.sources.graph.details import complete
from atlas.sources.graph.reading import list_of
from atlas.sources.item_types import ITEM_TYPES
from tests.graph.asking import asking, read
from tests.graph.standin import Tenant, serving


def test_every_item_type_has_one_contract():
    assert CONTRACTS.keys() == ITEM_TYPES.keys() == set(PROFILED)


def test_all_but_mobile_apps_are_read_by_default():
    assert CONTRACTS.keys() - set(DEFAULT_TYPES) == {"mobileApp"}


def test_every_collection_is_known_to_the_folder_as_the_same_type():
    for contract in CONTRACTS.values():
        for path in contract.paths:
            last, last_two = path.rpartition("/")[2], "/".join(path.split("/")[-2:])
            assert {last, last_two} & set(ITEM_TYPES[contract.item_type].collections), path


def test_no_collection_is_read_twice():
    paths = [path for contract in CONTRACTS.values() for path in contract.paths]
    assert len(paths) == len(set(paths))


def test_every_type_names_a_permission_that_only_reads():
    assert all(".Read." in contract.permission for contract in CONTRACTS.values())
    assert set(PERMISSIONS) == {CONTRACTS[item_type].permission for item_type in DEFAULT_TYPES}


def test_no_contract_asks_for_a_secret_in_plain_text():
    for contract in CONTRACTS.values():
        told = " ".join((*contract.paths, contract.expand, contract.select, contract.detail, repr(contract.calls)))
        assert "PlainText" not in told


def test_endpoint_security_is_never_asked_for_its_assignments_by_expansion_of_one():
    assert "assignments" not in CONTRACTS["configurationPolicy"].detail


def test_a_list_is_asked_for_with_what_its_contract_says():
    contract = Contract("x", ("deviceManagement/xs",), "X.Read.All", expand="a,b", select="id", page_size=7)
    assert list_of(contract, contract.paths[0]).path == "deviceManagement/xs?$expand=a,b&$select=id&$top=7&$count=true"
    uncounted = replace(CONTRACTS["roleScopeTag"], counted=False)
    assert list_of(uncounted, "deviceManagement/roleScopeTags").path == "deviceManagement/roleScopeTags"


def test_every_list_is_asked_for_its_count():
    assert all(contract.counted for contract in CONTRACTS.values())


async def test_a_new_type_is_one_entry():
    path = "deviceManagement/termsAndConditions"
    contract = Contract("termsAndConditions", (path,), "DeviceManagementServiceConfig.Read.All", version="v1.0")
    with serving(Tenant().add(path, {"id": "1", "displayName": "Terms"})) as graph:
        async with asking(graph) as client:
            unit, objects = await read(client, contract)
    assert (unit.status, unit.api_version, objects[0].item_type) == ("COMPLETE", "v1.0", "termsAndConditions")
    assert objects[0].origin == f"v1.0/{path}/1"


async def test_an_administrative_template_is_read_down_to_its_values():
    path = "deviceManagement/groupPolicyConfigurations"
    values = [
        {"id": f"v{number}", "enabled": True, "definition": {"id": f"d{number}"}, "presentationValues": [
            {"id": "p", "value": "1", "presentation": {"id": f"pr{number}"}}]}
        for number in range(30)
    ]  # fmt: skip
    listed = {"id": "t", "displayName": "T", "lastModifiedDateTime": "2026-01-01T00:00:00Z"}
    contract = CONTRACTS["groupPolicyConfiguration"]
    with serving(Tenant().add(path, {**listed, "definitionValues": values}), page_by=25) as graph:
        async with asking(graph) as client:
            (one,) = await complete(client, contract, path, [listed])
    assert one.body["definitionValues"] == values
