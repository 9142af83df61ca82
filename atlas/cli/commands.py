"""All commands of `atlas`, joined."""

from typing import Annotated

import typer

from atlas.cli import (
    audits,
    connections,
    database,
    demo,
    doctor,
    documents,
    drift,
    findings,
    graph_probe,
    keys,
    prune,
    rules,
    schedules,
    schema,
    serving,
    syncs,
    tenants,
    tokens,
)

app = typer.Typer(
    name="atlas",
    help="What changed in a Microsoft 365/Intune tenant, whether that is all right, and who said so.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from atlas import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What changed in a Microsoft 365/Intune tenant, whether that is all right, and who said so."""


app.command("demo")(demo.demo)
app.command("up")(serving.up)
app.command("down")(serving.down)
app.command("api")(serving.api)
app.command("worker")(serving.worker)
app.add_typer(tenants.app, name="tenant")
app.add_typer(syncs.app, name="sync")
app.add_typer(schedules.app, name="schedule")
app.command("drift")(drift.drift)
app.command("prune")(prune.prune)
app.command("findings")(findings.findings)
app.command("ack")(findings.ack)
app.add_typer(rules.app, name="rule")
app.add_typer(tokens.app, name="token")
app.add_typer(audits.app, name="audit")
app.add_typer(connections.app, name="graph")
connections.app.command("probe")(graph_probe.probe)
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="db")
app.add_typer(documents.app, name="documents")
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor)
