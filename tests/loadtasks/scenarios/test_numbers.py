"""Numbers that keep their text."""

import json
import pickle

import pytest

from loadtasks.scenarios.numbers import WrittenFloat


@pytest.mark.parametrize(
    ("text", "is_exact", "as_written"),
    [
        ("1.5", True, True),
        ("1.10", True, False),
        ("1e3", True, False),
        ("0.1", True, True),
        ("0.30000000000000004", True, True),
        ("0.30000000000000000001", False, False),
        ("1e400", False, False),
        ("1e-400", False, False),
        ("1e999999999999999999999", False, False),
    ],
)
def test_a_number_knows_what_its_text_says(text: str, is_exact: bool, as_written: bool) -> None:
    number = WrittenFloat(text)
    assert number == float(text)
    assert (number.is_exact, number.is_sent_as_written) == (is_exact, as_written)


def test_a_number_is_one_everywhere_else() -> None:
    number = WrittenFloat("1.10")
    assert (json.dumps([number]), repr(number), str(number)) == ("[1.1]", "1.1", "1.1")
    copy = pickle.loads(pickle.dumps(number))
    assert (copy, copy.written) == (1.1, "1.10")
