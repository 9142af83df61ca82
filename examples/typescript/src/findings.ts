// Prints a tenant's open findings, the most severe first, page by page.
//
//     ATLAS_URL=https://atlas.example ATLAS_TOKEN=atlas_... node src/findings.ts contoso

import { ask, tenantNamed } from "./client.ts";
import type { OpenFindingsQuery } from "./gql/graphql.ts";
import { graphql } from "./gql/index.ts";

const OPEN = graphql(`
  query OpenFindings($tenant: String!, $after: String) {
    tenant(by: { name: $tenant }) {
      findings(first: 50, after: $after, filter: { status: [NEW], isCurrent: true }, orderBy: SEVERITY_DESC) {
        nodes {
          id
          severity
          severityReasons
          changeType
          subject { itemType displayName }
          changes(first: 3) { label before { value redacted } after { value redacted } }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

const tenant = tenantNamed();
let after: string | null | undefined = null;
let count = 0;
do {
  const answer: OpenFindingsQuery = await ask(OPEN, { tenant, after });
  if (!answer.tenant) throw new Error(`There is no tenant ${tenant}, or the token is of no member of it.`);
  const { nodes, pageInfo } = answer.tenant.findings;
  for (const { severity, changeType, subject, severityReasons } of nodes) {
    console.log([severity, changeType ?? "-", subject.itemType, subject.displayName, severityReasons.join(" ")].join("\t"));
  }
  count += nodes.length;
  after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
} while (after);
console.error(`${count} open findings`);
