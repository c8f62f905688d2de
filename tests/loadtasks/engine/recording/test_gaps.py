"""Stretches put one after the other, in any grouping, have the gaps of the whole."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.recording.gaps import Gap, Gaps

MARK, GAP, NOTHING = "|", "x", "."
LINE = st.text(st.sampled_from((MARK, GAP, NOTHING)), min_size=1, max_size=12)


def gaps(line: str) -> Gaps:
    """The gaps of a line of characters, one microsecond each: from the first to the last x between two marks."""
    marks, found = 0, {}
    for at, character in enumerate(line):
        if character == MARK:
            marks += 1
        elif character == GAP:
            found[marks] = Gap(found[marks].start_us if marks in found else at, at + 1)
    return Gaps.of(marks, found.items())


def appended(lines: Sequence[str]) -> tuple[Gaps, int]:
    whole, length = Gaps(), 0
    for line in lines:
        whole, length = whole.then(gaps(line), length), length + len(line)
    return whole, length


def test_gaps_are_summed_and_the_longest_is_found() -> None:
    line = ".x.|xx|..x..x.|x"
    assert gaps(line) == Gaps(True, Gap(1, 2), 6, Gap(9, 13), Gap(15, 16))
    assert gaps(line).sum_us == 8
    assert gaps(line).longest_of_all == Gap(9, 13)
    assert gaps("x..x.") == Gaps(False, Gap(0, 4))
    assert (Gaps().sum_us, Gaps().longest_of_all) == (0, None)


@given(lines=st.lists(LINE, max_size=6))
def test_stretches_have_the_gaps_of_the_line_that_they_make(lines: list[str]) -> None:
    assert appended(lines)[0] == gaps("".join(lines))


@given(lines=st.lists(LINE, min_size=3, max_size=3))
def test_the_grouping_makes_no_difference(lines: list[str]) -> None:
    a, b, c = map(gaps, lines)
    first, second = len(lines[0]), len(lines[1])
    assert a.then(b, first).then(c, first + second) == a.then(b.then(c, second), first)
