"""What a terminal shows while a scenario runs."""

import io
import re

import pytest
from rich.console import Console

from loadtasks.cli.live_view import RunProgress, view
from loadtasks.engine.generator.progress import Progress
from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.report.sentences.validity import saturation_sentence
from loadtasks.units import MISSING
from tests.measurements import histogram

LAGGING = Saturation(code=SaturationCode.LOOP_LAG, observed=0.14, limit=0.1, statistic=Statistic.P99, process=2)


def progress(**changes: object) -> Progress:
    plausible = {
        "done": 1234,
        "expected": 60000,
        "elapsed_s": 20.0,
        "left_s": 60.0,
        "rate_per_s": 411.6,
        "response": histogram([0.0019] * 90 + [0.0412] * 10),
        "failed": 0,
        "throttled": 0,
        "saturation": (),
    }
    return Progress(**(plausible | changes))  # type: ignore[arg-type]


def read(reached: Progress, width: int = 100) -> list[str]:
    return view("3/9 dashboard.sustained", reached, width).plain.split("\n")


def test_two_lines_show_the_progress_and_the_numbers() -> None:
    assert read(progress()) == [
        "3/9 dashboard.sustained  ━━━━━━━━──────────────────────   25 %   1,234 of 60,000  1 min 0 s left",
        "       412/s now  so far p50 1.90 ms  p95 41.2 ms  generator healthy  0 errors",
    ]
    throttled = read(progress(failed=1, throttled=1200, rate_per_s=38512.0))[1]
    assert throttled == "    38,500/s now  so far p50 1.90 ms  p95 41.2 ms  generator healthy  1 error  1,200 throttled"


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"left_s": 4.2}, "82 %   1,234 of 60,000  5 s left"),
        ({"left_s": 42.4}, "32 %   1,234 of 60,000  42 s left"),
        ({"left_s": 0.0, "done": 60000}, "100 %  60,000 of 60,000  0 s left"),
        ({"expected": None}, "25 %    1,234  1 min 0 s left"),
        ({"left_s": None}, "  1,234 of 60,000  for 20 s"),
    ],
)
def test_the_time_left_is_shown_or_where_none_is_known_the_time_gone(changes: dict[str, object], end: str) -> None:
    assert read(progress(**changes))[0].endswith(end)


def test_before_the_first_response_there_are_no_times() -> None:
    assert f"so far p50 {MISSING:>7}  p95 {MISSING:>7}" in read(progress(response=histogram([]), done=0))[1]


@pytest.mark.parametrize("width", [80, 100])
def test_fields_keep_their_columns_while_numbers_change(width: int) -> None:
    early = read(progress(done=9, rate_per_s=1.234, left_s=3500.0, response=histogram([0.00085])), width)
    late = read(progress(done=59999, rate_per_s=38512.0, left_s=1.0, response=histogram([0.412])), width)
    for first, second, words in ((early[0], late[0], ("%", "of 60,000")), (early[1], late[1], ("now", "p95", "gen"))):
        assert [first.index(word) for word in words] == [second.index(word) for word in words]


def test_a_saturated_generator_is_shown_with_the_reason() -> None:
    lines = read(progress(saturation=(LAGGING, LAGGING.model_copy(update={"process": 3}))))
    assert "generator saturated" in lines[1]
    assert lines[2].endswith("…")
    assert saturation_sentence(LAGGING).startswith(lines[2].strip().rstrip("…"))


def test_a_narrow_terminal_shows_errors_rather_than_times() -> None:
    assert read(progress(failed=12), 70)[1] == "       412/s now  p95 41.2 ms  generator healthy  12 errors"
    assert read(progress(failed=12), 46)[1] == "       412/s now  generator healthy  12 errors"


@pytest.mark.parametrize("width", [30, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = read(progress(saturation=(LAGGING,)), width)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert any("━" in line for line in lines) is (width >= 80)


def run(console: Console) -> str:
    with RunProgress(console, 2) as shown:
        for scenario in ("dashboard.sustained", "sessions.filtered"):
            shown.begin(scenario)
            shown.reach(progress())
            shown.end(f"{scenario}: 60,000 requests")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_is_redrawn_and_keeps_one_line_a_scenario() -> None:
    drawn = run(Console(file=io.StringIO(), force_terminal=True, width=100))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert "1/2 dashboard.sustained  preparing" in text
    assert "412/s now" in text
    assert "2/2 sessions.filtered: 60,000 requests" in text
    assert "\x1b[2K" in drawn  # what was drawn before is erased


def test_elsewhere_there_is_a_plain_line_a_scenario() -> None:
    assert run(Console(file=io.StringIO(), width=100)) == (
        "1/2 dashboard.sustained: 60,000 requests\n2/2 sessions.filtered: 60,000 requests\n"
    )
