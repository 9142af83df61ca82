// What a Relay application would declare: a list that pages and refetches itself, a mutation and a subscription on it.

import { graphql } from "relay-runtime";

export const list = graphql`
  fragment FindingList_tenant on Tenant
  @refetchable(queryName: "FindingListPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    name
    findings(first: $count, after: $cursor, orderBy: SEVERITY_DESC) @connection(key: "FindingList_findings") {
      edges { node { id severity status version subject { displayName } } }
    }
  }
`;

export const query = graphql`
  query FindingListQuery($name: String!) {
    tenant(by: { name: $name }) { id ...FindingList_tenant }
  }
`;

export const acknowledge = graphql`
  mutation FindingListAcknowledgeMutation($input: AcknowledgeFindingInput!) {
    acknowledgeFinding(input: $input) {
      finding { id status version }
      errors { code message }
    }
  }
`;

export const activity = graphql`
  subscription FindingListActivitySubscription($tenant: ID!, $after: String) {
    activity(tenantId: $tenant, after: $after) { cursor finding { id status version } }
  }
`;
