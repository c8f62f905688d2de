"""The values of metrics as they are judged: logarithms of what changes by factors, some relative to another metric."""

import numpy as np

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.verdict.history.baselines import Values


def in_logarithms(values: Values) -> Values:
    """The logarithms of metrics that change by factors, the others as they are; nan where there is no finite one.

    `values`: a column for each of `BASELINE_METRICS`, once or several times in their order.
    """
    names = list(BASELINE_METRICS)
    logarithmic = [METRICS[names[column % len(names)]].unit is not Unit.SHARE for column in range(values.shape[1])]
    converted = values.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        converted[:, logarithmic] = np.log(values[:, logarithmic])
    converted[~np.isfinite(converted)] = np.nan
    return converted


def relative(values: Values) -> Values:
    """A copy of the values with each metric divided by the one that it is relative to, in logarithms."""
    names = list(BASELINE_METRICS)
    divided = values.copy()
    for column, rule in enumerate(BASELINE_METRICS.values()):
        if rule.relative_to is not None:
            divided[:, column :: len(names)] -= values[:, names.index(rule.relative_to) :: len(names)]
    return divided


def absolute(values: Values) -> Values:
    """The inverse of `relative`: a copy of the values, or of parts of them, as those of the metrics themselves."""
    names = list(BASELINE_METRICS)
    whole = values.copy()
    for column, rule in enumerate(BASELINE_METRICS.values()):
        if rule.relative_to is not None:
            whole[:, column :: len(names)] += values[:, names.index(rule.relative_to) :: len(names)]
    return whole
