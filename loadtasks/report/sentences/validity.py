"""Sentences of the findings that say why a measurement can't be trusted."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import SaturationParameters


def saturation_sentence(saturation: Saturation) -> str:
    """Where the load generator was saturated and what to do, without its full stop."""
    process = f"process {saturation.process}: " if saturation.process is not None else ""
    return process + _SATURATION[saturation.code](saturation)


def _cpu(saturation: Saturation) -> str:
    return (
        f"the load generator used {saturation.observed:.0%} of a core (limit {saturation.limit:.0%})"
        f"{_sent(saturation)}: it was saturated, so the times are its own and not the target's; lower the load"
    )


def _dispatch_lag(saturation: Saturation) -> str:
    return (
        f"the load generator handled due requests {_lag(saturation)} late: it could not keep the rate"
        f"{_sent(saturation)}; lower the load"
    )


def _loop_lag(saturation: Saturation) -> str:
    return (
        f"the load generator's event loop lagged {_lag(saturation)}: its machine was too busy to measure; use a "
        "quieter machine, or lower the load"
    )


def _lag(saturation: Saturation) -> str:
    if saturation.statistic is Statistic.MEDIAN:
        return (
            f"{saturation.observed * 1e3:.1f} ms (median, limit {saturation.limit * 1e3:.1f} ms: a fifth of the median "
            "response time, at least 1 ms)"
        )
    return f"{saturation.observed * 1e3:,.0f} ms (p99, limit {saturation.limit * 1e3:.0f} ms)"


def _sent(saturation: Saturation) -> str:
    if saturation.sent_per_s is None:
        return ""
    ceiling = saturation.ceiling_per_s
    best = f" (its calibrated maximum is {ceiling:,.0f}/s)" if ceiling is not None else ""
    return f" at {saturation.sent_per_s:,.0f} requests/s{best}"


_SATURATION: Mapping[SaturationCode, Callable[[Saturation], str]] = {
    SaturationCode.CPU: _cpu,
    SaturationCode.DISPATCH_LAG: _dispatch_lag,
    SaturationCode.LOOP_LAG: _loop_lag,
}


def _generator_saturated(_finding: Finding, parameters: SaturationParameters) -> str:
    return saturation_sentence(parameters.saturation)


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {FindingCode.GENERATOR_SATURATED: _generator_saturated}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
