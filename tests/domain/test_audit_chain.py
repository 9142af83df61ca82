"""The encoding of an audit event is unambiguous and fixed, and a chain holds only as it was written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.domain.audit_chain import (
    GENESIS,
    Checkpoint,
    Fault,
    Link,
    Position,
    Record,
    encode,
    link_hash,
    parse_checkpoint,
    walk,
)

TENANT = UUID(int=1)
GOLDEN = Record(
    tenant_id=UUID("11111111-2222-3333-4444-555555555555"),
    id=UUID("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
    at=datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC),
    actor_id=None,
    action="finding.acknowledged",
    target_type="Finding",
    target_id=UUID("00000000-0000-0000-0000-00000000002a"),
    before='{"status": "NEW"}',
    after='{"reason": "Änderung 4711", "status": "ACKNOWLEDGED"}',
    reason="Änderung 4711, ok",
    request_id="",
)
GOLDEN_TEXT = (
    "13:atlas.audit.1,36:11111111-2222-3333-4444-555555555555,1:7,"
    "64:0000000000000000000000000000000000000000000000000000000000000000,36:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee,"
    "16:1795512600123456,-,20:finding.acknowledged,7:Finding,36:00000000-0000-0000-0000-00000000002a,"
    '17:{"status": "NEW"},54:{"reason": "Änderung 4711", "status": "ACKNOWLEDGED"},18:Änderung 4711, ok,0:,'
)
GOLDEN_HASH = "454e77147a92b75b86027d0cb67c44a0e426fe450404687454dbe946502d9ef7"

text = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
records = st.builds(
    Record,
    tenant_id=st.just(TENANT),
    id=st.uuids(),
    at=st.datetimes(min_value=datetime(1999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    actor_id=st.none() | st.uuids(),
    action=st.text(max_size=8),
    target_type=st.text(max_size=8),
    target_id=st.uuids(),
    before=text,
    after=text,
    reason=text,
    request_id=text,
)


def chain(found: list[Record]) -> list[Link]:
    links, position = [], Position()
    for record in found:
        digest = link_hash(record, position.seq + 1, position.hash)
        links.append(Link(position.seq + 1, record.id, position.hash, digest, record))
        position = Position(position.seq + 1, digest)
    return links


def make_records(count: int) -> list[Record]:
    return [replace(GOLDEN, id=UUID(int=number)) for number in range(count)]


def fault(links: list[Link]) -> tuple[Fault, int | None] | None:
    broken = walk(Position(), links, {})[1]
    return None if broken is None else (broken.fault, broken.seq)


def test_the_encoding_is_the_golden_one() -> None:
    assert encode(GOLDEN, 7, GENESIS).decode() == GOLDEN_TEXT
    assert link_hash(GOLDEN, 7, GENESIS).hex() == GOLDEN_HASH


@given(records, records, st.integers(1, 3), st.integers(1, 3))
def test_two_records_have_one_encoding_only_where_they_are_the_same(a: Record, b: Record, i: int, j: int) -> None:
    assert (encode(a, i, GENESIS) == encode(b, j, GENESIS)) == ((a, i) == (b, j))


@given(st.lists(text, min_size=4, max_size=4), st.lists(text, min_size=4, max_size=4))
def test_text_does_not_move_from_one_field_to_the_next(a: list[str | None], b: list[str | None]) -> None:
    names = ("before", "after", "reason", "request_id")
    one, other = (replace(GOLDEN, **dict(zip(names, values, strict=True))) for values in (a, b))
    assert (link_hash(one, 1, GENESIS) == link_hash(other, 1, GENESIS)) == (a == b)


def test_a_time_is_hashed_as_its_moment_whatever_its_zone() -> None:
    there = replace(GOLDEN, at=GOLDEN.at.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert encode(there, 7, GENESIS) == encode(GOLDEN, 7, GENESIS)


@given(st.lists(records, max_size=6), st.integers(0, 6))
def test_a_chain_holds_in_one_walk_and_in_two(found: list[Record], cut: int) -> None:
    links = chain(found)
    position, broken = walk(Position(), links, {})
    assert broken is None
    middle, _ = walk(Position(), links[:cut], {})
    assert walk(middle, links[cut:], {}) == (position, None)
    assert position.seq == len(found)


@given(st.permutations(range(6)))
def test_a_chain_holds_in_its_own_order_only(order: list[int]) -> None:
    links = chain(make_records(6))
    moved = [replace(links[old], seq=new + 1) for new, old in enumerate(order)]
    first = next((place for place, old in enumerate(order) if place != old), None)
    expected = None if first is None else (Fault.REORDERED, first + 1)
    assert fault(moved) == expected
    relinked = [replace(link, record=links[old].record) for link, old in zip(links, order, strict=True)]
    assert fault(relinked) == expected


@given(st.integers(0, 5), st.sampled_from(["gone", "eventless", "changed", "rewritten"]))
def test_the_first_fault_is_named(place: int, what: str) -> None:
    links = chain(make_records(7))
    one = links[place]
    assert one.record is not None
    changed = replace(one.record, reason="another")
    links[place] = {
        "gone": one,
        "eventless": replace(one, record=None),
        "changed": replace(one, record=changed),
        "rewritten": replace(one, record=changed, hash=link_hash(changed, one.seq, one.previous)),
    }[what]
    if what == "gone":
        del links[place]
    expected = {
        "gone": (Fault.MISSING, place + 1),
        "eventless": (Fault.MISSING, place + 1),
        "changed": (Fault.CHANGED, place + 1),
        "rewritten": (Fault.UNCHAINED, place + 2),
    }[what]
    assert fault(links) == expected


def test_a_chain_that_was_written_anew_fits_itself_and_no_checkpoint() -> None:
    before, found = chain(make_records(6)), make_records(6)
    found[3] = replace(found[3], reason="another")
    after = chain(found)
    kept = {link.seq: Checkpoint(TENANT, Position(link.seq, link.hash), GOLDEN.at) for link in (before[1], before[4])}
    assert walk(Position(), before, kept)[1] is None
    assert walk(Position(), after, {})[1] is None
    position, broken = walk(Position(), after, kept)
    assert position.seq == 4
    assert broken is not None
    assert (broken.fault, broken.seq) == (Fault.CHECKPOINT, 5)
    assert "records 3 to 5" in broken.message


@given(st.uuids(), st.integers(1, 2**62), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_one_line_and_read_as_it_was(tenant: UUID, seq: int, digest: bytes) -> None:
    made = Checkpoint(tenant, Position(seq, digest), GOLDEN.at)
    line = made.to_json()
    assert "\n" not in line
    assert parse_checkpoint(line) == made


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"version": None}, {"seq": 0}, {"seq": True}, {"seq": "1"}, {"seq": 1.5}, {"hash": "00"},
        {"hash": "zz" * 32}, {"hash": 1}, {"tenant": "x"}, {"tenant": 1}, {"at": "yesterday"},
        {"at": "2026-11-24T00:00:00"}, {"at": None},
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(change: dict[str, object]) -> None:
    told = orjson.loads(Checkpoint(TENANT, Position(1, GENESIS), GOLDEN.at).to_json())
    for broken in (told | change, {name: value for name, value in told.items() if name not in change}):
        with pytest.raises(ValueError):
            parse_checkpoint(orjson.dumps(broken).decode())
    for line in ("", "[]", "1", "{"):
        with pytest.raises(ValueError):
            parse_checkpoint(line)
