// The audits of GraphQL over HTTP, by graphql-http, as JSON: audit.js URL TOKEN. It lies beside its node_modules.

import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);
const authorization = `Bearer ${token}`;
const fetchFn = (asked, options = {}) => fetch(asked, { ...options, headers: { ...options.headers, authorization } });
const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
