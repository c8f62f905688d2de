"""Apache Otava over series given as JSON lines, in the environment that it needs; `peers.py` starts it.

Each line in: {"values": [...], "first": 20}, one series. Each line out: the runs, from `first` on, at which Otava newly
reports a change point towards higher values, when only the runs so far are known. With "either": true also towards
lower values, each as [run, first run of the new level, 1 or -1], in Otava's incremental mode, since series are long.
"""

import json
import sys

from otava.analysis import compute_change_points

WINDOW, MAX_P_VALUE, MIN_MAGNITUDE = 30, 0.001, 0.05
_SAME = 2  # a change point moves by a run or two as runs are added: this near, it is the same
_SAME_LONG = 5


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


def changes(values: list[float], first: int) -> list[tuple[int, int, int]]:
    """The runs with a new change point, each with the first run of the new level and the direction."""
    known: list[tuple[int, int]] = []
    found = []
    weak = None
    for run in range(first, len(values)):
        points, weak = compute_change_points(
            values[: run + 1],
            window_len=WINDOW,
            max_pvalue=MAX_P_VALUE,
            min_magnitude=MIN_MAGNITUDE,
            new_data=None if weak is None else 1,
            old_weak_cp=weak,
        )
        for point in points:
            step = (int(point.index), 1 if point.stats.mean_2 > point.stats.mean_1 else -1)
            if all(abs(step[0] - index) > _SAME_LONG or step[1] != direction for index, direction in known):
                found.append((run, *step))
                known.append(step)
    return found


if __name__ == "__main__":
    for line in sys.stdin:
        series = json.loads(line)
        report = changes if series.get("either") else reported
        sys.stdout.write(json.dumps(report(series["values"], series["first"])) + "\n")
        sys.stdout.flush()
