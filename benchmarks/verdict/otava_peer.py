"""Apache Otava over series given as JSON lines, in the environment that it needs; `peers.py` starts it.

Each line in: {"values": [...], "first": 20}, one series. Each line out: the runs, from `first` on, at which Otava newly
reports a change point towards higher values, when only the runs so far are known.
"""

import json
import sys

from otava.analysis import compute_change_points

WINDOW, MAX_P_VALUE, MIN_MAGNITUDE = 30, 0.001, 0.05
_SAME = 2  # a change point moves by a run or two as runs are added: this near, it is the same


def reported(values: list[float], first: int) -> list[int]:
    """The runs with a new change point upwards."""
    known: list[int] = []
    runs = []
    for run in range(first, len(values)):
        points, _ = compute_change_points(
            values[: run + 1], window_len=WINDOW, max_pvalue=MAX_P_VALUE, min_magnitude=MIN_MAGNITUDE
        )
        rises = [point.index for point in points if point.stats.mean_2 > point.stats.mean_1]
        new = [index for index in rises if all(abs(index - old) > _SAME for old in known)]
        known += new
        if new:
            runs.append(run)
    return runs


if __name__ == "__main__":
    for line in sys.stdin:
        series = json.loads(line)
        sys.stdout.write(json.dumps(reported(series["values"], series["first"])) + "\n")
