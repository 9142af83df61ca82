"""The policy lint: what of this database's catalogue would let one tenant see or touch another's."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store import snapshot
from atlas.store.lint_rules import RULES

# Lines of the kept catalogue that decide about rights. A column or an index more is no danger: `atlas db check` tells.
GUARDS = ("relation ", "policy ", "function ", "trigger ")
WIDER_GRANT = "grant that this release does not make"
CHANGED_GUARD = "policy, function, trigger or table unlike this release's"


@dataclass(frozen=True, slots=True)
class Offence:
    """An object that breaks a rule, and what to do about it."""

    rule: str
    object: str
    mend: str


async def lint(connection: AsyncConnection) -> list[Offence]:
    """Every offence, in the order of the rules; an untouched database has none.

    Reads catalogues only, so that every role can run it: atlas_api, atlas_worker, atlas_sweeper and atlas_owner.
    """
    offences: list[Offence] = []
    for rule in RULES:
        rows = await connection.exec_driver_sql(rule.sql)
        offences += [
            Offence(rule.name, found, rule.mend) for found in sorted(rows.scalars()) if found not in rule.exceptions
        ]
    return offences + await _unlike_the_release(connection)


async def _unlike_the_release(connection: AsyncConnection) -> list[Offence]:
    """Compares what decides about rights with the kept catalogue: a grant too wide, a policy that was changed."""
    kept = set(snapshot.kept_lines())
    there = await snapshot.describe(connection)
    wider = [line for line in there if line.startswith("grant ") and line not in kept]
    mend = "Undo it by hand as atlas_owner, or make it a migration and keep its snapshot."
    return [
        *(Offence(WIDER_GRANT, line, mend) for line in wider),
        *(Offence(CHANGED_GUARD, line, mend) for line in _changed(there, kept)),
    ]


def _changed(there: Iterable[str], kept: set[str]) -> list[str]:
    """`+ line` is in the database and not in the release, `- line` the other way round."""
    here = {line for line in there if line.startswith(GUARDS)}
    wanted = {line for line in kept if line.startswith(GUARDS)}
    return [*(f"+ {line}" for line in sorted(here - wanted)), *(f"- {line}" for line in sorted(wanted - here))]
