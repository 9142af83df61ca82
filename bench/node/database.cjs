// The connections of a server beside Atlas, and its transaction: read only, in the context of one principal.

const pg = require("pg");

const TIMESTAMPTZ = 1184;

/** Connections of the role that the URL of Atlas names, as many as the floor has. */
function open({ host, port, user, database }) {
  // Whoever prefers a Date of each time has it; text is what is cheapest to answer with.
  pg.types.setTypeParser(TIMESTAMPTZ, timeOf);
  return new pg.Pool({ host, port, user, database, min: 4, max: 10, idleTimeoutMillis: 0, options: "-c timezone=UTC" });
}

/** Begins in one message, as the floor does; `ended` commits and gives the connection back. */
async function begin(pool, { tenant, principal }) {
  const client = await pool.connect();
  await client.query(
    `begin read only; select set_config('atlas.tenant_id', '${tenant}', true),
     set_config('atlas.principal_id', '${principal}', true)`,
  );
  return client;
}

async function ended(client) {
  await client.query("commit");
  client.release();
}

/** `2026-11-01 08:00:00.5+00` as Atlas writes it: `2026-11-01T08:00:00.500000Z`. */
function timeOf(text) {
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(6, "0")}Z`;
}

module.exports = { open, begin, ended };
