"""Bytes to JSON: encodings, and all that is refused because two readers could understand it differently."""

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.sources.decoding import MAX_DEPTH, UnreadableError, decode

VALUE = {"name": "Zürich 北 😀", "count": 3, "list": [1.5, None, True]}


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", b""),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_encoding_is_read_with_and_without_a_mark(encoding, mark, ascii_only, newline):
    text = newline + json.dumps(VALUE, ensure_ascii=ascii_only, indent=1).replace("\n", newline)
    assert decode(mark + text.encode(encoding)) == VALUE


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_FILE"),
        (codecs.BOM_UTF8 + b" \r\n", "EMPTY_FILE"),
        (codecs.BOM_UTF16_LE, "EMPTY_FILE"),
        ('{"name": "Zürich"}'.encode("cp1252"), "BAD_ENCODING"),
        (codecs.BOM_UTF16_LE + b"{\x00x", "BAD_ENCODING"),
        (b'{"name": "\\ud83d"}', "BAD_ENCODING"),
        (b'{"name": "\\udc00\\ud800"}', "BAD_ENCODING"),
        (b'{"id": "a", "settings": [', "BAD_JSON"),
        (b'{"id": "a"} {"id": "b"}', "BAD_JSON"),
        (b"{'id': 'a'}", "BAD_JSON"),
        (b'{"id": "a",}', "BAD_JSON"),
        (b'{"a": NaN}', "BAD_NUMBER"),
        (b'{"a": [-Infinity]}', "BAD_NUMBER"),
        (b'{"a": 1e999}', "BAD_NUMBER"),
        (b'{"a": ' + b"9" * 5000 + b"}", "BAD_NUMBER"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "DUPLICATE_KEY"),
        (b'{"a": 1, "\\u0061": 2}', "DUPLICATE_KEY"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "TOO_DEEP"),
        (b"[" * 1_000_000, "TOO_DEEP"),
        (b"[" * 100_000 + b"]" * 100_000, "TOO_DEEP"),
    ],
    ids=lambda value: value[:12].hex() if isinstance(value, bytes) else value,
)
def test_what_is_not_certain_is_refused_with_its_reason(data, code):
    with pytest.raises(UnreadableError) as refused:
        decode(data)
    assert refused.value.code == code


def test_the_deepest_nesting_allowed_is_read():
    assert decode(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_integers_beyond_64_bits_keep_their_value():
    assert decode(b'{"a": 18446744073709551617}') == {"a": 2**64 + 1}


def test_a_whole_surrogate_pair_is_read():
    assert decode(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_a_refusal_tells_where_and_nothing_of_the_content():
    with pytest.raises(UnreadableError) as refused:
        decode(b'{\n "password": hunter2 }')
    assert "line 2, column 14" in refused.value.message
    assert "hunter2" not in refused.value.message
    assert refused.value.__context__ is None or refused.value.__suppress_context__


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@given(JSON_VALUES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.booleans())
def test_any_json_comes_back_as_it_was(value, encoding, ascii_only):
    # In a list, since a lone string of few characters does not tell its encoding.
    assert decode(json.dumps([value], ensure_ascii=ascii_only).encode(encoding)) == [value]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        decode(data)
    except UnreadableError as refused:
        assert refused.message
