"""Whether this engine sends the rate of an open load, how punctually, and whether it reports saturation.

    make benchmark-open

Open load at 1,000, 5,000 and 10,000 requests a second for 10 s each, against the nginx of the rate table; server and
generator on cores of their own. `sent/s` is taken between the first request that left and the last; the send lag
(sent - due) and the lag of the event loop say how punctually. Then ten times as much as the generator can send at best
(its ceiling, from its own calibration): that measurement must be reported as saturated.

Exits with 1 where a rate is off by more than 0.1 %, a request is missing, the generator is saturated at one of the
three rates, or is not at ten times its ceiling.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.engine.bench import machine, measured, nginx, pin, table
from loadtasks.engine.generator.calibration import calibrate
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.report.sentences.validity import saturation_sentence
from loadtasks.scenarios.load import OpenLoad

RATES = (1_000, 5_000, 10_000)
MAX_OFF = 0.001
EXCESS = 10
"""The excessive rate, as a multiple of the ceiling."""
EXCESS_S = 1.0
"""How long the excessive load lasts, and the queue timeout of its requests."""


@dataclass(frozen=True)
class RateResult:
    """A load and its measurement."""

    load: OpenLoad
    measurement: Measurement

    @property
    def off(self) -> float:
        """The rate that was sent over the rate of the load, minus 1."""
        return (self.measurement.health.sent_per_s or 0.0) / self.load.rate - 1

    def problems(self) -> Iterator[str]:
        """What is wrong at a rate that the engine can send, a sentence each."""
        counts, rate = self.measurement.counts, f"{self.load.rate:,.0f}/s"
        if abs(self.off) > MAX_OFF:
            yield f"{rate}: the rate is off by {self.off:+.3%}"
        if counts.scheduled != self.load.rate * self.load.duration_s or counts.completed != counts.scheduled:
            yield f"{rate}: {counts.scheduled:,} requests were scheduled and {counts.completed:,} completed"
        yield from (f"{rate}: {saturation_sentence(reason)}" for reason in self.measurement.health.saturation)

    def row(self) -> list[str]:
        """Its line of the table."""
        health, lag, response = self.measurement.health, self.measurement.send_lag, self.measurement.response
        return [
            f"{self.load.rate:,.0f}/s",
            f"{health.sent_per_s or 0.0:,.1f}",
            f"{self.off:+.3%}",
            *(_ms(seconds) for seconds in (lag.quantile_s(0.5), lag.quantile_s(0.99), lag.max_s)),
            *(_ms(seconds) for seconds in (health.loop_lag_p99_s, health.loop_lag_max_s)),
            *(_ms(response.quantile_s(q)) for q in (0.5, 0.99)),
            f"{health.cpu_share:.0%}",
        ]


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.3f}"


def _measure(url: str, load: OpenLoad, calibration: Calibration) -> RateResult:
    measurement, _ = measured(url, load, calibration=calibration)
    print(f"{load.rate:g} requests/s for {load.duration_s:g} s: done", file=sys.stderr)
    return RateResult(load, measurement)


def main() -> None:
    """Measure, print the table, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="length of the run at each rate")
    options = parser.parse_args()
    print(machine())
    calibration = calibrate()  # before this process is pinned: its null server would share the core
    pin()
    excess = OpenLoad(rate=EXCESS * calibration.ceiling_per_s, duration_s=EXCESS_S, queue_timeout_s=EXCESS_S)
    with nginx() as server:
        within = [_measure(server.url, OpenLoad(rate=rate, duration_s=options.seconds), calibration) for rate in RATES]
        saturated = _measure(server.url, excess, calibration)
    header = ["rate", "sent/s", "off", "send lag p50, ms", "p99", "max", "loop lag p99, ms", "max"]
    header += ["response p50, ms", "p99", "CPU"]
    print("", table(header, [result.row() for result in within]), sep="\n")
    saturation, counts = saturated.measurement.health.saturation, saturated.measurement.counts
    print(f"\n{EXCESS} times its ceiling of {calibration.ceiling_per_s:,.0f}/s, for {EXCESS_S:g} s: {counts}")
    print(*(f"Saturated: {saturation_sentence(reason)}" for reason in saturation), sep="\n")
    problems = [problem for result in within for problem in result.problems()]
    if not saturation:
        problems.append("The measurement at the excessive rate is not reported as saturated")
    if problems:
        sys.exit("\n" + "\n".join(problems))


if __name__ == "__main__":
    main()
