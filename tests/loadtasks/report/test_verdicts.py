"""Verdicts in words and symbols."""

import pytest

from loadtasks.report.verdicts import SYMBOL, WORD, tally
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_a_word_and_a_shape_of_its_own(verdict: Verdict) -> None:
    assert WORD[verdict].lower() == verdict.value
    assert len(set(SYMBOL.values())) == len(Verdict)


def test_the_tally_counts_each_verdict() -> None:
    assert tally(samples.bad_run()) == "3 pass, 2 fail, 1 regressed, 1 improved, 2 invalid"
