"""Makers of raw objects of every item type, as Graph answers them, with marks (see `trees`)."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.semantics.trees import K, Noise, Nothing, Rows, V

GRAPH = "#microsoft.graph."
KIND = f"{GRAPH}deviceManagementConfiguration"


def guid(random: Random) -> str:
    text = f"{random.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def word(random: Random) -> str:
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(random.randint(5, 9)))


def text(random: Random) -> V:
    return V(f"{word(random)} {word(random)}é", hidden=True)


def number(random: Random) -> V:
    return V(random.randint(1, 10**6))


def flag(random: Random) -> V:
    return V(random.random() < 0.5)


def date(random: Random) -> str:
    return f"2026-{random.randint(1, 12):02}-{random.randint(1, 28):02}T03:04:05.{random.randint(0, 999)}Z"


def words(random: Random, *choices: str) -> V:
    return V(random.choice(choices))


def groups(random: Random, most: int = 3) -> Rows:
    return Rows([V(guid(random)) for _ in range(random.randint(1, most))], lambda again: V(guid(again)))


def assignment(random: Random, *, intent: bool = False) -> dict[str, Any]:
    kinds = ("groupAssignmentTarget", "exclusionGroupAssignmentTarget")
    filtered = random.random() < 0.5
    target: dict[str, Any] = {
        "@odata.type": K(f"{GRAPH}{random.choice(kinds)}"),
        "groupId": K(guid(random)),
        "deviceAndAppManagementAssignmentFilterId": V(guid(random), where="assignmentFilter")
        if filtered
        else Nothing(),
        "deviceAndAppManagementAssignmentFilterType": V("include", where="assignmentFilterType")
        if filtered
        else "none",
    }
    made = {"id": Noise(guid), "source": K("direct"), "sourceId": Noise(guid), "target": target}
    return {**made, "intent": K(random.choice(("required", "available")))} if intent else made


def assignments(random: Random, *, intent: bool = False) -> Rows:
    rows = [assignment(random, intent=intent) for _ in range(random.randint(0, 3))]
    return Rows(rows, lambda again: assignment(again, intent=intent))


def thing(
    random: Random, kind: str | None, *, called: str = "displayName", tags: str = "roleScopeTagIds", **more: Any
) -> dict[str, Any]:
    """What all objects have, and the noise of all."""
    made: dict[str, Any] = {
        "@odata.context": Noise(word),
        "id": guid(random),
        called: V(f"{word(random).title()} - {word(random)} - v{random.randint(1, 9)}.0"),
        "description": text(random) if random.random() < 0.5 else Nothing(),
        "createdDateTime": Noise(date),
        "lastModifiedDateTime": Noise(date),
        "version": Noise(lambda again: again.randint(1, 99)),
        tags: Rows(
            [V(str(tag)) for tag in random.sample(range(20), random.randint(1, 3))],
            lambda again: V(f"t{again.getrandbits(40)}"),
        ),
        f"{tags}@odata.type": "#Collection(String)",
        "supportsScopeTags": Noise(lambda again: again.random() < 0.5),
        "isAssigned": Noise(lambda again: again.random() < 0.5),
        "deviceStatuses": Noise(lambda again: [{"id": guid(again), "status": word(again)}]),
        "#microsoft.graph.assign": {"title": "microsoft.graph.assign"},
        "assignments": assignments(random),
        **more,
    }
    if kind is not None:
        made["@odata.type"] = f"{GRAPH}{kind}"
    return made


# The Settings Catalog.


def simple(random: Random, definition: str) -> dict[str, Any]:
    kind, value = random.choice(
        [
            ("Integer", V(random.randint(1, 10**6), where=definition)),
            ("String", V(f"{word(random)} é", hidden=True, where=definition)),
            ("Secret", V(guid(random), hidden=True, where=definition)),
            # Configured to be empty, which is something else than not configured.
            ("String", V("", hidden=True, where=definition)),
        ]
    )
    return {
        "@odata.type": f"{KIND}SimpleSettingInstance",
        "settingDefinitionId": definition,
        "settingInstanceTemplateReference": {"settingInstanceTemplateId": Noise(guid)},
        "simpleSettingValue": {
            "@odata.type": f"{KIND}{kind}SettingValue",
            "value": value,
            "settingValueTemplateReference": None,
        },
    }


def choice(random: Random, definition: str, depth: int) -> dict[str, Any]:
    value = V(f"{definition}_{word(random)}", where=definition)
    children = instances(random, definition, random.randint(0, 2), depth - 1) if depth else []
    return {
        "@odata.type": f"{KIND}ChoiceSettingInstance",
        "settingDefinitionId": definition,
        "choiceSettingValue": {"@odata.type": f"{KIND}ChoiceSettingValue", "value": value, "children": Rows(children)},
    }


def simple_rows(random: Random, definition: str) -> dict[str, Any]:
    def row(again: Random) -> dict[str, Any]:
        return {
            "@odata.type": f"{KIND}StringSettingValue",
            "value": V(f"{word(again)} é", hidden=True, where=definition),
        }

    return {
        "@odata.type": f"{KIND}SimpleSettingCollectionInstance",
        "settingDefinitionId": definition,
        "simpleSettingCollectionValue": Rows([row(random) for _ in range(random.randint(1, 4))], row),
    }


def group_rows(random: Random, definition: str, depth: int) -> dict[str, Any]:
    # The same member definitions stand in every row: a map by definition keeps the last row alone.
    shape = random.getrandbits(32)

    def row(again: Random) -> dict[str, Any]:
        form = Random(shape)
        made = [member(form, again, f"{definition}_m{index}", depth) for index in range(form.randint(2, 4))]
        return {"children": Rows(made), "settingValueTemplateReference": None}

    return {
        "@odata.type": f"{KIND}GroupSettingCollectionInstance",
        "settingDefinitionId": definition,
        "groupSettingCollectionValue": Rows([row(random) for _ in range(random.randint(1, 4))], row),
    }


def member(form: Random, random: Random, definition: str, depth: int) -> dict[str, Any]:
    if depth and form.random() < 0.3:
        return group_rows(random, definition, depth - 1)
    return simple(random, definition) if form.random() < 0.6 else choice(random, definition, 0)


def instances(random: Random, prefix: str, count: int, depth: int) -> list[dict[str, Any]]:
    made = []
    for index in range(count):
        definition = f"{prefix}_s{index}"
        makers: list[Callable[[], dict[str, Any]]] = [
            lambda d=definition: simple(random, d),
            lambda d=definition: choice(random, d, depth),
            lambda d=definition: simple_rows(random, d),
        ]
        if depth:
            makers.append(lambda d=definition: group_rows(random, d, depth - 1))
        found = random.choice(makers)()
        made.append(found)
        if random.random() < 0.15:
            # The definition stands twice at one level, with other values or with the same.
            made.append(found if random.random() < 0.3 else makers[1]())
    return made


def settings(random: Random, count: int | None = None) -> Rows:
    area = f"device_vendor_msft_policy_config_{word(random)}"

    def row(again: Random) -> dict[str, Any]:
        return {"id": Noise(word), "settingInstance": simple(again, f"{area}_new_{word(again)}")}

    found = instances(random, area, count or random.randint(2, 6), 2)
    return Rows([{"id": Noise(word), "settingInstance": instance} for instance in found], row)


def configuration_policy(random: Random) -> dict[str, Any]:
    return thing(
        random,
        random.choice((None, "deviceManagementConfigurationPolicy")),
        called="name",
        platforms="windows10",
        technologies=words(random, "mdm", "mdm,microsoftSense"),
        creationSource=Noise(word),
        settingCount=Noise(lambda again: again.randint(1, 99)),
        priorityMetaData=Noise(lambda again: {"priority": again.randint(1, 9)}),
        templateReference={"templateId": V(guid(random)), "templateFamily": words(random, "none", "baseline")},
        settings=settings(random),
    )


def action(random: Random) -> dict[str, Any]:
    return {
        "id": Noise(guid),
        "actionType": K(random.choice(("block", "notification", "retire"))),
        "gracePeriodHours": number(random),
        "notificationTemplateId": V(guid(random)) if random.random() < 0.5 else "00000000-0000-0000-0000-000000000000",
        "notificationMessageCCList": Nothing(),
    }


def scheduled(random: Random) -> Rows:
    actions = Rows([action(random) for _ in range(random.randint(1, 3))], action)
    return Rows([{"id": Noise(guid), "ruleName": Nothing(), "scheduledActionConfigurations": actions}])


def compliance_v2(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        called="name",
        platforms="linux",
        technologies="linuxMdm",
        settings=settings(random, 3),
        scheduledActionsForRule=scheduled(random),
    )


def reusable(random: Random) -> dict[str, Any]:
    definition = f"vendor_msft_firewall_{word(random)}"
    return thing(
        random,
        None,
        settingDefinitionId=K(definition),
        referencingConfigurationPolicyCount=Noise(lambda again: again.randint(0, 9)),
        settingInstance=random.choice((simple_rows, lambda r, d: group_rows(r, d, 1)))(random, definition),
    )
