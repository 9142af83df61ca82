"""`atlas rule`: a rule is previewed, made, replaced, listed and ended."""

from pathlib import Path
from uuid import uuid4

from tests.cli.conftest import Up
from tests.factories import make_policy, write_export


def test_a_rule_is_previewed_made_replaced_and_ended(up: Up, tmp_path: Path) -> None:
    atlas, name = up.atlas, f"rules-{uuid4().hex[:8]}"
    atlas.run("tenant", "create", name)
    for value in (1, 2):
        export = write_export(tmp_path / str(value), *(make_policy(number, value=value) for number in range(2)))
        atlas.run("sync", "folder", export, "--tenant", name)
    atlas.run("drift", "--tenant", name)
    rule = ("--tenant", name, "--subject", "Policy 1")
    seen = atlas.json("rule", "preview", *rule)
    assert (seen["runs"], seen["count"], len(seen["findings"])) == (1, 1, 1)
    assert "It would have hidden 1" in atlas.run("rule", "preview", *rule).stdout
    made = atlas.json("rule", "create", *rule, "--reason", "noise")
    assert (made["version"], made["subjectPattern"], made["reason"]) == (1, "Policy 1", "noise")
    assert [one["subject"]["displayName"] for one in atlas.json("findings", "--tenant", name)] == ["Policy 0"]
    following = ("--tenant", name, "--subject", "Policy*", "--reason", "more noise", "--replaces", made["id"])
    told = atlas.run("rule", "create", *following).stdout
    assert "version 2 of a rule that ignores subject Policy*" in told
    assert atlas.json("findings", "--tenant", name) == []
    newest, first = atlas.json("rule", "list", "--tenant", name)
    assert first["endedAt"]
    assert newest["replaces"]["id"] == first["id"] == made["id"]
    assert "more noise" in atlas.run("rule", "list", "--tenant", name).stdout
    atlas.run("rule", "end", newest["id"], "--tenant", name, "--reason", "it matters")
    assert len(atlas.json("findings", "--tenant", name)) == 2
    assert atlas.refused("rule", "end", "x", "--tenant", name, "--reason", "y")["code"] == "NOT_FOUND"
    assert atlas.refused("rule", "create", "--tenant", name, "--reason", "y")["code"] == "INVALID_INPUT"
