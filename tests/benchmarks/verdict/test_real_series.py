"""The benchmark on real series: how alarms are scored, how runs are made of points, and who responds to an alarm."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmarks.verdict.real_series import injected, listing, rules, supervised
from benchmarks.verdict.real_series.scoring import Alarm, covering, match, score
from benchmarks.verdict.real_series.series import RealSeries, agreed_steps, cut, make_series, read_folder
from benchmarks.verdict.real_series.supervised import Response, judge
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement
from loadtasks.verdict.history.series_settings import SeriesSettings

UP, DOWN = 1, -1


def stairs(*levels: tuple[float, int], cv: float = 0.0, seed: int = 1) -> list[float]:
    """So many points at each level."""
    values = np.repeat([level for level, _ in levels], [number for _, number in levels])
    return list(values * np.exp(cv * np.random.default_rng(seed).standard_normal(len(values))))


def hill(optional: Sequence[int] = ()) -> RealSeries:
    """A step up at point 30 and one down at point 60, of 90."""
    return make_series(stairs((10, 30), (12, 30), (10, 30)), annotated=[60, 30], optional=optional)


@pytest.mark.parametrize(
    ("alarms", "found", "false"),
    [
        ([Alarm(33, 30, UP)], {0: 0}, []),
        ([Alarm(33, 35, UP)], {0: 0}, []),
        ([Alarm(33, 36, UP)], {}, [0]),
        ([Alarm(33, 24, UP)], {}, [0]),
        ([Alarm(33, 30, DOWN)], {}, [0]),
        ([Alarm(33, 33, UP), Alarm(40, 31, UP)], {0: 1}, []),
        ([Alarm(33, 30, UP), Alarm(62, 60, DOWN), Alarm(80, 79, UP)], {0: 0, 1: 1}, [2]),
    ],
    ids=["right", "margin", "late", "early", "direction", "the nearest counts, the other repeats it", "both"],
)
def test_an_alarm_is_right_near_a_step_of_its_direction(
    alarms: list[Alarm], found: dict[int, int], false: list[int]
) -> None:
    matches = match(hill(), alarms)
    assert (matches.found, matches.false) == (found, false)


def test_an_alarm_means_one_step_only() -> None:
    series = make_series(stairs((10, 30), (12, 4), (15, 40)), annotated=[30, 34])
    matches = match(series, [Alarm(36, 33, UP)])
    assert (matches.found, [step.first for step in matches.missed]) == ({1: 0}, [30])


def test_an_alarm_near_an_optional_step_is_neither_right_nor_false() -> None:
    alarms = [Alarm(50, 40, UP), Alarm(56, 40, UP), Alarm(20, 9, DOWN)]
    assert match(hill(optional=[46]), alarms).false == [2]
    assert match(hill(), alarms).false == [0, 1, 2]


def test_series_are_added_up() -> None:
    quiet = make_series(stairs((10, 275)))
    matched = [
        match(hill(), [Alarm(32, 30, UP), Alarm(66, 61, DOWN), Alarm(80, 80, UP)]),
        match(quiet, [Alarm(100, 100, DOWN)]),
    ]
    whole, worse = score(matched), score(matched, worse=True)
    assert (whole.steps, whole.found, whole.false, whole.points) == (2, 2, 2, 365)
    assert (whole.precision, whole.recall, whole.f1, whole.false_a_year) == (0.5, 1.0, pytest.approx(2 / 3), 2.0)
    assert (whole.delay(50), whole.delay(90)) == (4.0, pytest.approx(5.6))
    assert (worse.steps, worse.found, worse.false, list(worse.delays)) == (1, 1, 1, [2])
    faster = make_series(stairs((10, 30), (12, 30)), annotated=[30], worse_up=False)
    assert score([match(faster, [])], worse=True).steps == 0


def test_covering_is_the_best_overlap_of_each_stretch() -> None:
    assert covering(100, [50], [50]) == 1.0
    assert covering(100, [], [50]) == 0.5
    assert covering(100, [50], []) == 0.5
    assert covering(100, [50], [60]) == pytest.approx((50 * 50 / 60 + 50 * 40 / 50) / 100)


def write_folder(folder: Path, rows: Sequence[str], **facts: object) -> Path:
    described = {
        "one": {"worse_up": True, "annotations": {"reviewer": [2]}, "optional": [], "kind": "nightly", **facts}
    }
    (folder / "series").mkdir()
    (folder / "annotations.json").write_text(json.dumps(described))
    (folder / "series" / "one.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_points_of_a_build_are_the_repetitions_of_a_run(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, ["value,time,build", "1,0,a", "2,0,a", "4,0,b", "8,0,c", "16,0,a"])
    (series,) = read_folder(folder)
    assert series.first_points == (0, 2, 3, 4)
    assert [list(np.exp(run).round(9)) for run in series.repetitions] == [[1, 2], [4], [8], [16]]
    assert series.has_repetitions
    assert cut(series, 1, 3).first_points == (0, 1)
    assert list(cut(series, 1, 3).values) == [4, 8]


def test_a_value_that_is_no_number_above_0_is_named_with_its_line(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, ["value,time", "1,0", "0,0"])
    with pytest.raises(ValueError, match=r"one\.csv, line 3: the column `value` must be a number above 0"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("described", "message"),
    [("[1]", "must hold, by the id of a series"), ('{"one": {"annotations": {}, "worse_up": true}}', "has no points")],
)
def test_what_is_no_series_is_said_in_a_sentence(tmp_path: Path, described: str, message: str) -> None:
    folder = write_folder(tmp_path, ["value,time"])
    (folder / "annotations.json").write_text(described)
    with pytest.raises(ValueError, match=message):
        read_folder(folder)


def test_of_several_people_half_must_agree(tmp_path: Path) -> None:
    assert agreed_steps([[10, 50], [12], [14, 90], [], []]) == ([12], [50, 90])
    people = {"a": [2], "b": [2], "c": [], "d": [14]}
    folder = write_folder(tmp_path, ["value", *map(str, range(1, 20))], kind="human5", annotations=people)
    (series,) = read_folder(folder)
    assert (series.annotated, series.optional) == ((2,), (14,))


class ScriptedDetector:
    """Says what a test has written down for each run, and keeps what it is given."""

    script: ClassVar[dict[int, Judgement]] = {}
    due: ClassVar[list[int]] = []
    """The runs that are to be repeated for as long as there is something."""

    def __init__(self, series: Sequence[SeriesSettings], budget: FalseAlarmBudget) -> None:
        assert (len(series), budget.runs_per_false_alarm) == (1, 100)
        self.measured: list[list[float]] = []
        self.calls: list[tuple[int, str]] = []

    def begin_run(self, values: Values) -> None:
        self.measured.append([round(float(np.exp(values[0])), 6)])

    def add_repetition(self, values: Values) -> None:
        self.measured[-1].append(round(float(np.exp(values[0])), 6))

    def repetitions_due(self) -> list[RepetitionReason | None]:
        return [RepetitionReason.SUSPECT if len(self.measured) - 1 in self.due else None]

    def judge(self) -> list[Judgement]:
        return [self.script.get(len(self.measured) - 1, Judgement(DetectorState.NORMAL))]

    def accept(self, row: int) -> None:
        self.calls.append((len(self.measured) - 1, f"accept {row}"))

    def dismiss(self, row: int) -> None:
        self.calls.append((len(self.measured) - 1, f"dismiss {row}"))


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedDetector]:
    """The detectors that were made."""
    made: list[ScriptedDetector] = []

    def make(*arguments: Any) -> ScriptedDetector:
        made.append(ScriptedDetector(*arguments))
        return made[-1]

    monkeypatch.setattr(supervised, "Detector", make)
    monkeypatch.setattr(ScriptedDetector, "script", {})
    monkeypatch.setattr(ScriptedDetector, "due", [])
    return made


def change(first: int, size: float = 0.2) -> ChangePoint:
    return ChangePoint(first=first, earliest=first, latest=first, lasted=3, size=size, low=size, high=size)


def raised(first: int, state: DetectorState = DetectorState.REGRESSED, size: float = 0.2) -> Judgement:
    return Judgement(state, change=change(first, size), raised=True)


def test_a_person_accepts_what_is_annotated_and_dismisses_the_rest(scripted: list[ScriptedDetector]) -> None:
    ScriptedDetector.script.update(
        {
            20: raised(18),
            32: raised(31),
            50: raised(47),
            62: raised(60, DetectorState.IMPROVED, size=-0.2),
            70: Judgement(DetectorState.SUSPECTED),
        }
    )
    (judged,) = judge([hill(optional=[48])], 0.5, Response.ANSWERED)
    assert scripted[0].calls == [(20, "dismiss 0"), (32, "accept 0"), (50, "dismiss 0")]
    assert judged.alarms == [Alarm(20, 18, UP), Alarm(32, 31, UP), Alarm(50, 47, UP), Alarm(62, 60, DOWN)]
    assert (judged.runs, judged.suspected, judged.accepted) == (90, 1, [])


def test_a_regression_without_response_is_accepted_after_30_runs(scripted: list[ScriptedDetector]) -> None:
    is_open = Judgement(DetectorState.REGRESSED, change=change(31))
    ScriptedDetector.script.update({32: raised(31), **dict.fromkeys(range(33, 63), is_open), 70: raised(69)})
    (judged,) = judge([hill()], 0.5, Response.UNANSWERED)
    assert scripted[0].calls == [(62, "accept 0")]
    assert judged.accepted == [62]
    assert [alarm.raised for alarm in judged.alarms] == [32, 70], "an automatic acceptance is no alarm"


def test_a_recovery_is_an_alarm_in_the_other_direction(scripted: list[ScriptedDetector]) -> None:
    back = Judgement(DetectorState.RECOVERING, change=change(31))
    is_open = Judgement(DetectorState.REGRESSED, change=change(31))
    recovered = Judgement(DetectorState.NORMAL, change=change(31), recovered=True)
    script = {32: raised(31), 40: back, 41: is_open, 60: back, 61: back, 62: recovered}
    ScriptedDetector.script.update(dict.fromkeys(range(33, 60), is_open) | script)
    (judged,) = judge([hill()], 0.5, Response.UNANSWERED)
    assert judged.alarms == [Alarm(32, 31, UP), Alarm(62, 60, DOWN)]
    assert (judged.recoveries, judged.accepted, scripted[0].calls) == (1, [], [])


def test_points_of_a_build_are_measured_as_long_as_the_detector_asks(scripted: list[ScriptedDetector]) -> None:
    ScriptedDetector.due += [1, 2]
    ScriptedDetector.script[2] = raised(1)
    series = make_series([1, 2, 3, 4, 5, 6, 7], builds=["a", "a", "b", "b", "b", "c", "d"], annotated=[2])
    (judged,) = judge([series], 0.5, Response.ANSWERED)
    assert scripted[0].measured == [[1], [3, 4, 5], [6], [7]]
    assert judged.repeated == 2
    assert judged.alarms == [Alarm(5, 2, UP)], "runs are counted as points again"


def test_series_are_judged_as_if_alone() -> None:
    series = [make_series(stairs((10, 40), (12, 30), cv=0.05, seed=seed)[: 60 + seed]) for seed in range(4)]
    together = judge(series, 0.5, Response.UNANSWERED)
    alone = [judge([one], 0.5, Response.UNANSWERED)[0] for one in series]
    assert [one.alarms for one in together] == [one.alarms for one in alone]
    assert [one.repeated for one in together] == [one.repeated for one in alone]


def test_what_was_missed_and_false_is_listed() -> None:
    series = make_series(stairs((10, 40), (10.1, 40), (14, 40), cv=0.01), name="shop", annotated=[40])
    judged = judge([series], 0.5, Response.ANSWERED)
    text = listing.listing(judged, [match(series, judged[0].alarms)])
    assert "shop (120 points): 0 of 1 steps found" in text
    assert "missed: 40 +" in text
    assert "false:  80↑@" in text


@pytest.mark.parametrize("rule", rules.RULES.values(), ids=rules.RULES)
def test_a_simple_rule_finds_a_large_step_in_both_directions(rule: rules.Rule) -> None:
    values = np.array(stairs((10, 40), (14, 40), (10, 40), cv=0.01))
    alarms = rule(values)
    assert [alarm.direction for alarm in alarms] == [UP, DOWN]
    assert [abs(alarm.first - step) <= 1 for alarm, step in zip(alarms, (40, 80), strict=True)] == [True, True]


def test_the_t_test_waits_for_twelve_points() -> None:
    assert [alarm.raised - alarm.first for alarm in rules.t_test(np.array(stairs((10, 40), (14, 40), cv=0.01)))] == [11]


def test_steps_are_injected_far_from_known_ones_and_found() -> None:
    series = make_series(stairs((10, 150), (14, 150), cv=0.01), annotated=[150], worse_up=False)
    places = injected.calm_places([series], seed=1)
    assert len(places) == 3
    for place in places:
        known = {point - place.run for point in place.series.annotated}
        assert not known & set(range(-injected.BEFORE, injected.AFTER))
        plain, slower = place.series.values, place.injected(0.2).values
        assert list(slower[: place.run]) == list(plain[: place.run])
        assert slower[place.run :] == pytest.approx(plain[place.run :] / 1.2)
    (found,) = injected.inject(places, 0.5, steps=(0.2,))
    assert (found.share, found.places) == (1.0, 3)
