"""`atlas documents`: what the files of client builds become."""

import hashlib
import json
from pathlib import Path
from uuid import uuid4

from tests.cli.conftest import Up


def test_documents_are_loaded_listed_and_removed(up: Up, tmp_path: Path) -> None:
    atlas, mark = up.atlas, f"Q{uuid4().hex}"
    body = f"query {mark} {{ viewer {{ __typename }} }}"
    hash_ = hashlib.sha256(body.encode()).hexdigest()
    file = tmp_path / "documents.json"
    # graphql-codegen names a document by a hash, relay-compiler by an id of its own choice.
    file.write_text(json.dumps({hash_: body, mark: f"query {mark} {{ viewer {{ principal {{ id }} }} }}"}))
    assert atlas.json("documents", "load", file) == {"added": sorted([mark, hash_]), "documents": 2}
    assert atlas.json("documents", "load", file) == {"added": [], "documents": 2}
    assert hash_ in {one["id"] for one in atlas.json("documents", "list") if one["sha256"] == hash_}
    file.write_text(json.dumps({mark: "{ viewer { __typename } }"}))
    assert atlas.refused("documents", "load", file)["code"] == "BAD_DOCUMENTS"
    assert atlas.json("documents", "remove", mark) == {"removed": [mark]}
    assert "NO_DOCUMENT" in atlas.run("documents", "remove", hash_, mark, "--json", exit_code=1).stderr
    assert not {mark, hash_} & {one["id"] for one in atlas.json("documents", "list")}


def test_a_file_with_one_wrong_document_registers_nothing(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    good = f"query Q{uuid4().hex} {{ viewer {{ __typename }} }}"
    for wrong, told in (
        ({"x": "{ nothing }"}, "nothing"),
        ({"x": "{"}, "Syntax Error"),
        ({"x": "query A { viewer { __typename } } query B { viewer { __typename } }"}, "2 operations"),
        ({"a" * 64: good}, "sha256"),
        ({"x": " ".join(["{", *(f"a{n}: viewer {{ __typename }}" for n in range(60)), "}"])}, "aliases"),
    ):
        file.write_text(json.dumps({"good": good} | wrong))
        error = up.atlas.refused("documents", "load", file)
        assert error["code"] == "BAD_DOCUMENTS"
        assert told in error["message"], error
    assert "good" not in {one["id"] for one in up.atlas.json("documents", "list")}
    for text, code in (("[]", "NO_DOCUMENTS"), ("{", "NOT_JSON")):
        file.write_text(text)
        assert up.atlas.refused("documents", "load", file)["code"] == code
    assert up.atlas.refused("documents", "load", tmp_path / "absent.json")["code"] == "NO_FILE"
