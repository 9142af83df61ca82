"""The benchmarks of reading, in short: every contender answers, and all of them the same."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from atlas.local import Services
from bench import graphql, pages, peers


async def test_all_contenders_answer_the_same(cluster: Services) -> None:
    """`measured` refuses to go on where one answers otherwise than the others."""
    names, missing = peers.chosen(None, graphql.HOUSE)
    assert (tuple(names), missing) == ((*graphql.HOUSE, *peers.PEERS), "")
    found = await graphql.measured(cluster, names, None, requests=3, rounds=0, clients=1)
    shown = graphql.figures(found)
    assert set(shown) == set(names)
    assert all(one["rate"] > 0 and one["p50"] <= one["p99"] for one in shown.values())


async def test_servers_beside_atlas_read_nothing_for_who_may_read_nothing(cluster: Services) -> None:
    """They are under the policies, in the context of each request."""
    ground = replace(await graphql.prepare(cluster), principal=str(uuid4()))
    async with graphql.served(ground, (graphql.FLOOR, *peers.PEERS), None) as contenders:
        for one in contenders:
            answer = await graphql.answered(ground, one)
            assert answer == {"tenant": {"findings": {"nodes": []}}}, one.name


def test_without_npm_the_others_are_measured_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"dependencies": {"pg": "8.23.1"}}
    # Its digest is that of no package, whatever npm may have kept.
    locked = {"version": "8.23.1", "integrity": "sha512-" + "A" * 86 + "=="}
    lock = {"lockfileVersion": 3, "requires": True, "packages": {"": wanted, "node_modules/pg": locked}}
    (tmp_path / "package.json").write_text(json.dumps(wanted))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    names, missing = peers.chosen(None, graphql.HOUSE)
    assert names == graphql.HOUSE
    assert missing.startswith("npm could not install")
    assert all(name in missing for name in peers.PEERS)
    with pytest.raises(SystemExit, match="npm could not install"):
        peers.chosen(["PostGraphile 5"], graphql.HOUSE)
    assert peers.chosen([graphql.FLOOR], graphql.HOUSE) == ([graphql.FLOOR], "")


def test_a_contender_nobody_knows_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"There is no contender 'ceiling'\. There are: floor; "):
        peers.chosen([graphql.FLOOR, "ceiling"], graphql.HOUSE)


async def test_pages_beside_each_other_are_read(cluster: Services) -> None:
    """`measured` refuses to go on where a page holds other rows than it should."""
    found = await pages.measured(cluster, 300, 4, requests=3, rounds=0)
    shown = pages.figures(found)
    assert set(shown) == set(pages.BESIDE)
    assert all(one["p50"] > 0 and one["ratio"] > 0 for one in shown.values())
