// Asks Atlas: typed documents over POST, and subscriptions over a WebSocket or, where none gets through, an event stream.

import { createClient as createEventStream } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";
import type { TypedDocumentString } from "./gql/graphql.ts";

const base = process.env.ATLAS_URL ?? "http://127.0.0.1:8000";
const token = process.env.ATLAS_TOKEN ?? "";
const authorization = `Bearer ${token}`;
// Where the documents are registered (`atlas documents load src/gql/persisted-documents.json`), their ids are enough.
const registered = process.env.ATLAS_DOCUMENTS === "registered";

type Document<Result, Variables> = TypedDocumentString<Result, Variables>;

export function tenantNamed(): string {
  const [name] = process.argv.slice(2);
  if (!name) throw new Error("Name the tenant.");
  return name;
}

/** The data of a query or mutation; throws where there are errors beside or instead of it. */
export async function ask<Result, Variables>(document: Document<Result, Variables>, variables: Variables): Promise<Result> {
  const response = await fetch(`${base}/graphql`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ ...named(document), variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Result; errors?: { message: string }[] };
  if (errors?.length || !data) throw new Error(errors?.[0]?.message ?? `Atlas answered ${response.status}.`);
  return data;
}

/** What a subscription tells, until it completes. It is asked anew after a connection was lost. */
export async function* follow<Result, Variables extends Record<string, unknown>>(
  document: Document<Result, Variables>,
  variables: Variables,
): AsyncGenerator<Result> {
  const client =
    process.env.ATLAS_STREAM === "sse"
      ? createEventStream({ url: `${base}/graphql`, headers: { authorization } })
      : createSocket({ url: `${base.replace("http", "ws")}/graphql`, connectionParams: { authorization } });
  try {
    for await (const { data, errors } of client.iterate<Result>({ query: document.toString(), variables })) {
      if (errors?.length || !data) throw new Error(errors?.[0]?.message ?? "The subscription told nothing.");
      yield data;
    }
  } finally {
    client.dispose();
  }
}

function named(document: Document<unknown, never>): { documentId: string } | { query: string } {
  const hash = document.__meta__?.hash;
  return registered && typeof hash === "string" ? { documentId: hash } : { query: document.toString() };
}
