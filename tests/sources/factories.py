"""Plain factories: policies, files that hold them, and a look at what was read."""

import json
from pathlib import Path

from atlas.sources.model import Reading, UnitReading

ID = "0f3c1b52-7f5e-4a57-9d0b-6a1d8c7e2f01"
OTHER_ID = "0f3c1b52-7f5e-4a57-9d0b-6a1d8c7e2f02"


def policy(external_id: str | None = ID, **properties):
    made = {"@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicy", "id": external_id, **properties}
    return {key: value for key, value in made.items() if value is not None}


def write(path: Path, value) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def unit(reading: Reading, item_type: str) -> UnitReading:
    return next(unit for unit in reading.units if unit.item_type == item_type)


def keys(reading: Reading) -> list[tuple[str, str]]:
    return [(item.item_type, item.external_id) for item in reading.objects]
