"""The exports that both tenants record: between them every kind of change, and what cannot be read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.factories import make_policy, write_export

CONFIGURATION = {
    "@odata.type": "#microsoft.graph.windows10GeneralConfiguration",
    "id": "00000000-0000-4000-8000-000000000900",
    "displayName": "Configuration",
    "passwordRequired": True,
}


@dataclass(frozen=True, slots=True)
class Exports:
    """`second` against `first`: modified, removed, added, recreated under a new id, and two objects under one id.

    In `partial` the object that was modified moves on, and a type cannot be read; in `unreadable` no type can.
    """

    first: Path
    second: Path
    partial: Path
    unreadable: Path

    @classmethod
    def write(cls, folder: Path) -> "Exports":
        exports = cls(*(folder / name for name in cls.__slots__))
        shared = _policy(3), _policy(3, name="Policy 3 - copy", value=5)
        kept = *shared, _policy(5), _policy(8, name="Kiosk", value=4)
        write_export(exports.first, _policy(1), _policy(2), _policy(3), _policy(7, name="Kiosk", value=4))
        write_export(exports.second, _policy(1, value=2, description="It moved."), *kept)
        write_export(exports.partial, _policy(1, value=3, description="It moved on."), *kept)
        for whole in (exports.first, exports.second):
            write_export(whole, CONFIGURATION, kind="DeviceConfiguration")
        for broken, kind in ((exports.partial, "DeviceConfiguration"), (exports.unreadable, "SettingsCatalog")):
            write_export(broken, kind=kind)
            (broken / kind / "broken.json").write_text('{"id": "x", ')
        return exports


def _policy(number: int, **changes: Any) -> dict[str, Any]:
    """A policy with a text that nobody may see: each tenant has a digest of its own for it."""
    return make_policy(number, **({"description": f"What policy {number} is for."} | changes))
