"""What a target's own metrics showed of a scenario."""

from pydantic import BaseModel, ConfigDict


class TargetMetrics(BaseModel):
    """The target's own metrics, in Prometheus' text format, before and after a scenario."""

    model_config = ConfigDict(frozen=True)

    counters: dict[str, float] = {}
    """The growth of each counter that grew, by name and labels as the target writes them."""
    gauges: dict[str, tuple[float, float]] = {}
    """The value of each gauge before and after."""
    problem: str = ""
    """Why nothing is known, as a clause; empty where something is."""

    def followed_by(self, later: "TargetMetrics") -> "TargetMetrics":
        """Both together: of this stretch of a load and of a later one, between which other loads were sent."""
        if self.problem or later.problem:
            return later if later.problem else self
        counters = {
            series: self.counters.get(series, 0.0) + later.counters.get(series, 0.0)
            for series in self.counters.keys() | later.counters.keys()
        }
        gauges = {series: (self.gauges.get(series, values)[0], values[1]) for series, values in later.gauges.items()}
        return TargetMetrics(counters=counters, gauges=gauges)

    def counted(self, name: str, **labels: str) -> float:
        """The growth of a counter, summed over all of its series that have these labels."""
        return sum(
            growth
            for series, growth in self.counters.items()
            if series.partition("{")[0] == name and all(f'{key}="{value}"' in series for key, value in labels.items())
        )

    def gauge(self, name: str) -> tuple[float, float] | None:
        """The value of a gauge without labels before and after; None where the target has none."""
        return self.gauges.get(name)
