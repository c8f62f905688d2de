"""JSON of responses: what is JSON, which values are equal, and checks that mean what JSON Schema means by them."""

import json
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.json_values import MISSING, contains, equal, key_of, parse_json, shown, value_at
from loadtasks.scenarios.model import Checks, JsonCheck

NUMBERS = (
    st.integers(-3, 3)
    | st.integers(-3, 3).map(float)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(2**53 - 3, 2**53 + 3)
    | st.sampled_from([2.0**53, 0.1, -0.0, 1e300])
)
SCALARS = (
    NUMBERS | st.booleans() | st.none() | st.sampled_from(["", "1", "true", "null", "a", "ä"]) | st.text(max_size=3)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab1"), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def problem(check: JsonCheck, document: Any, path: str = "value") -> str | None:
    """What is wrong with the value of a response's body."""
    body = document if isinstance(document, bytes) else json.dumps({"value": document}).encode()
    found = Checker(Checks(json={path: check})).problem({}, body)
    return found and found.text


@given(VALUES, VALUES)
@example(1, True)
@example([0], [False])
@example({"a": 1}, {"a": 1.0})
@example({"a": [True]}, {"a": [1]})
@example(2**53 + 1, 2.0**53)
@example("1", 1)
def test_values_are_equal_as_json_schema_has_it(one: Any, other: Any) -> None:
    same = Draft202012Validator({"const": other}).is_valid(one)
    assert equal(one, other) == equal(other, one) == same
    assert (problem(JsonCheck(equals=other), one) is None) == same


@given(VALUES)
def test_a_value_equals_itself_however_it_is_written(value: Any) -> None:
    copy = json.loads(json.dumps(value))
    assert equal(value, copy)
    assert contains(copy, value)
    if isinstance(value, dict):
        assert contains({**copy, "more": 1}, value)
        assert not equal({**copy, "more": 1}, value)


@given(TYPES, VALUES)
@example("integer", 1.0)
@example("number", True)
@example("integer", False)
def test_types_are_those_of_json_schema(kind: Any, value: Any) -> None:
    assert (problem(JsonCheck(type=kind), value) is None) == Draft202012Validator({"type": kind}).is_valid(value)


@given(st.none() | NUMBERS, st.none() | NUMBERS, st.none() | TYPES, VALUES)
@example(0, None, None, True)
@example(None, 2**53 + 1, None, 2**53 + 2)
def test_bounds_are_those_of_json_schema_for_a_number(
    minimum: float | None, maximum: float | None, kind: Any, value: Any
) -> None:
    """A bound asks for a number; JSON Schema's says nothing of a text."""
    given = {"minimum": minimum, "maximum": maximum, "type": kind}
    schema: dict[str, Any] = {name: asked for name, asked in given.items() if asked is not None}
    assume(schema)
    assume(minimum is None or maximum is None or minimum <= maximum)  # others are refused with their file
    bounded = {**schema, "allOf": [{"type": "number"}]} if minimum is not None or maximum is not None else schema
    assert (problem(JsonCheck(**schema), value) is None) == Draft202012Validator(bounded).is_valid(value)


@given(st.integers(0, 4), VALUES)
def test_a_length_is_that_of_json_schema(length: int, value: Any) -> None:
    limits = {f"{bound}{what}": length for bound in ("min", "max") for what in ("Items", "Length", "Properties")}
    schema = {"type": ["array", "string", "object"], **limits}
    assert (problem(JsonCheck(length=length), value) is None) == Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty, not JSON"),
        (b" \r\n", "the body is empty, not JSON"),
        (b"{", "the body is not JSON: expecting property name enclosed in double quotes at character 2"),
        (b"{'a': 1}", "the body is not JSON"),
        (b"<html>", "the body is not JSON"),
        (b'{"value": 1} x', "the body is not JSON: extra data"),
        (b'{"value": NaN}', "the body is not JSON: NaN is not a JSON number"),
        (b'{"value": [-Infinity]}', "the body is not JSON: -Infinity is not a JSON number"),
        (b'{"value": 01}', "the body is not JSON"),
        (b'{"value": "gr\xfc"}', "the body is not JSON: not UTF-8 at byte 13"),
        ('{"value": 1}'.encode("utf-16"), "the body is not JSON: not UTF-8"),
        (b'{"value": "\xed\xa0\x80"}', "the body is not JSON: not UTF-8"),
        (b'{"value": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "the body is JSON that is nested too deeply"),
        (b'{"value": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001, "the body is JSON that is nested too deeply"),
        (b"[1]", "value is not in the body"),
        (b"1", "value is not in the body"),
        (b'{"value": null}', "value is null, expected 1"),
        (b'{"value": true}', "value is true, expected 1"),
        (b'{"value": "1"}', 'value is "1", expected 1'),
        (b'{"value": [1]}', "value is [1], expected 1"),
        (b'{"value": "\\ud800\\u202e"}', 'value is "\\ud800\\u202e", expected 1'),
    ],
)
def test_a_body_that_does_not_pass_is_a_failed_check(body: bytes, words: str) -> None:
    wrong = problem(JsonCheck(equals=1), body)
    assert wrong is not None
    assert wrong.startswith(words)
    assert len(wrong) < 500
    wrong.encode()


@pytest.mark.parametrize(
    "body", [b'{"value": 1}', b'\xef\xbb\xbf{"value": 1.0}', b' {"value": 1e0}\n', b'{"value":10E-1}']
)
def test_a_body_that_passes(body: bytes) -> None:
    assert problem(JsonCheck(equals=1, type="integer", minimum=1, maximum=1), body) is None


def test_a_value_that_is_as_deep_as_python_can_parse_is_no_crash() -> None:
    for depth in (400, 900, 990):
        nested: Any = 1
        for _ in range(100):
            nested = [nested]
        wrong = problem(JsonCheck(equals=nested), b'{"value": ' + b"[" * depth + b"1" + b"]" * depth + b"}")
        assert wrong is not None


@pytest.mark.parametrize("number", ["9" * 5000, "1e400"])
def test_numbers_beyond_all_bounds_are_compared_by_their_size(number: str) -> None:
    body = f'{{"value": {number}, "negative": -{number}}}'.encode()
    assert problem(JsonCheck(minimum=1e308, type="integer"), body) is None
    assert problem(JsonCheck(maximum=-1e308), body, "negative") is None
    assert problem(JsonCheck(maximum=1e308), body) is not None
    assert problem(JsonCheck(equals=1), body) is not None
    long = f'{{"value": {"9" * 400}}}'.encode()
    assert problem(JsonCheck(equals=int("9" * 400), maximum=int("9" * 400)), long) is None


def test_bounds_are_shown_as_they_are() -> None:
    assert problem(JsonCheck(minimum=20_000_000), 1.5) == "value is 1.5, expected at least 20000000"
    assert problem(JsonCheck(maximum=0.25), 3) == "value is 3, expected at most 0.25"
    assert problem(JsonCheck(minimum=0), True) == "value is true, expected a number"
    assert shown("x" * 300) == '"' + "x" * 199 + "…"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("items.0.id", 7),
        ("items.1", "x"),
        ("0", "key"),
        ("items.2", MISSING),
        ("items.-1", MISSING),
        ("items.00", MISSING),
        ("items.²", MISSING),
        ("items.\u0660", MISSING),
        ("items." + "9" * 5000, MISSING),
        ("items.id", MISSING),
        ("none.x", MISSING),
        ("items.1.0", MISSING),
    ],
)
def test_a_path_leads_to_a_value_or_to_none(path: str, value: Any) -> None:
    assert value_at({"items": [{"id": 7}, "x"], "none": None, "0": "key"}, path) == value


@given(st.text() | NUMBERS, st.text() | NUMBERS)
@example(1, 1.0)
@example(1, "1")
@example(2**53 + 1, 2.0**53)
def test_keys_are_the_same_where_values_are_equal(one: str | float, other: str | float) -> None:
    assert (key_of(one) == key_of(other)) == equal(one, other)


@given(st.binary())
def test_whatever_comes_is_json_or_refused(body: bytes) -> None:
    try:
        value = parse_json(body)
    except ValueError as error:
        assert isinstance(str(error).encode(), bytes)  # noqa: PT017 - not raised for every body
        return
    assert equal(value, json.loads(body))
