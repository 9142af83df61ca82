// The console: tenants, scopes with their drift, and the newest findings, all through /graphql.
// Text of the server is only ever set as textContent.

const $ = (id) => document.getElementById(id);
const KEPT = "atlas.token";

const VIEWER = `{
  viewer { principal { displayName } }
  tenants(first: 50, orderBy: NAME_ASC) { nodes { id name viewerRole } }
}`;

const TENANT = `query ($id: ID!) {
  tenant(by: { id: $id }) {
    activityCursor
    scopes(first: 20) {
      nodes {
        id label key
        baseline { mode pinnedRun { sequence } }
        drift { state ungeneratedRuns counts(by: [STATUS]) { status count } }
      }
    }
    findings(first: 25, orderBy: LAST_SEEN_AT_DESC) {
      nodes { id severity status changeType kind changeCount lastSeenAt subject { itemType displayName } }
    }
  }
}`;

const ACTIVITY = `subscription ($tenant: ID!, $after: String) {
  activity(tenantId: $tenant, after: $after) { cursor }
}`;

let token = sessionStorage.getItem(KEPT);
let socket = null;
let current = null;

async function ask(query, variables = {}) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors) {
    const [error] = answer.errors;
    if (error.extensions?.code === "UNAUTHENTICATED") leave();
    throw new Error(error.message);
  }
  return answer.data;
}

function say(text) { $("message").textContent = text; }

function row(cells) {
  const line = document.createElement("tr");
  for (const { text, small, kind } of cells) {
    const cell = line.insertCell();
    cell.textContent = text ?? "";
    if (kind) cell.className = kind;
    if (small) {
      const more = document.createElement("small");
      more.textContent = small;
      cell.append(more);
    }
  }
  return line;
}

function scopeRow({ label, key, baseline, drift }) {
  const open = drift.counts.filter((c) => c.status === "NEW").reduce((sum, c) => sum + c.count, 0);
  const pinned = baseline.mode === "PINNED" ? `pinned to run ${baseline.pinnedRun?.sequence ?? "?"}` : "previous run";
  const waiting = drift.ungeneratedRuns > 0 ? `${drift.ungeneratedRuns} run(s) not generated` : "";
  return row([
    { text: label, small: `${key.slice(0, 15)}…` },
    { text: pinned },
    { text: drift.state.replaceAll("_", " ").toLowerCase(), small: waiting, kind: drift.state },
    { text: String(open), kind: "number" },
  ]);
}

function findingRow({ severity, status, changeType, kind, changeCount, lastSeenAt, subject }) {
  return row([
    { text: severity.toLowerCase(), kind: severity },
    { text: status.toLowerCase() },
    { text: (changeType ?? kind).replaceAll("_", " ").toLowerCase() },
    { text: subject.displayName, small: subject.itemType },
    { text: String(changeCount), kind: "number" },
    { text: new Date(lastSeenAt).toLocaleString() },
  ]);
}

async function show(tenant) {
  current = tenant.id;
  for (const button of $("tenants").children) {
    button.setAttribute("aria-pressed", String(button.dataset.id === tenant.id));
  }
  const cursor = await refresh();
  if (cursor) watch(tenant.id, cursor);
}

async function refresh() {
  const asked = current;
  const { tenant } = await ask(TENANT, { id: asked });
  if (asked !== current) return null;
  if (!tenant) {
    say("This tenant is gone, or you are no member of it any more.");
    return null;
  }
  $("scopes").replaceChildren(...tenant.scopes.nodes.map(scopeRow));
  $("findings").replaceChildren(...tenant.findings.nodes.map(findingRow));
  $("scopes-section").hidden = $("findings-section").hidden = false;
  say(tenant.scopes.nodes.length ? "" : "Nothing has been synced yet.");
  return tenant.activityCursor;
}

// Several events in a row cost one refresh.
let pending = null;
function soon() {
  pending ??= setTimeout(async () => {
    pending = null;
    try { await refresh(); } catch (error) { say(error.message); }
  }, 250);
}

function watch(tenantId, after, attempt = 0) {
  socket?.close(1000);
  const url = new URL("/graphql", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const mine = (socket = new WebSocket(url, "graphql-transport-ws"));
  const send = (message) => mine.send(JSON.stringify(message));
  mine.onopen = () => send({ type: "connection_init", payload: { token } });
  mine.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "connection_ack") {
      attempt = 0;
      send({ id: "1", type: "subscribe", payload: { query: ACTIVITY, variables: { tenant: tenantId, after } } });
    } else if (message.type === "ping") {
      send({ type: "pong" });
    } else if (message.type === "next" && message.payload.data) {
      after = message.payload.data.activity.cursor;
      soon();
    } else if (message.type === "next" || message.type === "error") {
      const errors = message.payload.errors ?? message.payload;
      if (errors[0]?.extensions?.code === "CURSOR_EXPIRED") after = null;
      else say(errors[0]?.message ?? "The live view has ended.");
      soon();
      if (message.type === "error") mine.close(1000);
    } else if (message.type === "complete") {
      mine.close(1000);
    }
  };
  mine.onclose = ({ code }) => {
    if (mine !== socket || current !== tenantId || !token) return;
    if (code === 4401) return leave("The token does not hold any more.");
    setTimeout(() => {
      if (mine === socket && current === tenantId && token) watch(tenantId, after, attempt + 1);
    }, Math.min(30_000, 500 * 2 ** attempt));
  };
}

async function enter() {
  try {
    const { viewer, tenants } = await ask(VIEWER);
    $("enter").hidden = true;
    $("leave").hidden = false;
    $("viewer").textContent = viewer.principal.displayName;
    $("tenants").replaceChildren(...tenants.nodes.map((tenant) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.id = tenant.id;
      button.textContent = tenant.name;
      button.title = tenant.viewerRole.toLowerCase();
      button.onclick = () => show(tenant).catch((error) => say(error.message));
      return button;
    }));
    say(tenants.nodes.length ? "" : "You are no member of a tenant.");
    if (tenants.nodes.length) await show(tenants.nodes[0]);
  } catch (error) {
    say(error.message);
  }
}

function leave(reason = "") {
  token = current = null;
  sessionStorage.removeItem(KEPT);
  socket?.close(1000);
  for (const id of ["tenants", "scopes", "findings"]) $(id).replaceChildren();
  $("scopes-section").hidden = $("findings-section").hidden = $("leave").hidden = true;
  $("viewer").textContent = "";
  $("enter").hidden = false;
  say(reason);
}

$("leave").onclick = () => leave();
$("enter").onsubmit = (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  sessionStorage.setItem(KEPT, token);
  enter();
};
if (token) enter();
else leave();
