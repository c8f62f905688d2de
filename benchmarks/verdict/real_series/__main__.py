"""How well detectors find the steps that people see in real series of performance measurements.

    make benchmark-verdict-real DATA=FOLDER ARGS="--per-series"

FOLDER holds annotations.json and series/ID.csv. An alarm is a confirmed change in either direction, at the run of its
confirmation: a regression, an improvement, or the recovery from an open regression. `scoring.py` says which alarms are
right. Each point is a run, but where a series has several points a build: these are the repetitions of one run.

    answered    A regression near an annotation is accepted at once, any other is dismissed.
    unanswered  Nobody does anything. A regression that is open for 30 runs is accepted automatically; these acceptances
                are counted apart (auto).

Columns: false alarms in a series-year of 365 points; the delay from a step to its alarm in points, median and 90th
percentile; covering, how well the stretches between alarms overlap those between steps; the share of runs that are
repeated since they look worse, and of those that are suspected. The share is the series' part of a budget of one false
alarm in 100 runs.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.verdict.real_series import injected, listing, peers
from benchmarks.verdict.real_series.scoring import Matches, Score, match, score
from benchmarks.verdict.real_series.series import RealSeries, read_folder
from benchmarks.verdict.real_series.supervised import JudgedSeries, Response, judge

SHARES = (0.5, 0.05, 0.005)
_HEADS = ["detector", "share", "steps", "precision", "recall", "F1", "false/year", "delay", "p90", "covering"]
_OWN_HEADS = ["repeated", "suspected", "auto"]


def main() -> int:
    """Run the detectors that are asked for, and print the table."""
    arguments = _arguments()
    try:
        series = _chosen(read_folder(arguments.folder), arguments.only, arguments.leave_out)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    points = sum(len(one.values) for one in series)
    repeated = sum(one.has_repetitions for one in series)
    print(f"{len(series)} series, {points:,} points; {repeated} of them have several points a build", flush=True)
    rows, kept = [], []
    for response in arguments.responses:
        for share in arguments.share:
            judged = judge(series, share, response)
            matched = [match(one.series, one.alarms) for one in judged]
            name = f"history, {response}"
            rows += _rows(name, f"{share:g}", matched, arguments, _own_columns(judged))
            kept.append(listing.as_document(response, share, judged, matched))
            if arguments.per_series:
                print(f"\n{name}, share {share:g}\n" + listing.listing(judged, matched), flush=True)
    for peer, raised in peers.all_peers(series, not arguments.no_otava) if arguments.peers else ():
        matched = [match(one, alarms) for one, alarms in zip(series, raised, strict=True)]
        rows += _rows(peer, "", matched, arguments, [""] * len(_OWN_HEADS))
    if rows:
        print(table([*_HEADS, *_OWN_HEADS], rows))
    if arguments.injected:
        print(_injected(series, arguments.share, arguments.seed))
    if arguments.json:
        arguments.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="with annotations.json and series/ID.csv")
    options.add_argument("--share", type=_share, nargs="+", default=SHARES, help="of the false-alarm budget")
    options.add_argument("--responses", type=Response, nargs="*", default=list(Response), help="answered, unanswered")
    options.add_argument("--only", nargs="+", default=[], metavar="ID", help="only the series that begin like this")
    options.add_argument("--leave-out", nargs="+", default=[], metavar="ID", help="not the series that begin like this")
    options.add_argument("--per-series", action="store_true", help="list what is missed and false, series by series")
    options.add_argument("--by-direction", action="store_true", help="also score each direction by itself")
    options.add_argument("--by-source", action="store_true", help="also score the series of each source by themselves")
    options.add_argument("--peers", action="store_true", help="also run other detectors")
    options.add_argument("--no-otava", action="store_true", help="without Apache Otava, which takes many minutes")
    options.add_argument(
        "--injected", action="store_true", help="also inject steps of 5, 10 and 20 %% into calm stretches"
    )
    options.add_argument("--seed", type=int, default=1, help="of the places where steps are injected")
    options.add_argument("--json", type=Path, metavar="FILE", help="write every alarm there")
    return options.parse_args()


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text}: a share is above 0 and at most 1")
    return share


def _chosen(series: Iterable[RealSeries], only: Sequence[str], leave_out: Sequence[str]) -> list[RealSeries]:
    chosen = [
        one
        for one in series
        if (not only or one.name.startswith(tuple(only))) and not one.name.startswith(tuple(leave_out))
    ]
    if not chosen:
        raise ValueError("no series is left: check --only and --leave-out")
    return chosen


def _injected(series: Sequence[RealSeries], shares: Sequence[float], seed: int) -> str:
    places = injected.calm_places(series, seed)
    rows = []
    for share in shares:
        found = injected.inject(places, share)
        matched = [match(one.series, one.alarms) for one in judge(series, share, Response.ANSWERED)]
        worse = score(matched, worse=True).false_a_year
        cells = [f"{one.share:.2f}" for one in found]
        delays = " ".join(f"{np.median(one.delays):.0f}" if one.delays else "-" for one in found)
        rows.append([f"history, share {share:g}", f"{found[0].places}", *cells, delays, f"{worse:.2f}"])
    heads = [f"{step:+.0%} in {injected.WITHIN}" for step in injected.STEPS]
    return table(["injected steps", "places", *heads, "delays", "false/year, worse"], rows)


def _rows(
    name: str, share: str, matched: Sequence[Matches], arguments: argparse.Namespace, own_columns: Sequence[str]
) -> list[list[str]]:
    parts: list[tuple[str, Score]] = []
    if arguments.by_direction:
        parts += [("for the worse", score(matched, worse=True)), ("for the better", score(matched, worse=False))]
    if arguments.by_source:
        sources = sorted({_source(one.series) for one in matched})
        parts += [(source, score(one for one in matched if _source(one.series) == source)) for source in sources]
    empty = [""] * len(own_columns)
    return [
        [name, share, *_columns(score(matched)), *own_columns],
        *([f"  {part}", share, *_columns(scored), *empty] for part, scored in parts),
    ]


def _source(series: RealSeries) -> str:
    """The letters that the series' id begins with."""
    return re.split(r"[^A-Za-z]", series.name)[0]


def _columns(scored: Score) -> list[str]:
    quality = [f"{value:.2f}" for value in (scored.precision, scored.recall, scored.f1, scored.false_a_year)]
    delays = [f"{scored.delay(percentile):.0f}" for percentile in (50, 90)]
    return [f"{scored.steps}", *quality, *delays, f"{scored.covering:.2f}"]


def _own_columns(judged: Sequence[JudgedSeries]) -> list[str]:
    runs = sum(one.runs for one in judged)
    shares = [sum(one.repeated for one in judged) / runs, sum(one.suspected for one in judged) / runs]
    return [*(f"{share:.1%}" for share in shares), f"{sum(len(one.accepted) for one in judged)}"]


if __name__ == "__main__":
    sys.exit(main())
