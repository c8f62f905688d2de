"""Made-up rounds of a candidate and its reference."""

from collections.abc import Sequence

import numpy as np

from loadtasks.engine.recording.round_ratios import RoundRatios


def round_ratios(
    rounds: int = 30,
    *,
    noise: float = 0.03,
    saturated: int = 0,
    requests: int = 100,
    part: str = "",
    starts: Sequence[int] = (),
    **changes: float,
) -> RoundRatios:
    """Rounds in which metrics changed, as in `p50_s=0.12`; the generator was saturated in the first `saturated`.

    `starts`: how many of them drove each start of both builds.
    """
    chance = np.random.default_rng(1)
    names = ("p50_s", "p95_s", "success_rate")
    drawn = {name: np.log1p(changes.get(name, 0.0)) + noise * chance.standard_normal(rounds) for name in names}
    return RoundRatios(
        part=part,
        candidate_first=[True, False] * (rounds // 2),
        saturated=[number < saturated for number in range(rounds)],
        requests=[requests] * rounds,
        starts=[start for start, number in enumerate(starts) for _ in range(number)],
        log_ratios={name: ratios.tolist() for name, ratios in drawn.items()},
    )
