"""`make bench`: everything that is measured, or one part of it (`make bench ARGS=drift`)."""

import argparse

from bench import documents, drift, graph, graphql, live, pages, service


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parts = parser.add_subparsers(dest="part", metavar="PART")
    beside = parts.add_parser("drift", help="Atlas beside other tools on the same readings")
    drift.options(beside)
    beside.set_defaults(run=drift.run)
    serving = parts.add_parser("service", help="what recording, generating and reading cost")
    service.options(serving)
    serving.set_defaults(run=service.run)
    reading = parts.add_parser("graph", help="memory and requests of reading a tenant from Microsoft Graph")
    graph.options(reading)
    reading.set_defaults(run=graph.run)
    asking = parts.add_parser("graphql", help="requests a second of one query, beside a hand-written floor")
    graphql.options(asking)
    asking.set_defaults(run=graphql.run)
    checking = parts.add_parser("documents", help="how long documents of nested fragments are looked at")
    checking.set_defaults(run=documents.run)
    reading_on = parts.add_parser("pages", help="a page deep in a list, of a large tenant, and among many tenants")
    pages.options(reading_on)
    reading_on.set_defaults(run=pages.run)
    hearing = parts.add_parser("live", help="how soon an event reaches thousands of subscribers, and what each costs")
    live.options(hearing)
    hearing.set_defaults(run=live.run)
    given = parser.parse_args()
    if given.part is None:
        drift.run(parser.parse_args(["drift"]))
        documents.run(given)
        graph.run(parser.parse_args(["graph"]))
        graphql.run(parser.parse_args(["graphql"]))
        pages.run(parser.parse_args(["pages"]))
        live.run(parser.parse_args(["live"]))
        given = parser.parse_args(["service"])
    given.run(given)


if __name__ == "__main__":
    main()
