"""Other detectors over real series: simple rules, and Apache Otava, which gets one more point at a time.

What Otava reports is kept in var/benchmarks, since it takes many minutes and depends on nothing of this project.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.verdict import peers
from benchmarks.verdict.real_series.rules import RULES
from benchmarks.verdict.real_series.scoring import Alarm
from benchmarks.verdict.real_series.series import RealSeries

_KEPT = peers.PROJECT / "var" / "benchmarks" / "otava_real_series"


def all_peers(series: Sequence[RealSeries], with_otava: bool = True) -> Iterator[tuple[str, list[list[Alarm]]]]:
    """Each peer's name, with its alarms in each series."""
    for name, rule in RULES.items():
        yield name, [rule(one.values) for one in series]
    if with_otava and peers.is_installed():
        yield "Apache Otava, online", otava(series)


def otava(series: Sequence[RealSeries]) -> list[list[Alarm]]:
    """What Otava newly reports in each series, after each point."""
    missing = [one for one in series if not _kept(one).exists()]
    for one, changes in zip(missing, peers.otava_changes([one.values.tolist() for one in missing]), strict=False):
        _kept(one).parent.mkdir(parents=True, exist_ok=True)
        _kept(one).write_text(json.dumps(changes), encoding="utf-8")
    return [[Alarm(*change) for change in json.loads(_kept(one).read_text(encoding="utf-8"))] for one in series]


def _kept(series: RealSeries) -> Path:
    return _KEPT / f"{series.name}-{hashlib.sha256(series.values.tobytes()).hexdigest()[:12]}.json"
