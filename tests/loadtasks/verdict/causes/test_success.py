import pytest

from loadtasks.measurement.target_metrics import TargetMetrics
from tests.loadtasks.verdict.causes.cases import causes, failed
from tests.measurements import measurement

BAD = ("success_rate",)


@pytest.mark.parametrize(
    ("status", "cause", "step", "sure"),
    [
        (302, "the target sends clients elsewhere", "log-in", True),
        (400, "the target doesn't take what is sent", "API's description", True),
        (401, "the token is not accepted", "LOADTASKS_TOKEN", True),
        (403, "the token's rights don't suffice", "scopes", True),
        (404, "what is asked for is not there", "paths", True),
        (500, "an error in the target", "exception", True),
        (502, "the proxy got no good answer from the service behind it", "timeouts", True),
        (503, "the target is overloaded, or something that it needs is down", "readiness", False),
        (504, "the proxy got no good answer from the service behind it", "timeouts", True),
        (599, "an error in the target", "exception", True),
    ],
)
def test_a_wrong_status_is_told_with_its_meaning(status: int, cause: str, step: str, sure: bool) -> None:
    (told,) = causes(failed({"status": 50}, {"200": 50, str(status): 50}), wrong=BAD)
    assert told.sentence.startswith(f"{cause}: 50 of 100 requests (50.0 %) were answered {status}")
    assert told.sentence.endswith(f", e.g. GET /stats: answered {status}, expected 2xx")
    assert step in told.next_step
    assert told.sure is sure


def test_several_statuses_are_told_each_with_its_number_and_only_with_its_own_example() -> None:
    internal, forbidden = causes(failed({"status": 50}, {"200": 50, "403": 20, "500": 30}), wrong=BAD)
    assert internal.sentence.startswith("an error in the target: 30 of 100")
    assert (
        forbidden.sentence
        == "the token's rights don't suffice: 20 of 100 requests (20.0 %) were answered 403 Forbidden"
    )


def test_where_some_statuses_were_expected_it_says_what_it_cannot_tell() -> None:
    (told,) = causes(failed({"status": 10}, {"404": 50, "500": 10}), wrong=BAD)
    assert told.sentence.startswith("wrong statuses: 10 of 60 requests")
    assert not told.sure


@pytest.mark.parametrize(
    ("kind", "cause", "step"),
    [
        ("cut", "were cut off before the answer was whole", "killed"),
        ("refused", "were refused a connection", "open-file limit"),
        ("unreachable", "found no way to the target", "name"),
        ("connect_timeout", "got no connection in time", "accepts"),
        ("tls", "failed in TLS", "expiry"),
        ("malformed", "got an answer that is not HTTP", "address"),
        ("check", "were answered with a wrong body or header", "checks"),
        ("too_large", "got an answer too large", "page"),
    ],
)
def test_each_kind_of_failure_has_a_meaning(kind: str, cause: str, step: str) -> None:
    (told,) = causes(failed({kind: 50}, {"200": 50}), wrong=BAD)
    assert told.sentence.startswith(f"50 of 100 requests (50.0 %) {cause}")
    assert told.sentence.endswith(f", e.g. GET /stats: {kind}")
    assert step in told.next_step


def test_the_most_frequent_failure_comes_first_and_rare_ones_are_not_told() -> None:
    first, second = causes(failed({"check": 100, "cut": 200, "tls": 5}, {"200": 1000}, completed=1000), wrong=BAD)
    assert "200 of 1,305" in first.sentence
    assert "100 of 1,305" in second.sentence


def test_an_error_that_no_rule_explains_is_not_guessed_at() -> None:
    (told,) = causes(failed({"duplicate": 50}, {"200": 50}), wrong=BAD)
    assert told.sentence == "the cause can't be told from what was measured"
    assert not told.sure


def test_some_requests_that_hang_are_told_from_a_target_that_stands_still() -> None:
    hanging = measurement(
        times_s=[0.01] * 90, failed=6, in_flight=4, error="timeout",
        response=measurement(times_s=[0.01] * 90 + [10.0] * 10).response,
    )  # fmt: skip
    (some,) = causes(hanging, wrong=BAD)
    assert some.sentence.startswith("some requests hang: 10 of 100 requests (10.0 %) got no answer in time, e.g. GET")
    assert some.sentence.endswith("while half of all took at most 10.0 ms")
    assert some.sure
    (all_of_them,) = causes(measurement(times_s=[9.0] * 40, failed=60, error="timeout"), wrong=BAD)
    assert all_of_them.sentence.startswith("the target is overloaded or stands still: 60 of 100")
    assert not all_of_them.sure


def test_dropped_requests_are_a_rate_beyond_the_target() -> None:
    (told,) = causes(measurement(times_s=[0.1] * 90, dropped=10), wrong=BAD)
    assert told.sentence.startswith(
        "the target can't keep up with this rate: 10 of 100 requests (10.0 %) found no free"
    )


def test_429_without_retry_after_is_throttling_and_not_slowness() -> None:
    (told,) = causes(failed({"status": 40}, {"200": 60, "429": 40}, completed=60), wrong=BAD)
    assert told.sentence.startswith("throttling, not slowness: 40 of 100 requests (40.0 %) got 429 Too Many Requests")
    assert "without Retry-After" in told.sentence
    assert "APP_ALLOW_LOAD_TEST" in told.next_step


def test_throttled_requests_are_a_cause_and_no_error() -> None:
    now = measurement(times_s=[0.1] * 50, throttled=40, failed=10, statuses={"200": 50, "429": 40, "503": 10})
    limited, unavailable = causes(now, wrong=BAD)
    assert limited.sentence.startswith("throttling, not slowness: 40 of 100 requests were throttled")
    assert unavailable.sentence.startswith("the target is overloaded, or something that it needs is down: 10 of 100")


def test_503_with_retry_after_is_throttling_too() -> None:
    now = measurement(times_s=[0.1] * 50, throttled=40, failed=10, statuses={"200": 50, "503": 40, "500": 10})
    limited, internal = causes(now, wrong=BAD)
    assert "40 of 100 requests were throttled (503 with Retry-After)" in limited.sentence
    assert internal.sentence.startswith("an error in the target: 10 of 100")


def test_one_throttled_request_of_many_is_named_where_none_may_be() -> None:
    now = measurement(times_s=[0.1] * 999, throttled=1, statuses={"200": 999, "429": 1})
    (told,) = causes(now, wrong=("throttled",))
    assert "1 of 1,000 requests was throttled (429 with Retry-After): the times are those of the 999 " in told.sentence
    assert "throttled" not in " ".join(cause.sentence for cause in causes(now, wrong=("p95_s",)))


def test_what_the_target_counts_of_its_limit_is_told() -> None:
    counters = {
        'rate_limit_rejections_total{method="GET",route="/a"}': 30.0,
        'rate_limit_rejections_total{method="GET",route="/b"}': 10.0,
    }
    now = measurement(
        times_s=[0.1] * 50, throttled=40, statuses={"429": 40}, target_metrics=TargetMetrics(counters=counters)
    )
    (told,) = causes(now, wrong=("throttled",))
    assert told.sentence.endswith("the target itself counts 40 rejections by its rate limit")
