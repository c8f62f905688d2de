"""What is asked of this project's detectors; a sentence for each that doesn't hold."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.verdict.nights import TAIL

Found = Mapping[float | str, float]

ALARMS = 4.0
FOUND: dict[float, Found] = {
    0.05: {0.05: 0.70, 0.10: 0.95, 0.20: 1.0, TAIL: 1.0},
    0.10: {0.10: 0.85, 0.20: 0.97, TAIL: 0.97},
}
"""Within 10 nights, by CV and shift."""
PAIRED: Found = {0.05: 0.90, 0.10: 1.0, 0.20: 1.0, 0.40: 1.0, TAIL: 1.0}
"""In one night, at each CV."""


def history(measured: Mapping[float, tuple[float, Found]]) -> Iterator[str]:
    """By CV: false alarms a series-year, and what was found of each shift."""
    for cv, (alarms, found) in measured.items():
        if alarms > ALARMS:
            yield f"history, CV {cv:.0%}: {alarms:.1f} false alarms a series-year; at most {ALARMS:.0f} are asked"
        for shift, least in FOUND[cv].items():
            if found[shift] < least:
                yield f"history, CV {cv:.0%}, {_name(shift)}: {found[shift]:.3f} found in 10 nights; {least:.2f} asked"


def against(measured: Mapping[float, tuple[float, Found, float, Found]]) -> Iterator[str]:
    """By CV, alarms and found of history and of Otava: fewer alarms, and as much found or more."""
    for cv, (alarms, found, others, theirs) in measured.items():
        if alarms >= others:
            yield f"history, CV {cv:.0%}: {alarms:.1f} false alarms a series-year, and Otava {others:.1f}"
        for shift, share in theirs.items():
            if found[shift] < share:
                yield f"history, CV {cv:.0%}, {_name(shift)}: {found[shift]:.2f} found, and by Otava {share:.2f}"


def paired(measured: Sequence[tuple[float, float | str | None, float]]) -> Iterator[str]:
    """The share of nights called regressed, by CV and shift."""
    for cv, shift, found in measured:
        if shift is None and found:
            yield f"paired, CV {cv:.0%}: {found:.3f} of the nights without a shift called regressed; none is asked"
        if shift is not None and found < PAIRED[shift]:
            yield f"paired, CV {cv:.0%}, {_name(shift)}: {found:.2f} found in one night; {PAIRED[shift]:.2f} asked"


def _name(shift: float | str) -> str:
    return shift if isinstance(shift, str) else f"{shift:+.0%}"
