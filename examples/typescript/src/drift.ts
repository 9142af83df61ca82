// Generates a scope's drift and shows the run as it goes; ends with 1 where it fails.
//
//     ATLAS_URL=https://atlas.example ATLAS_TOKEN=atlas_... node src/drift.ts contoso [scope]

import { ask, follow, tenantNamed } from "./client.ts";
import { graphql } from "./gql/index.ts";
import type { FollowSubscription } from "./gql/graphql.ts";

const SCOPES = graphql(`
  query Scopes($tenant: String!) {
    tenant(by: { name: $tenant }) { id scopes(first: 100) { nodes { key label } } }
  }
`);

const GENERATE = graphql(`
  mutation Generate($tenant: ID!, $scope: String!) {
    generateDrift(input: { tenantId: $tenant, scopeKey: $scope }) {
      driftRun { id }
      errors { code message }
    }
  }
`);

const FOLLOW = graphql(`
  subscription Follow($run: ID!) {
    driftRun(id: $run) {
      status
      progress { done total }
      counts { added removed modified findingsNew findingsResolved }
      error { message }
    }
  }
`);

const name = tenantNamed();
const wanted = process.argv[3];
const { tenant } = await ask(SCOPES, { tenant: name });
if (!tenant) throw new Error(`There is no tenant ${name}, or the token is of no member of it.`);
const scope = tenant.scopes.nodes.find(({ key, label }) => !wanted || key === wanted || label === wanted);
if (!scope) throw new Error(`The tenant has no scope ${wanted ?? "yet"}.`);

const { generateDrift } = await ask(GENERATE, { tenant: tenant.id, scope: scope.key });
if (!generateDrift.driftRun) throw new Error(generateDrift.errors[0]?.message);

let last: FollowSubscription["driftRun"] | undefined;
for await (const { driftRun } of follow(FOLLOW, { run: generateDrift.driftRun.id })) {
  last = driftRun;
  const { status, progress, counts } = driftRun;
  const told = counts ? `${counts.findingsNew} new, ${counts.findingsResolved} resolved` : progress ? `${progress.done} of ${progress.total}` : "";
  console.log(`${scope.label}\t${status}\t${told}`);
}
if (last?.status !== "SUCCEEDED") {
  console.error(last?.error?.message ?? "The run was not followed to its end.");
  process.exitCode = 1;
}
