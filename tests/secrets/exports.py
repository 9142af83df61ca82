"""Export folders full of canaries: two that are whole, and three in which files are broken."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.factories import make_policy
from tests.secrets.canaries import Grow, Mint, Plant, Seeds, plant
from tests.secrets.plants_devices import DEVICES, only_after, only_before
from tests.secrets.plants_policies import POLICIES

PLANTS: tuple[Grow, ...] = (*POLICIES, *DEVICES)
ADDED_OR_REMOVED: Mapping[str, Grow] = {"before": only_before, "after": only_after}

# PowerShell writes UTF-16, other tools UTF-8 with a byte-order mark.
_ENCODINGS = {"wifi": "utf-16", "vpn": "utf-8-sig"}


def write_whole(folder: Path, mint: Mint, export: str) -> Path:
    """The export `before` or `after`: the same objects, with other secrets in each."""
    for grow in (*PLANTS, ADDED_OR_REMOVED[export]):
        name = grow.__name__
        _write(folder, name, grow(Seeds(mint, export, name)), _ENCODINGS.get(name, "utf-8"))
    return folder


def write_partial(folder: Path, mint: Mint, *, value: int) -> Path:
    """One policy that is well, and device configurations that each go wrong in a way of their own."""
    seeds = Seeds(mint, f"partial {value}", "broken")
    where = folder / "DeviceConfiguration"
    _write(folder, "well", Plant("SettingsCatalog", make_policy(1, value=value)), "utf-8")
    files = {
        "cut short": json.dumps(_wifi(seeds, "cut short"))[:-20].encode(),
        "key twice": json.dumps(_wifi(seeds, "key twice"))[:-1].encode() + b', "preSharedKey": "another"}',
        "not a number": json.dumps(_wifi(seeds, "not a number") | {"port": float("nan")}).encode(),
        "no text": json.dumps(_wifi(seeds, "no text")).encode() + b"\xff\xfe\x00",
        "half a pair": json.dumps(_wifi(seeds, "half a pair") | {"half": "\ud800"}).encode(),
        "too deep to read": json.dumps(
            _wifi(seeds, "too deep to read") | {"deep": _nested(seeds, "deepest", 120)}
        ).encode(),
        "too deep to keep": json.dumps(
            _wifi(seeds, "too deep to keep") | {"deep": _nested(seeds, "deep", 80)}
        ).encode(),
        "no id": json.dumps(_wifi(seeds, "no id") | {"id": None}).encode(),
        "one page": json.dumps(
            {
                "value": [_wifi(seeds, "one page")],
                "@odata.nextLink": f"https://example.com/?$skiptoken={seeds.text('page')}",
            }
        ).encode(),
        "not an object": json.dumps([seeds.text("not an object")]).encode(),
        "of no kind": json.dumps(_wifi(seeds, "of no kind") | {"@odata.type": "#microsoft.graph.iosLobApp2"}).encode(),
    }
    where.mkdir(parents=True)
    for name, content in files.items():
        (where / f"{name}.json").write_bytes(content)
    (where / "yaml.yaml").write_text(f"preSharedKey: {seeds.text('yaml')}\n", encoding="utf-8")
    enrolment = folder / "Android Enrollment"
    enrolment.mkdir()
    (enrolment / "unknown.json").write_bytes(
        json.dumps({"@odata.type": "#microsoft.graph.androidDeviceOwnerEnrollmentProfile", "id": "x",
                    "qrCodeContent": seeds.text("unknown kind")}).encode()
    )  # fmt: skip
    return folder


def write_failing(folder: Path, mint: Mint) -> Path:
    """Nothing of it can be read to its end."""
    seeds = Seeds(mint, "failing", "broken")
    folder.mkdir()
    (folder / "untold.json").write_text(json.dumps({"id": "x", "secret": seeds.text("untold")}), encoding="utf-8")
    _write(folder, "cut", plant("DeviceConfiguration", seeds, "iosWiFiConfiguration"), "utf-8")
    cut = json.dumps(_wifi(seeds, "cut"))[:-30]
    (folder / "DeviceConfiguration" / "cut.json").write_text(cut, encoding="utf-8")
    return folder


def write_no_policy(folder: Path, mint: Mint) -> Path:
    folder.mkdir()
    (folder / "anything.json").write_text(json.dumps({"secret": mint.text("no policy")}), encoding="utf-8")
    return folder


def _wifi(seeds: Seeds, name: str) -> dict[str, Any]:
    return plant("", seeds, "iosWiFiConfiguration", preSharedKey=seeds.text(name), ssid="A network of the office").raw


def _nested(seeds: Seeds, name: str, levels: int) -> Any:
    inner: Any = seeds.text(name)
    for _ in range(levels):
        inner = {"inner": inner}
    return inner


def _write(folder: Path, name: str, grown: Plant, encoding: str) -> None:
    where = folder / grown.folder
    where.mkdir(parents=True, exist_ok=True)
    (where / f"{name}.json").write_text(json.dumps(grown.raw, indent=2), encoding=encoding)
    if grown.side is not None:
        (where / f"{name}_Settings.json").write_text(json.dumps(grown.side), encoding=encoding)
