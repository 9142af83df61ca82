"""What the profiles say of one property: is it dropped, hidden, shown, and what its rows are."""

import re
from dataclasses import dataclass
from functools import lru_cache

from atlas.domain import profile_tables as tables
from atlas.domain.enumerations import ENUMERATION_SHAPE, ENUMERATIONS
from atlas.domain.paths import escape
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
    lowered = name.lower()
    return Property(
        name=name,
        segment=name if name == "@odata.type" else escape(name),
        dropped=_is_dropped(name),
        is_link=name.endswith("@odata.bind"),
        secret=lowered in tables.SECRET_PROPERTIES or lowered.startswith(tables.SECRET_PREFIXES),
        secret_number=opens_something(name),
        shown=_shape(name),
        by_path=name in _names_of_paths(profile),
        ordered=name in tables.ORDERED,
        salts_rows=name in tables.SALTED_ROWS or name in profile.salted,
        empty_guid_means_none=name in tables.EMPTY_GUID_MEANS_NONE,
        rows_named_by=profile.natural_keys.get(name) or tables.NATURAL_KEYS.get(name, ()),
        hides=tables.SECRET_IN_ROWS.get(name, frozenset()),
        keeps=profile.references.get(name),
    )


@lru_cache(maxsize=16_384)
def opens_something(name: str) -> bool:
    """Does a name, or the id of a setting's definition, say that its number is a password or a PIN?"""
    return tables.SECRET_NUMBER.search(name) is not None


def is_server_managed(profile: Profile, path: str) -> bool:
    return path in tables.SERVER_MANAGED_AT_ROOT or path in profile.server_managed


def shape_at(profile: Profile, found: Property, path: str) -> re.Pattern[str] | None:
    """The shape of the text that may be shown of a property at a path."""
    return profile.shown.get(path, found.shown) if found.by_path else found.shown


def _is_dropped(name: str) -> bool:
    # What OData says about the data, or an action that it offers, is no data; a link to a resource is.
    annotation = ("@odata." in name or name.startswith("#microsoft.graph.")) and name != "@odata.type"
    return (
        (annotation and not name.endswith("@odata.bind"))
        or name in tables.SERVER_MANAGED
        or name.endswith(tables.SERVER_MANAGED_ENDINGS)
    )


def _shape(name: str) -> re.Pattern[str] | None:
    if name in tables.SHOWN_PROPERTIES or name.startswith(tables.SHOWN_PREFIXES):
        return tables.SHOWN_SHAPE
    return ENUMERATION_SHAPE if name in ENUMERATIONS else None


@lru_cache(maxsize=256)
def _names_of_paths(profile: Profile) -> frozenset[str]:
    paths = {*profile.server_managed, *profile.shown, *profile.superseded, *tables.SERVER_MANAGED_AT_ROOT}
    return frozenset(part for path in paths for part in path.split("/"))
