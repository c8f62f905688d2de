"""Two orders made one."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtasks.results.transfer.interleaving import DatedKey, interleaved, numbered
from tests.measurements import STARTED_AT


def history(text: str) -> list[DatedKey]:
    """Entries of a text such as `a1 b3`: each a letter, and the day on which it was by its clock."""
    return [DatedKey(word[0], STARTED_AT + timedelta(days=int(word[1:]))) for word in text.split()]


@pytest.mark.parametrize(
    ("here", "there", "order"),
    [
        ("", "", ""),
        ("a1 b3 c5", "", "abc"),
        ("a1 c3 e5", "b2 d4 f6", "abcdef"),
        ("a1 c1", "b1", "abc"),  # the same moment: by name
        ("a1 c3 d4", "a1 b2 d4 e5", "abcde"),  # some are in both
        ("a1 x99 c3 e5", "b2 d4", "axbcde"),  # a clock that was ahead: stays after a
        ("a1 c3 x0 e5", "b2 d4", "abcxde"),  # one that was set back: stays after c
        ("x99 c3", "b2", "bxc"),  # in doubt from the beginning: right before c
        ("a1 b2", "b2 a1", "ab"),  # contradicting orders: by date
    ],
)
def test_each_keeps_its_order_and_dates_decide_what_neither_does(here: str, there: str, order: str) -> None:
    assert "".join(interleaved(history(here), history(there))) == order
    assert "".join(interleaved(history(there), history(here))) == order


_DAYS = st.lists(st.integers(0, 30), max_size=12)


@given(_DAYS, _DAYS, _DAYS)
@settings(max_examples=60)
def test_any_two_histories_of_one_past(common: list[int], here: list[int], there: list[int]) -> None:
    def entries(name: str, days: list[int]) -> list[DatedKey]:
        return [DatedKey(f"{name}{n}", STARTED_AT + timedelta(days=day)) for n, day in enumerate(days)]

    ours, theirs = ([*entries("common", common), *entries(name, days)] for name, days in (("a", here), ("b", there)))
    order = interleaved(ours, theirs)
    assert order == interleaved(theirs, ours)
    for side in (ours, theirs):
        keys = [entry.key for entry in side]
        assert [key for key in order if key in set(keys)] == keys
        merged = [next(entry for entry in (*ours, *theirs) if entry.key == key) for key in order]
        assert interleaved(merged, side) == order, "what is merged once stays as it is"


def test_numbers_that_ascend_are_kept() -> None:
    assert numbered("abc", {"a": 3, "c": 9}, {"b": 7}) == {"a": 3, "b": 7, "c": 9}
    assert numbered("abc", {"a": 3, "c": 4}, {"b": 3}) == {"a": 3, "b": 4, "c": 5}
