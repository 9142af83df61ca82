"""Generates drift, waits for it by subscription, and fails where it found something new and severe.

    ATLAS_URL=https://atlas.example ATLAS_TOKEN=atlas_... python drift_gate.py --tenant contoso --key "$CI_RUN_ID"

Needs `pip install "gql[websockets]"` and a token of the role OPERATOR.
Exit codes: 0 nothing new of that severity, 1 there is, 2 the drift could not be generated.
"""

import argparse
import asyncio
import os
import sys
from typing import Any

from gql import Client, gql
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport

SCOPES = gql("""
    query Scopes($tenant: String!) {
      tenant(by: {name: $tenant}) { id scopes(first: 100) { nodes { key label } } }
    }
""")
GENERATE = gql("""
    mutation Generate($tenant: ID!, $scope: String!, $key: String!) {
      generateDrift(input: {tenantId: $tenant, scopeKey: $scope, idempotencyKey: $key}) {
        driftRun { id status }
        created
        errors { code message }
      }
    }
""")
FOLLOW = gql("""
    subscription Follow($run: ID!) {
      driftRun(id: $run) { status error { message } }
    }
""")
FOUND = gql("""
    query Found($run: ID!, $severity: [Severity!]!) {
      node(id: $run) {
        ... on DriftRun {
          findings(first: 100, filter: {status: [NEW], severity: $severity}, orderBy: SEVERITY_DESC) {
            nodes { fingerprint severity changeType severityReasons subject { itemType displayName } }
          }
        }
      }
    }
""")
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


async def gate(url: str, token: str, *, tenant: str, scope: str | None, key: str, severity: str) -> int:
    transport = WebsocketsTransport(
        url.replace("http", "ws", 1).rstrip("/") + "/graphql",
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        init_payload={"authorization": f"Bearer {token}"},
    )
    async with Client(transport=transport) as session:
        found = (await _asked(session, SCOPES, tenant=tenant))["tenant"]
        if found is None:
            return _failed(f"There is no tenant {tenant!r}, or the token is of no member of it.")
        labels = {one["key"]: one["label"] for one in found["scopes"]["nodes"]}
        keys = [one for one, label in labels.items() if scope in {None, one, label}]
        if len(keys) != 1:
            return _failed(f"Name one scope with --scope: {', '.join(sorted(labels.values())) or 'there is none yet'}.")
        asked = {"tenant": found["id"], "scope": keys[0], "key": key}
        answer = (await _asked(session, GENERATE, **asked))["generateDrift"]
        if answer["errors"]:
            return _failed(answer["errors"][0]["message"])
        ended = await _ended(session, answer["driftRun"])
        if ended["status"] != "SUCCEEDED":
            return _failed((ended.get("error") or {}).get("message") or f"The drift run is {ended['status']}.")
        least = SEVERITIES[SEVERITIES.index(severity) :]
        run = await _asked(session, FOUND, run=answer["driftRun"]["id"], severity=least)
        return _told(run["node"]["findings"]["nodes"], severity)


async def _ended(session: Any, run: dict[str, Any]) -> dict[str, Any]:
    """The run's last state. The subscription begins with the state as it is, and completes when the run has ended."""
    state = run
    request = FOLLOW
    request.variable_values = {"run": run["id"]}
    async for answer in session.subscribe(request):
        state = answer["driftRun"]
        print(f"drift run: {state['status']}", file=sys.stderr)
    return state


async def _asked(session: Any, document: Any, **variables: Any) -> dict[str, Any]:
    document.variable_values = variables
    answered: dict[str, Any] = await session.execute(document)
    return answered


def _told(findings: list[dict[str, Any]], severity: str) -> int:
    for one in findings:
        subject = one["subject"]
        print(
            f"{one['severity']:9} {one['changeType'] or 'DATA'} {subject['displayName']} ({subject['itemType']}):"
            f" {' '.join(one['severityReasons'])}"
        )
    print(f"{len(findings)} new findings of severity {severity} or more.", file=sys.stderr)
    return 1 if findings else 0


def _failed(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


def main() -> int:
    parser = argparse.ArgumentParser(description="Generates drift, and fails where it found something new and severe.")
    parser.add_argument("--tenant", required=True, help="the tenant's name")
    parser.add_argument("--scope", help="the scope's key or label, where there are several")
    parser.add_argument("--key", required=True, help="the idempotency key: the same for each attempt of one job")
    parser.add_argument("--severity", default="HIGH", choices=SEVERITIES, help="the least severity that fails the job")
    given = parser.parse_args()
    url, token = os.environ.get("ATLAS_URL", "http://127.0.0.1:8000"), os.environ.get("ATLAS_TOKEN")
    if not token:
        return _failed("Set ATLAS_TOKEN to a token of the role OPERATOR: `atlas token create`.")
    try:
        return asyncio.run(
            gate(url, token, tenant=given.tenant, scope=given.scope, key=given.key, severity=given.severity)
        )
    except (TransportError, OSError) as error:
        return _failed(f"Atlas at {url} did not answer: {error}")


if __name__ == "__main__":
    sys.exit(main())
