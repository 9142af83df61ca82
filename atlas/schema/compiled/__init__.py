"""Operations that are read by one statement and encoded from its rows; all others are graphql-core's."""
