// GraphiQL over /graphql, with the token of the console and examples to begin with.

const { React, ReactDOM, GraphiQL, graphqlWs } = window;
const $ = (id) => document.getElementById(id);
const KEPT = "atlas.token";

const FIRST = `{
  tenants(first: 1, orderBy: NAME_ASC) { nodes { id name scopes(first: 1) { nodes { key } } } }
}`;

async function ask(token, query) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

// A tab for each example, which begins with a comment; its variables name the first tenant there is.
async function examples(token) {
  const { tenants } = await ask(token, FIRST);
  const [tenant] = tenants.nodes;
  const known = { name: tenant?.name, tenant: tenant?.id, scope: tenant?.scopes.nodes[0]?.key, reason: "" };
  const text = await (await fetch("/console/examples.graphql")).text();
  return text.trim().split(/\n+(?=# )/).map((query) => {
    const asked = [...query.matchAll(/\$(\w+):/g)].map(([, name]) => [name, known[name] ?? ""]);
    return { query, variables: asked.length ? JSON.stringify(Object.fromEntries(asked), null, 2) : undefined };
  });
}

async function enter(token) {
  const defaultTabs = await examples(token);
  sessionStorage.setItem(KEPT, token);
  const socket = new URL("/graphql", location.href);
  socket.protocol = socket.protocol.replace("http", "ws");
  const fetcher = GraphiQL.createFetcher({
    url: "/graphql",
    headers: { authorization: `Bearer ${token}` },
    wsClient: graphqlWs.createClient({ url: socket.href, connectionParams: { token } }),
    enableIncrementalDelivery: false,
  });
  ReactDOM.render(React.createElement(GraphiQL, { fetcher, defaultTabs, shouldPersistHeaders: false }), $("graphiql"));
}

async function attempt(token) {
  try {
    await enter(token);
    $("enter").hidden = true;
  } catch (error) {
    sessionStorage.removeItem(KEPT);
    $("enter").hidden = false;
    $("message").textContent = error.message;
  }
}

$("enter").onsubmit = (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  $("token").value = "";
  attempt(token);
};
const kept = sessionStorage.getItem(KEPT);
if (kept) attempt(kept);
else $("enter").hidden = false;
