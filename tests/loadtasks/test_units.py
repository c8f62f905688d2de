# ruff: noqa: RUF001 - the typographic minus, times and dash are meant

import pytest

from loadtasks import units


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0 µs"),
        (0.000001, "1 µs"),
        (0.00085, "850 µs"),
        (0.0009996, "1.00 ms"),
        (0.0019, "1.90 ms"),
        (0.0123456, "12.3 ms"),
        (0.4124, "412 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (2.0, "2.00 s"),
        (2.0249, "2.02 s"),
        (9.999, "10.0 s"),
        (45.67, "45.7 s"),
        (600.0, "600 s"),
        (-0.002, "−2.00 ms"),
    ],
)
def test_a_duration_has_three_digits_and_a_fitting_unit(seconds: float | None, text: str) -> None:
    assert units.duration(seconds) == text


@pytest.mark.parametrize(
    ("bounds_s", "text"),
    [
        (None, "–"),
        ((0.0112, 0.0129), "11.2–12.9 ms"),
        ((0.00098, 0.0011), "980 µs–1.10 ms"),
        ((0.9, 1.1), "900 ms–1.10 s"),
        ((2.0, 3.1), "2.00–3.10 s"),
        ((0.0500001, 0.05), "50.0 ms"),
    ],
)
def test_an_interval_names_its_unit_once_where_there_is_one(bounds_s: tuple[float, float] | None, text: str) -> None:
    assert units.interval(bounds_s) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (2.5, "2.50 s"), (41.7, "42 s"), (125, "2 min 5 s"), (3780, "1 h 3 min"), (59.8, "1 min 0 s")],
)
def test_a_span_reads_as_people_wait(seconds: float | None, text: str) -> None:
    assert units.span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (float("inf"), "–"), (0.0, "10 s"), (33.0, "40 s"), (60.0, "60 s"), (247.3, "5 min"), (7201, "3 h")],
)
def test_an_estimate_is_rounded_up(seconds: float | None, text: str) -> None:
    assert units.rough_span(seconds) == text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(None, "–"), (412.4, "412/s"), (38457, "38,500/s"), (9.8712, "9.87/s"), (0.5, "0.50/s"), (99.97, "100/s")],
)
def test_a_rate_has_three_digits(per_second: float | None, text: str) -> None:
    assert units.rate(per_second) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (None, "–"),
        (1, "100 %"),
        (0, "0 %"),
        (0.99, "99.0 %"),
        (0.9996, "99.96 %"),
        (0.99999, "99.999 %"),
        (0.99999999, "> 99.999 %"),
        (0.0001, "0.01 %"),
        (1e-9, "< 0.001 %"),
        (1.25, "125.0 %"),
    ],
)
def test_only_the_whole_reads_as_the_whole(part: float | None, text: str) -> None:
    assert units.share(part) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (None, "–"),
        (1.0, "±0 %"),
        (1.004, "±0 %"),
        (1.12, "+12 %"),
        (0.92, "−8 %"),
        (0.4, "−60 %"),
        (0.0, "−100 %"),
        (0.0031, "−99.6 %"),
        (0.00001, "−99.9 %"),
        (1.99, "+99 %"),
        (1.996, "2.0×"),
        (2.14, "2.1×"),
        (9.96, "10×"),
        (1234.0, "1,230×"),
    ],
)
def test_a_change_is_per_cent_until_it_doubles(ratio: float | None, text: str) -> None:
    assert units.change(ratio) == text


@pytest.mark.parametrize(
    ("metric", "number", "text"),
    [
        ("p95_s", 3.02, "3.02 s"),
        ("throughput_per_s", 412.0, "412/s"),
        ("success_rate", 0.95, "95.0 %"),
        ("scheduled", 1200, "1,200"),
        ("conservation_gap", None, "–"),
    ],
)
def test_a_metric_is_shown_in_its_own_unit(metric: str, number: float | None, text: str) -> None:
    assert units.value(metric, number) == text


@pytest.mark.parametrize(
    ("rates", "texts"),
    [
        ((0.0, 0.005), ["0", "0.5 %"]),
        ((0.000001, 0.0038, 0.2), ["0.0001 %", "0.38 %", "20.0 %"]),
        ((0.0, 0.00024, 0.0000137), ["0", "240 per million", "14 per million"]),
        ((0.00000012,), ["0.12 per million"]),
        ((1.0, 0.9999), ["100 %", "99.99 %"]),
    ],
)
def test_error_rates_share_a_unit(rates: tuple[float, ...], texts: list[str]) -> None:
    assert units.error_rates(*rates) == texts


def test_one_of_a_thing_is_singular() -> None:
    assert units.plural(1, "request") == "1 request"
    assert units.plural(1200, "request") == "1,200 requests"
    assert units.plural(2, "pass", "passes") == "2 passes"
