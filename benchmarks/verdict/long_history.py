"""How long, and in how much memory, a stored history of 1,000 nights of 50 series is judged anew.

    python -m benchmarks.verdict.long_history

Ends with 1 where it takes 2 s or 300 MB and more. The seconds are the processor's: it is the work of one thread, and
whatever else the machine does is no part of it.
"""

import resource
import sys
import time

import numpy as np

from benchmarks.verdict.nights import Noise
from loadtasks.verdict.history.detector import Detector, DetectorState, SeriesSettings
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget

SERIES, NIGHTS = 50, 1000
_MOST_S, _MOST_MB = 2.0, 300.0


def main() -> int:
    """Print what it took."""
    values = Noise(0.10).drift(np.random.default_rng(1), SERIES, NIGHTS).total
    began_s = time.process_time()
    history = Detector([SeriesSettings(min_effect=0.02, share=1 / SERIES)] * SERIES, FalseAlarmBudget(nights=100))
    raised = 0
    for night in range(NIGHTS):
        judged = history.observe(values[:, night])
        raised += sum(each.raised and each.state is DetectorState.REGRESSED for each in judged)
    took_s = time.process_time() - began_s
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{NIGHTS:,} nights x {SERIES} series: {took_s:.2f} s, {megabytes:.0f} MB, {raised} false alarms of 10 budgeted"
    )
    return 0 if took_s < _MOST_S and megabytes < _MOST_MB else 1


if __name__ == "__main__":
    sys.exit(main())
