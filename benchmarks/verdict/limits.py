"""The limits for this project's detectors; a sentence for each that doesn't hold."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.verdict.simulated_runs import TAIL

Found = Mapping[float | str, float]

MAX_ALARMS = 4.0
MIN_FOUND: dict[float, Found] = {
    0.05: {0.05: 0.70, 0.10: 0.95, 0.20: 1.0, TAIL: 1.0},
    0.10: {0.10: 0.85, 0.20: 0.97, TAIL: 0.97},
}
"""The share found within 10 runs, by CV and shift."""
MIN_FOUND_PAIRED: Found = {0.05: 0.90, 0.10: 1.0, 0.20: 1.0, 0.40: 1.0, TAIL: 1.0}
"""The share found in one run, at each CV."""


def history(measured: Mapping[float, tuple[float, Found]]) -> Iterator[str]:
    """Limits of the history detector, by CV: false alarms a series-year, and the share found of each shift."""
    for cv, (alarms, found) in measured.items():
        yield from false_alarms([(f"CV {cv:.0%}", alarms)])
        for shift, minimum in MIN_FOUND[cv].items():
            if found[shift] < minimum:
                share = f"{found[shift]:.3f} found in 10 runs; the limit is {minimum:.2f}"
                yield f"history, CV {cv:.0%}, {_name(shift)}: {share}"


def false_alarms(measured: Sequence[tuple[str, float]]) -> Iterator[str]:
    """False alarms a series-year of the history detector in noises of any name: the limit is the same in all."""
    for name, alarms in measured:
        if alarms > MAX_ALARMS:
            yield f"history, {name}: {alarms:.1f} false alarms a series-year; the limit is {MAX_ALARMS:.0f}"


def against(measured: Mapping[float, tuple[float, Found, float, Found]]) -> Iterator[str]:
    """Compared with Otava, by CV: alarms and shares found of both. Fewer alarms, and as much found or more."""
    for cv, (alarms, found, their_alarms, their_found) in measured.items():
        if alarms >= their_alarms:
            yield f"history, CV {cv:.0%}: {alarms:.1f} false alarms a series-year, and Otava {their_alarms:.1f}"
        for shift, share in their_found.items():
            if found[shift] < share:
                yield f"history, CV {cv:.0%}, {_name(shift)}: {found[shift]:.2f} found, and by Otava {share:.2f}"


def paired(measured: Sequence[tuple[float, float | str | None, float]]) -> Iterator[str]:
    """Limits of the paired test: the share of runs that regressed, by CV and shift."""
    for cv, shift, found in measured:
        if shift is None and found:
            yield f"paired, CV {cv:.0%}: {found:.3f} of the runs without a shift regressed; the limit is 0"
        if shift is not None and found < MIN_FOUND_PAIRED[shift]:
            limit = f"the limit is {MIN_FOUND_PAIRED[shift]:.2f}"
            yield f"paired, CV {cv:.0%}, {_name(shift)}: {found:.2f} found in one run; {limit}"


def _name(shift: float | str) -> str:
    return shift if isinstance(shift, str) else f"{shift:+.0%}"
