"""Apache Otava over series given as JSON lines, in the environment that it needs; `peers.py` starts it.

Each line in: {"values": [...], "first": 20}, one series. Each line out: the nights, from `first` on, at which Otava
newly reports a change point towards higher values, when only the nights so far are known.
"""

import json
import sys

from otava.analysis import compute_change_points

WINDOW, P_VALUE, FLOOR = 30, 0.001, 0.05
_SAME = 2  # a change point moves by a night or two as nights are added; so near, it is the same


def reported(values: list[float], first: int) -> list[int]:
    """The nights with a new change point upwards."""
    known: list[int] = []
    nights = []
    for night in range(first, len(values)):
        points, _ = compute_change_points(
            values[: night + 1], window_len=WINDOW, max_pvalue=P_VALUE, min_magnitude=FLOOR
        )
        rises = [point.index for point in points if point.stats.mean_2 > point.stats.mean_1]
        new = [index for index in rises if all(abs(index - old) > _SAME for old in known)]
        known += new
        if new:
            nights.append(night)
    return nights


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(reported(asked["values"], asked["first"])) + "\n")
