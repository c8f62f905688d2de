import pytest

from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.results.findings.causes.slowness import MeanTime, SlowOpening, SlowPublishing
from loadtasks.results.findings.codes import FindingCode
from tests.loadtasks.verdict.causes.cases import causes, codes, likely, parameters, phase
from tests.measurements import measurement


def websockets(**phases: float) -> Measurement:
    """A thousand deliveries or openings with these mean times in seconds by phase."""
    return measurement(
        "websocket.x",
        times_s=[0.01] * 1000,
        protocol=Protocol.WEBSOCKET,
        phases={name.replace("server_", "server:"): phase(mean_s, 50) for name, mean_s in phases.items()},
    )


def deliveries(publish: float, first: float, fan_out: float, **server: float) -> Measurement:
    phases = {f"server_{name}": mean_s for name, mean_s in server.items()}
    return websockets(publish=publish, first_delivery=first, fan_out=fan_out, **phases)


NORMAL = deliveries(0.008, 0.009, 0.002, db=0.002, total=0.006)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (deliveries(0.01, 0.012, 0.5, db=0.002, total=0.006), FindingCode.FAN_OUT_SLOW),
        (deliveries(0.9, 0.91, 0.002, db=0.85, total=0.89), FindingCode.PUBLISHING_SLOW),
        (deliveries(0.01, 0.9, 0.002, db=0.002, total=0.006), FindingCode.EVENT_TRANSPORT_SLOW),
    ],
)
def test_slow_deliveries_are_the_publisher_the_way_or_the_fan_out(now: Measurement, code: FindingCode) -> None:
    for before in (NORMAL, None):
        assert codes(causes(now, before)) == [code]


def test_slow_publishing_names_its_phase() -> None:
    (cause,) = causes(deliveries(0.9, 0.91, 0.002, db=0.85, total=0.89), NORMAL)
    publishing = parameters(cause, SlowPublishing)
    assert publishing.publish == MeanTime(now_s=0.9, before_s=0.008)
    assert (publishing.phase, publishing.held) == ("db", None)


def test_a_publisher_that_waits_for_connections_held_longer_says_so() -> None:
    before = deliveries(0.05, 0.06, 0.002, pool=0.001, db=0.03, total=0.04)
    (cause,) = causes(deliveries(0.9, 0.91, 0.002, pool=0.6, db=0.28, total=0.89), before)
    publishing = parameters(cause, SlowPublishing)
    assert (publishing.phase, publishing.held_phase) == ("pool", "db")
    assert publishing.held is not None
    assert publishing.held.now_s == pytest.approx(0.28)
    (cause,) = causes(deliveries(0.9, 0.91, 0.002, pool=0.8, db=0.03, total=0.89), before)
    publishing = parameters(cause, SlowPublishing)
    assert (publishing.phase, publishing.held_phase) == ("pool", "")


def test_slow_openings_are_the_upgrade_or_the_way_to_it() -> None:
    for wrong in (("p95_s",), ("connect_mean_s",)):
        now, before = websockets(connect=0.9, upgrade=0.88), websockets(connect=0.03, upgrade=0.02)
        (upgrade,) = causes(now, before, wrong=wrong)
        assert upgrade.code is FindingCode.UPGRADE_SLOW
        assert parameters(upgrade, SlowOpening).connect.before_s == pytest.approx(0.03)
        (connecting,) = causes(websockets(connect=0.9, upgrade=0.02), wrong=wrong)
        assert connecting.code is FindingCode.OPENING_SLOW
        assert not likely(connecting)
