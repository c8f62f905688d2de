"""Whether this engine sends the rate that is asked of it, how punctually, and whether it says so when it can't.

    make benchmark-open

Open load at 1,000, 5,000 and 10,000 requests a second for 10 s each, against the nginx of the rate table; server and
generator on cores of their own. `sent/s` is taken between the first request that left and the last; the send lag
(sent - due) and the lag of the event loop say how punctually. Then ten times as much as the generator can send at best
(its ceiling, from its own calibration): that measurement must be called saturated.

Ends with 1 where a rate is off by more than 0.1 %, a request is missing, a measurement at one of the three rates is
saturated, or the one that is too much is not.
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
TOO_MUCH = 10
"""Times the ceiling."""
TOO_LONG_S = 1.0
"""How long too much is asked, and how long its requests wait at most."""


@dataclass(frozen=True)
class Asked:
    """A load and what came of it."""

    load: OpenLoad
    measurement: Measurement

    @property
    def off(self) -> float:
        """Sent rate to asked rate, minus 1."""
        return (self.measurement.health.sent_per_s or 0.0) / self.load.rate - 1

    def problems(self) -> Iterator[str]:
        """What is not as it must be at a rate that the engine can send, a sentence each."""
        counts, asked = self.measurement.counts, f"{self.load.rate:,.0f}/s"
        if abs(self.off) > MAX_OFF:
            yield f"{asked}: the rate is off by {self.off:+.3%}"
        if counts.scheduled != self.load.rate * self.load.duration_s or counts.completed != counts.scheduled:
            yield f"{asked}: {counts.scheduled:,} requests were scheduled and {counts.completed:,} completed"
        yield from (f"{asked}: {saturation_sentence(reason)}" for reason in self.measurement.health.saturation)

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


def _ask(url: str, load: OpenLoad, calibration: Calibration) -> Asked:
    measurement, _ = measured(url, load, calibration=calibration)
    print(f"{load.rate:g} requests/s for {load.duration_s:g} s: done", file=sys.stderr)
    return Asked(load, measurement)


def main() -> None:
    """Measure, print the table, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="length of the run at each rate")
    options = parser.parse_args()
    print(machine())
    calibration = calibrate()  # before this process is pinned: its null server would share the core
    pin()
    too_much = OpenLoad(rate=TOO_MUCH * calibration.ceiling_per_s, duration_s=TOO_LONG_S, queue_timeout_s=TOO_LONG_S)
    with nginx() as server:
        able = [_ask(server.url, OpenLoad(rate=rate, duration_s=options.seconds), calibration) for rate in RATES]
        saturated = _ask(server.url, too_much, calibration)
    header = ["asked", "sent/s", "off", "send lag p50, ms", "p99", "max", "loop lag p99, ms", "max"]
    header += ["response p50, ms", "p99", "CPU"]
    print("", table(header, [asked.row() for asked in able]), sep="\n")
    saturation, counts = saturated.measurement.health.saturation, saturated.measurement.counts
    print(f"\n{TOO_MUCH} times its ceiling of {calibration.ceiling_per_s:,.0f}/s asked, for {TOO_LONG_S:g} s: {counts}")
    print(*(f"Saturated: {saturation_sentence(reason)}" for reason in saturation), sep="\n")
    problems = [problem for asked in able for problem in asked.problems()]
    if not saturation:
        problems.append("The measurement under too much load is not called saturated")
    if problems:
        sys.exit("\n" + "\n".join(problems))


if __name__ == "__main__":
    main()
