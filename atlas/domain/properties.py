"""What the profiles say of one property: is it dropped, hidden, shown, and what its rows are."""

import re
from dataclasses import dataclass
from functools import lru_cache

from atlas.domain.enumerations import ENUMERATION_SHAPE
from atlas.domain.paths import escape
from atlas.domain.profile_tables import SHOWN_SHAPE, Tables
from atlas.domain.profiles import Profile


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """What is known of a property by its name, in the objects of one item type.

    `is_link` says that it names another object by its address, `by_path` that the rules may say more where its path
    is known. `shown` is the shape of text that may be shown, None where none may. `ordered`, `rows_named_by` and
    `salts_rows` are about the rows of an array; `hides` and `keeps` name properties of what stands in it.
    """

    name: str
    segment: str
    dropped: bool
    is_link: bool
    secret: bool
    secret_number: bool
    shown: re.Pattern[str] | None
    by_path: bool
    ordered: bool
    salts_rows: bool
    empty_guid_means_none: bool
    rows_named_by: tuple[tuple[str, ...], ...]
    hides: frozenset[str]
    keeps: frozenset[str] | None


# A property is asked for at every place where it stands. The bound is for names that an export makes up.
@lru_cache(maxsize=16_384)
def property_of(profile: Profile, name: str) -> Property:
    """All that the rules say of a property that is called so."""
    lowered, tables = name.lower(), profile.tables
    return Property(
        name=name,
        segment=name if name == "@odata.type" else escape(name),
        dropped=_is_dropped(tables, name),
        is_link=name.endswith("@odata.bind"),
        secret=lowered in tables.secret_properties or lowered.startswith(tables.secret_prefixes),
        secret_number=opens_something(tables, name),
        shown=_shape(tables, name),
        by_path=name in _names_of_paths(profile),
        ordered=name in tables.ordered,
        salts_rows=name in tables.salted_rows or name in profile.salted,
        empty_guid_means_none=name in tables.empty_guid_means_none,
        rows_named_by=profile.natural_keys.get(name) or tables.natural_keys.get(name, ()),
        hides=tables.secret_in_rows.get(name, frozenset()),
        keeps=profile.references.get(name),
    )


@lru_cache(maxsize=16_384)
def opens_something(tables: Tables, name: str) -> bool:
    """Does a name, or the id of a setting's definition, say that its number is a password or a PIN?"""
    return tables.secret_number.search(name) is not None


def is_server_managed(profile: Profile, path: str) -> bool:
    return path in profile.tables.server_managed_at_root or path in profile.server_managed


def shape_at(profile: Profile, found: Property, path: str) -> re.Pattern[str] | None:
    """The shape of the text that may be shown of a property at a path."""
    return profile.shown.get(path, found.shown) if found.by_path else found.shown


def _is_dropped(tables: Tables, name: str) -> bool:
    # What OData says about the data, or an action that it offers, is no data; a link to a resource is.
    annotation = ("@odata." in name or name.startswith("#microsoft.graph.")) and name != "@odata.type"
    return (
        (annotation and not name.endswith("@odata.bind"))
        or name in tables.server_managed
        or name.endswith(tables.server_managed_endings)
    )


def _shape(tables: Tables, name: str) -> re.Pattern[str] | None:
    if name in tables.shown_properties or name.startswith(tables.shown_prefixes):
        return SHOWN_SHAPE
    return ENUMERATION_SHAPE if name in tables.enumerations else None


@lru_cache(maxsize=256)
def _names_of_paths(profile: Profile) -> frozenset[str]:
    paths = {*profile.server_managed, *profile.shown, *profile.superseded, *profile.tables.server_managed_at_root}
    return frozenset(part for path in paths for part in path.split("/"))
