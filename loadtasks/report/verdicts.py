"""Verdicts in words and symbols."""

from collections import Counter

from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict

WORD = {
    Verdict.PASS: "PASS",
    Verdict.FAIL: "FAIL",
    Verdict.REGRESSED: "REGRESSED",
    Verdict.IMPROVED: "IMPROVED",
    Verdict.INVALID: "INVALID",
}
SYMBOL = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.REGRESSED: "▲",
    Verdict.IMPROVED: "▼",
    Verdict.INVALID: "?",
}
"""A shape for each verdict, so that colour never is the only meaning (▲: the times rose)."""

WORST_FIRST = (Verdict.FAIL, Verdict.REGRESSED, Verdict.INVALID, Verdict.IMPROVED, Verdict.PASS)
"""The order of tables that show first what people have to look at."""


def tally(document: ResultsDocument) -> str:
    """How many scenarios have which verdict: `7 pass, 1 fail, 1 invalid`."""
    counts = Counter(result.verdict for result in document.scenarios)
    return ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]) or "no scenario"
