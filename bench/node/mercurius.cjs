// Mercurius on Fastify, its JIT on, over SQL by hand: `node mercurius.cjs SETTING joined|loaders`. Prints its port.
//
// With one statement that joins, or with loaders of Mercurius for the scopes and the runs of a page's findings; either
// way in one transaction a request.

const fastify = require("fastify");
const mercurius = require("mercurius");
const { open, begin, ended } = require("./database.cjs");

const setting = JSON.parse(process.argv[2]);
const loading = process.argv[3] === "loaders";
const pool = open(setting.database);
const bare = setting.tenant.replaceAll("-", "");

const SCHEMA = `
  scalar DateTime
  enum FindingKind { DRIFT DATA_QUALITY }
  enum ChangeType { ADDED REMOVED MODIFIED }
  enum Severity { INFORMATIONAL LOW MEDIUM HIGH CRITICAL }
  enum FindingStatus { NEW ACKNOWLEDGED RESOLVED }
  enum SyncRunStatus { QUEUED RUNNING SUCCEEDED PARTIAL FAILED NEEDS_CONFIRMATION }
  input TenantBy { id: ID }
  type Query { tenant(by: TenantBy!): Tenant }
  type Tenant { findings(first: Int!): FindingConnection! }
  type FindingConnection { nodes: [Finding!]! }
  type Scope { key: String! label: String! }
  type SyncRun { sequence: Int status: SyncRunStatus! finishedAt: DateTime }
  type Finding {
    id: ID! kind: FindingKind! fingerprint: String! changeType: ChangeType severity: Severity!
    severityReasons: [String!]! status: FindingStatus! isCurrent: Boolean! changeCount: Int! firstSeenAt: DateTime!
    lastSeenAt: DateTime! version: Int! scope: Scope! currentRun: SyncRun!
  }
`;

const COLUMNS = `
  f.id, f.kind, f.fingerprint, f.change_type as "changeType", f.severity, f.severity_reasons as "severityReasons",
  f.status, f.is_current as "isCurrent", f.change_count as "changeCount", f.first_seen_at as "firstSeenAt",
  f.last_seen_at as "lastSeenAt", f.version`;
const WHICH = `
  f.tenant_id = $1 and (f.suppressed_by is null or f.suppressed_until <= now())
  order by f.last_seen_at desc, f.id desc limit $2`;
const JOINED = {
  name: "joined",
  text: `select ${COLUMNS}, s.key, s.label, r.seq, r.status as "runStatus", r.finished_at as "finishedAt"
    from atlas.findings f
    join atlas.scopes s on s.tenant_id = $1 and s.id = f.scope_id
    join atlas.sync_runs r on r.tenant_id = $1 and r.id = f.current_run_id
    where ${WHICH}`,
};
const ALONE = {
  name: "alone",
  text: `select ${COLUMNS}, f.scope_id as "scopeId", f.current_run_id as "runId" from atlas.findings f where ${WHICH}`,
};
const SCOPES = { name: "scopes", text: "select id, key, label from atlas.scopes where tenant_id = $1 and id = any($2)" };
const RUNS = {
  name: "runs",
  text: `select id, seq as sequence, status, finished_at as "finishedAt" from atlas.sync_runs
    where tenant_id = $1 and id = any($2)`,
};

const globalId = ({ id }) => Buffer.from(`Finding:${bare}:${id.replaceAll("-", "")}`).toString("base64url");
const page = async (client, statement, first) =>
  (await client.query({ ...statement, values: [setting.tenant, first + 1] })).rows.slice(0, first);

async function joined(_tenant, { first }) {
  const client = await begin(pool, setting);
  try {
    const rows = await page(client, JOINED, first);
    for (const row of rows) {
      row.scope = { key: row.key, label: row.label };
      row.currentRun = { sequence: row.seq, status: row.runStatus, finishedAt: row.finishedAt };
    }
    return { nodes: rows };
  } finally {
    await ended(client);
  }
}

/** The transaction stays open for the loaders, and ends when all is resolved. */
async function alone(_tenant, { first }, context) {
  context.client = await begin(pool, setting);
  return { nodes: await page(context.client, ALONE, first) };
}

/** A loader of the rows that `column` of the findings names, each once. */
function loader(statement, column) {
  return async (asked, { client }) => {
    const ids = [...new Set(asked.map(({ obj }) => obj[column]))];
    const { rows } = await client.query({ ...statement, values: [setting.tenant, ids] });
    const found = new Map(rows.map((row) => [row.id, row]));
    return asked.map(({ obj }) => found.get(obj[column]));
  };
}

async function main() {
  const app = fastify({ logger: false });
  app.register(mercurius, {
    schema: SCHEMA,
    jit: 1,
    graphiql: false,
    resolvers: {
      Query: { tenant: () => ({}) },
      Tenant: { findings: loading ? alone : joined },
      Finding: { id: globalId },
    },
    ...(loading && { loaders: { Finding: { scope: loader(SCOPES, "scopeId"), currentRun: loader(RUNS, "runId") } } }),
  });
  await app.ready();
  if (loading) app.graphql.addHook("onResolution", async (_execution, { client }) => client && ended(client));
  await app.listen({ host: "127.0.0.1", port: 0 });
  console.log(app.server.address().port);
}

main();
