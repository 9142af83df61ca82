"""Severity of conditional access: whom and what a policy covers, and what it asks for."""

import pytest

from atlas.domain.vocabulary import Severity
from tests.domain import graph
from tests.domain.test_severity import judged


def policy(**more):
    return {"id": "1", "displayName": "MFA", "state": "enabled", **more}


def covering(family, **lists):
    return policy(conditions={family: lists})


def asking(*controls, operator="OR", **more):
    return policy(grantControls={"operator": operator, "builtInControls": list(controls), **more})


STRENGTH = {"authenticationStrength": {"id": graph.GROUP, "displayName": "Phishing-resistant"}}
GUESTS = {"guestOrExternalUserTypes": "internalGuest", "externalTenants": {"membershipKind": "all"}}


@pytest.mark.parametrize(
    ("family", "before", "after", "severity", "reason"),
    [
        ("users", {}, {"excludeUsers": [graph.GROUP]}, "HIGH", "An exclusion of users was added"),
        ("users", {}, {"excludeGroups": [graph.GROUP]}, "HIGH", "An exclusion of users was added"),
        ("users", {}, {"excludeRoles": [graph.GROUP]}, "HIGH", "An exclusion of users was added"),
        ("users", {}, {"excludeGuestsOrExternalUsers": GUESTS}, "HIGH", "An exclusion of users was added"),
        ("users", {"excludeGroups": [graph.GROUP]}, {}, "MEDIUM", "An exclusion of users was taken out"),
        ("users", {"excludeGroups": ["a"]}, {"excludeGroups": ["b"]}, "HIGH", "An exclusion of users changed"),
        ("applications", {}, {"excludeApplications": ["Office365"]}, "HIGH", "An exclusion of apps was added"),
        ("locations", {}, {"excludeLocations": ["AllTrusted"]}, "HIGH", "An exclusion of locations was added"),
        ("platforms", {}, {"excludePlatforms": ["iOS"]}, "HIGH", "An exclusion of platforms was added"),
        ("users", {"includeUsers": ["All"]}, {"includeUsers": ["None"]}, "CRITICAL", "covers no users now"),
        ("users", {"includeUsers": ["All"]}, {"includeGroups": ["a"]}, "HIGH", "no longer all users"),
        ("users", {"includeGroups": ["a"]}, {"includeUsers": ["All"]}, "HIGH", "covers all users now"),
        ("users", {"includeGroups": ["a"]}, {"includeGroups": ["a", "b"]}, "MEDIUM", "covers more users"),
        ("users", {"includeGroups": ["a", "b"]}, {"includeGroups": ["a"]}, "HIGH", "covers fewer users"),
        ("users", {"includeGroups": ["b"]}, {"includeGroups": ["a"]}, "HIGH", "covers other users"),
        ("users", {"includeGroups": ["a"]}, {"includeGuestsOrExternalUsers": GUESTS}, "HIGH", "covers other users"),
        (
            "applications",
            {"includeApplications": ["All"]},
            {"includeApplications": ["None"]},
            "CRITICAL",
            "no apps now",
        ),
        ("locations", {"includeLocations": ["a"]}, {}, "HIGH", "covers all locations now"),
        ("platforms", {}, {"includePlatforms": ["iOS"]}, "HIGH", "no longer all platforms"),
        ("platforms", {}, {"includePlatforms": ["all"]}, "HIGH", "was added"),
    ],
)
def test_what_a_policy_covers_is_told_as_breadth(family, before, after, severity, reason):
    found = judged(covering(family, **before), covering(family, **after), "conditionalAccessPolicy")
    assert found.severity == severity
    assert any(reason in told for told in found.reasons), found.reasons
    assert graph.GROUP not in str(found)


PRINCIPAL, ANOTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ALL_PRINCIPALS = "ServicePrincipalsInMyTenant"


@pytest.mark.parametrize(
    ("before", "after", "severity", "reason"),
    [
        ({"includeServicePrincipals": [ALL_PRINCIPALS]}, None, "CRITICAL", "covers no workload identities now"),
        ({"includeServicePrincipals": [PRINCIPAL]}, {}, "CRITICAL", "covers no workload identities now"),
        (
            {"includeServicePrincipals": [ALL_PRINCIPALS]},
            {"includeServicePrincipals": [PRINCIPAL]},
            "HIGH",
            "no longer all workload identities",
        ),
        (None, {"includeServicePrincipals": [ALL_PRINCIPALS]}, "HIGH", "covers all workload identities now"),
        (
            {"includeServicePrincipals": [PRINCIPAL]},
            {"includeServicePrincipals": [PRINCIPAL, ANOTHER]},
            "MEDIUM",
            "covers more workload identities",
        ),
        (
            {"includeServicePrincipals": [PRINCIPAL, ANOTHER]},
            {"includeServicePrincipals": [PRINCIPAL]},
            "HIGH",
            "covers fewer workload identities",
        ),
        (
            {"includeServicePrincipals": [ALL_PRINCIPALS]},
            {"includeServicePrincipals": [ALL_PRINCIPALS], "excludeServicePrincipals": [PRINCIPAL]},
            "HIGH",
            "An exclusion of workload identities was added",
        ),
        (
            {"includeServicePrincipals": [ALL_PRINCIPALS], "excludeServicePrincipals": [PRINCIPAL]},
            {"includeServicePrincipals": [ALL_PRINCIPALS]},
            "MEDIUM",
            "An exclusion of workload identities was taken out",
        ),
    ],
)
def test_what_a_policy_covers_of_workload_identities_is_told_as_breadth(before, after, severity, reason):
    ends = [policy(conditions={"clientApplications": one}) for one in (before, after)]
    found = judged(*ends, "conditionalAccessPolicy")
    assert (found.severity, [told for told in found.reasons if reason in told] != []) == (severity, True), found.reasons
    assert PRINCIPAL not in str(found)


RISKS = {
    "signInRiskLevels": "sign-in risks",
    "userRiskLevels": "user risks",
    "servicePrincipalRiskLevels": "risks of workload identities",
    "clientAppTypes": "kinds of client apps",
}


@pytest.mark.parametrize(("name", "words"), RISKS.items())
@pytest.mark.parametrize(
    ("before", "after", "severity", "told"),
    [
        (["high"], ["high", "medium"], "MEDIUM", "covers more"),
        (["medium", "high"], ["high"], "HIGH", "covers fewer"),
        (["high"], ["medium"], "HIGH", "covers other"),
        ([], ["high"], "HIGH", "covers no longer all"),
        (["high"], [], "HIGH", "covers all"),
        (["high"], None, "HIGH", "covers all"),
        (["high"], ["high", "none"], "MEDIUM", "covers more"),
    ],
)
def test_the_risks_that_a_policy_is_for_are_told_as_breadth(name, words, before, after, severity, told):
    ends = [policy(conditions={name: one}) for one in (before, after)]
    found = judged(*ends, "conditionalAccessPolicy")
    now = " now" if told == "covers all" else ""
    assert (found.severity, found.reasons) == (severity, (f"A conditional access rule {told} {words}{now}.",))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("moderate,elevated", "elevated", "covers fewer"),
        ("elevated", "moderate,elevated", "covers more"),
        (None, "elevated", "covers no longer all"),
    ],
)
@pytest.mark.parametrize(
    ("name", "words"), [("insiderRiskLevels", "insider risks"), ("agentIdRiskLevels", "risks of agents")]
)
def test_risks_in_one_text_are_told_one_by_one(name, words, before, after, told):
    ends = [policy(conditions={name: one}) for one in (before, after)]
    found = judged(*ends, "conditionalAccessPolicy")
    assert found.reasons == (f"A conditional access rule {told} {words}.",)


def test_all_kinds_of_client_apps_are_as_many_as_where_none_is_named():
    ends = [policy(conditions={"clientAppTypes": one}) for one in (["all"], ["browser"])]
    assert judged(*ends, "conditionalAccessPolicy").reasons == (
        "A conditional access rule covers no longer all kinds of client apps.",
    )
    assert judged(*ends[::-1], "conditionalAccessPolicy").reasons == (
        "A conditional access rule covers all kinds of client apps now.",
    )


@pytest.mark.parametrize(
    ("before", "after", "severity", "reason"),
    [
        (asking("mfa"), asking(), "CRITICAL", "became weaker"),
        (asking("mfa"), policy(), "CRITICAL", "became weaker"),
        (asking(), asking("mfa"), "MEDIUM", "became stronger"),
        (asking("mfa", "approvedApplication", operator="AND"), asking("mfa", operator="AND"), "CRITICAL", "weaker"),
        (asking("mfa", "compliantDevice"), asking("compliantDevice"), "MEDIUM", "stronger"),
        (asking("compliantDevice"), asking("mfa", "compliantDevice"), "CRITICAL", "weaker"),
        (asking("mfa", "compliantDevice"), asking("mfa", "compliantDevice", operator="AND"), "MEDIUM", "stronger"),
        (asking("mfa", "compliantDevice", operator="AND"), asking("mfa", "compliantDevice"), "CRITICAL", "weaker"),
        (asking("mfa"), asking("mfa", operator="AND"), "HIGH", "changed"),
        (asking("mfa"), asking("compliantDevice"), "HIGH", "changed"),
        (asking("mfa"), asking(**STRENGTH), "HIGH", "was added"),
        (asking("mfa", **STRENGTH, operator="AND"), asking("mfa", operator="AND"), "CRITICAL", "weaker"),
        (asking("block"), asking("mfa"), "CRITICAL", "weaker"),
        (asking("mfa"), asking("block"), "MEDIUM", "stronger"),
    ],
)  # fmt: skip
def test_what_a_policy_asks_for_has_a_direction(before, after, severity, reason):
    found = judged(before, after, "conditionalAccessPolicy")
    assert found.severity == severity, found.reasons
    assert any(reason in told for told in found.reasons), found.reasons


def test_a_control_of_the_session_that_is_switched_off_is_weaker_and_a_kept_sign_in_is_not_known():
    def session(name, value):
        return policy(sessionControls={name: {"isEnabled": value}})

    off = judged(session("signInFrequency", True), session("signInFrequency", False), "conditionalAccessPolicy")
    assert off.severity is Severity.CRITICAL
    kept = judged(session("persistentBrowser", True), session("persistentBrowser", False), "conditionalAccessPolicy")
    assert kept.severity is Severity.HIGH
