// PostGraphile 5 on Node's own server, over the tables of Atlas: `node postgraphile.cjs SETTING`. Prints its port.

const { createServer } = require("node:http");
const { postgraphile } = require("postgraphile");
const { PostGraphileAmberPreset } = require("postgraphile/presets/amber");
const { makePgService } = require("postgraphile/adaptors/pg");
const { grafserv } = require("postgraphile/grafserv/node");
const { pgSmartTags } = require("postgraphile/utils");
const { open } = require("./database.cjs");

const setting = JSON.parse(process.argv[2]);

// The two sides of this key would have one name, of which PostGraphile warns.
const named = pgSmartTags({ kind: "constraint", match: "rules_replaces", tags: { foreignFieldName: "replacedBy" } });

async function main() {
  const pool = open(setting.database);
  const instance = postgraphile({
    extends: [PostGraphileAmberPreset],
    plugins: [named],
    pgServices: [makePgService({ pool, schemas: ["atlas"] })],
    grafast: {
      // What the policies read, set anew in the transaction of each request.
      context: () => ({
        pgSettings: { "atlas.tenant_id": setting.tenant, "atlas.principal_id": setting.principal },
      }),
    },
    grafserv: { graphiql: false, graphqlPath: "/graphql" },
  });
  const server = createServer();
  await instance.createServ(grafserv).addTo(server);
  await instance.getSchema();
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

main();
