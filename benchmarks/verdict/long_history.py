"""How long, and in how much memory, a stored history of 1,000 runs of 50 series is judged anew.

    python -m benchmarks.verdict.long_history

Ends with 1 where it takes 2 s or 300 MB and more. The seconds are processor time, so that other work on the machine
doesn't count.
"""

import resource
import sys
import time

import numpy as np

from benchmarks.verdict.simulated_runs import Noise
from loadtasks.verdict.history.detector import Detector, DetectorState, SeriesSettings
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget

SERIES, RUNS = 50, 1000
_MAX_S, _MAX_MB = 2.0, 300.0


def main() -> int:
    """Print time and memory."""
    values = Noise(0.10).drift(np.random.default_rng(1), SERIES, RUNS).total
    began_s = time.process_time()
    detector = Detector(
        [SeriesSettings(min_effect=0.02, share=1 / SERIES)] * SERIES, FalseAlarmBudget(runs_per_false_alarm=100)
    )
    raised = 0
    for run in range(RUNS):
        judged = detector.observe(values[:, run])
        raised += sum(one.raised and one.state is DetectorState.REGRESSED for one in judged)
    took_s = time.process_time() - began_s
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{RUNS:,} runs x {SERIES} series: {took_s:.2f} s, {megabytes:.0f} MB, {raised} false alarms of 10 budgeted")
    return 0 if took_s < _MAX_S and megabytes < _MAX_MB else 1


if __name__ == "__main__":
    sys.exit(main())
