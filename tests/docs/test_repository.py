"""No file of the repository names a machine, a package index or a place to download from."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, files, page

# Each pattern has a class of one letter, so that it does not find itself.
FORBIDDEN = {
    "a package index": r"\b(?:p[y]pi\.org|python[h]osted\.org|np[m]js\.(?:com|org))",
    "a place to download from": r"\b(?:unp[k]g\.com|js[d]elivr\.net|cdn[j]s\.|ghc[r]\.io|qu[a]y\.io)",
    "an option that names an index": r"(?<!no-emit)--(?:extra-)?inde[x]-url|(?<!no-emit)--fin[d]-links",
    "a path of somebody's machine": r"/(?:wor[k]|hom[e]/\w+|roo[t]|User[s]/\w+|opt/(?:whee[l]s|p[y]pi))/",
}


def offences(text: str) -> list[str]:
    return [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)]


def test_no_file_names_a_machine_an_index_or_a_place_to_download_from():
    found = {}
    for path in files():
        if told := offences(path.read_bytes().decode("utf-8", "replace")):
            found[str(path.relative_to(ROOT))] = told
    assert found == {}


@pytest.mark.parametrize(
    "text", ["https:~~pypi_org~simple", "++index+url x", "~root~_cache~", "https:~~ghcr_io~x", "~work~x", "~home~me~x"]
)
def test_each_kind_is_found(text: str):
    assert offences(text.translate(str.maketrans("~_+", "/.-")))


def test_no_file_is_huge():
    assert [path for path in files() if path.stat().st_size > 1_000_000] == []


@pytest.mark.parametrize("python", ["", "/no/such/python3", "old"])
def test_make_says_what_python_it_needs(python: str, tmp_path: Path):
    (tmp_path / "Makefile").write_text(page("Makefile"), encoding="utf-8")
    if python == "old":
        old = tmp_path / "python3.8"
        old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        old.chmod(0o755)
        python = str(old)
    said = subprocess.run(
        ["make", f"PYTHON={python}", ".venv/.made"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MAKEFLAGS": "", "LC_ALL": "C"},
    )
    assert said.returncode != 0
    assert "3.11" in said.stderr
    assert "PYTHON=" in said.stderr
    assert not (tmp_path / ".venv").exists()
