"""The executor: graphql-core's, with generated code for lists of objects whose fields need no resolver."""
