"""What was missed and what was false, series by series: to see what a detector gets wrong."""

from collections.abc import Sequence
from typing import Any

from benchmarks.verdict.real_series.scoring import Alarm, Matches, Step, is_optional, level_ratio
from benchmarks.verdict.real_series.supervised import JudgedSeries

_NEAR = 20
"""Points about a missed step within which alarms are shown."""


def listing(judged: Sequence[JudgedSeries], matched: Sequence[Matches]) -> str:
    """A paragraph for each series, worst first; those without a missed step or false alarm are only counted."""
    pairs = sorted(zip(judged, matched, strict=True), key=lambda pair: -len(pair[1].missed) - len(pair[1].false))
    wrong = [pair for pair in pairs if pair[1].missed or pair[1].false]
    paragraphs = [_paragraph(one, matches) for one, matches in wrong]
    return "\n".join([*paragraphs, f"{len(pairs) - len(wrong)} series without a missed step or a false alarm"])


def as_document(
    response: str, share: float, judged: Sequence[JudgedSeries], matched: Sequence[Matches]
) -> dict[str, Any]:
    """Every alarm and step as JSON."""
    series = {
        one.series.name: {
            "points": len(one.series.values),
            "alarms": [
                {**alarm._asdict(), "size": size, "is": _kind(matches, number)}
                for number, (alarm, size) in enumerate(zip(one.alarms, one.sizes, strict=True))
            ],
            "missed": [step.first for step in matches.missed],
            "accepted_automatically": one.accepted,
            "runs": one.runs,
            "repeated": one.repeated,
            "suspected": one.suspected,
        }
        for one, matches in zip(judged, matched, strict=True)
    }
    return {"response": response, "share": share, "series": series}


def _paragraph(judged: JudgedSeries, matches: Matches) -> str:
    series = judged.series
    shares = f"{judged.repeated / judged.runs:.0%} repeated, {judged.suspected / judged.runs:.0%} suspected"
    found = f"{len(matches.found)} of {len(matches.steps)} steps found"
    worse = "" if series.worse_up else ", lower is worse"
    lines = [f"{series.name} ({len(series.values)} points{worse}): {found}, {len(matches.false)} false; {shares}"]
    if matches.missed:
        lines.append("  missed: " + ", ".join(_step(matches, step) for step in matches.missed))
    if matches.found:
        delays = [
            f"{matches.steps[number].first} +{matches.alarms[at].raised - matches.steps[number].first}"
            for number, at in sorted(matches.found.items())
        ]
        lines.append("  found:  " + ", ".join(delays))
    if matches.false:
        lines.append("  false:  " + ", ".join(_false(judged, number) for number in matches.false))
    if judged.accepted:
        lines.append("  accepted automatically: " + ", ".join(map(str, judged.accepted)))
    return "\n".join(lines)


def _step(matches: Matches, step: Step) -> str:
    near = [alarm for alarm in matches.alarms if abs(alarm.first - step.first) <= _NEAR]
    also = f" (alarms near: {', '.join(_place(alarm) for alarm in near)})" if near else ""
    return f"{step.first} {_percent(level_ratio(matches.series, step.first))}{also}"


def _false(judged: JudgedSeries, number: int) -> str:
    alarm = judged.alarms[number]
    levels = _percent(level_ratio(judged.series, alarm.first))
    return f"{_place(alarm)} {_percent(judged.sizes[number])} (20 points: {levels})"


def _place(alarm: Alarm) -> str:
    return f"{alarm.first}{'↑' if alarm.direction > 0 else '↓'}@{alarm.raised}"


def _percent(ratio: float) -> str:
    return f"{ratio - 1:+.1%}"


def _kind(matches: Matches, number: int) -> str:
    if number in matches.found.values():
        return "right"
    if number in matches.false:
        return "false"
    return "optional" if is_optional(matches.series, matches.alarms[number]) else "repeated"
