"""JSON that people give: read as it is written, or refused in a clause."""

import pytest

from loadtasks.strict_json import MAX_DEPTH, parse

REFUSED = {
    "not at all": ("[1,", "not JSON: column 4"),
    "line": ("[1,\n x]", "not JSON: line 2, column 2"),
    "more than one": ("{} {}", "extra data"),
    "NaN": ('{"a": NaN}', "NaN is not a JSON number"),
    "Infinity": ("[-Infinity]", "-Infinity is not a JSON number"),
    "too large": ("[1e400]", "the number 1e400 is too large"),
    "digits": ("9" * 1001, "has more than 1,000 digits"),
    "doubled": ('{"a": {"b": 1, "c": 2, "b": 1}}', "the key 'b' is given twice"),
    "half a pair": ('["\\ud800"]', "half a surrogate pair"),
    "half a pair as a key": ('{"\\udfff": 1}', "half a surrogate pair"),
    "deep": ("[" * 101 + "]" * 101, "more than 100 objects and lists within one another"),
    "very deep": ("[" * 300_000, "more than 100 objects and lists within one another"),
    "deep objects": ('{"a": ' * 101 + "1" + "}" * 101, "more than 100 objects and lists within one another"),
    "much": ("[" + "0," * 1000 + "0]", "more than 1,000 values in it"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_lost_or_changed_is_refused(name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(ValueError, match=reason):
        parse(text, max_values=1000)


def test_a_document_is_read_as_it_is_written() -> None:
    text = '{"a": [1, -2.5, 1e3, null, true, "\\ud83d\\ude00", {}], "b": {"a": ""}, "": 1}'
    assert parse(text) == {"a": [1, -2.5, 1000.0, None, True, "😀", {}], "b": {"a": ""}, "": 1}
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH, max_values=MAX_DEPTH)
