from loadtasks.measurement.model import Measurement
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.causes.failures import CounterRise, CounterRises, MetricsProblem
from loadtasks.results.findings.codes import FindingCode, FindingKind
from tests.loadtasks.verdict.causes.cases import causes, codes, completed, findings


def test_metrics_that_cannot_be_read_are_one_note_and_no_cause() -> None:
    now = completed(3.0, server={"db": 2.9}, target_metrics=TargetMetrics(problem="GET /metrics: 404"))
    cause, note = findings(now)
    assert cause.kind is FindingKind.DIAGNOSIS
    assert (note.code, note.kind) == (FindingCode.TARGET_METRICS_UNREADABLE, FindingKind.HISTORY)
    assert note.parameters == MetricsProblem(problem="GET /metrics: 404")
    (alone,) = findings(now, wrong=())
    assert alone == note


def test_counters_that_stand_out_are_a_note_and_never_a_cause() -> None:
    def metrics(**counters: float) -> TargetMetrics:
        return TargetMetrics(counters=counters)

    before = completed(3.0, target_metrics=metrics(gc_total=5, queries_total=100, calm_total=500))
    now = completed(3.0, target_metrics=metrics(gc_total=99, queries_total=5000, calm_total=600, new_total=300))
    (note,) = findings(now, before, wrong=())
    assert (note.code, note.kind) == (FindingCode.TARGET_METRICS_STAND_OUT, FindingKind.HISTORY)
    assert note.parameters == CounterRises(
        counters=(
            CounterRise(series="new_total", now=300, before=0),
            CounterRise(series="queries_total", now=5000, before=100),
        )
    )


def test_redis_that_went_down_is_a_cause_and_one_that_never_was_up_is_none() -> None:
    def redis(*up: float) -> Measurement:
        return completed(3.0, server={"db": 2.9}, target_metrics=TargetMetrics(gauges={"redis_up": (up[0], up[1])}))

    for now, before in ((redis(1, 0), None), (redis(0, 0), redis(1, 1))):
        assert codes(causes(now, before)) == [FindingCode.REDIS_DOWN, FindingCode.DATABASE_SLOW]
    for before in (None, redis(0, 0)):
        assert codes(causes(redis(0, 0), before)) == [FindingCode.DATABASE_SLOW]
