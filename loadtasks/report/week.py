"""What happened to a service in a week, for the digest: its runs, what began and ended, and every scenario."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from loadtasks import units
from loadtasks.report.charts import sparkline
from loadtasks.report.sentences import phrases
from loadtasks.report.text import columns, label
from loadtasks.report.topics import RenderedTopic, lines_of_over
from loadtasks.report.verdicts import SYMBOL, WORST_FIRST
from loadtasks.results.judgement import Verdict
from loadtasks.results.message import ReportedMessage
from loadtasks.results.run import Run
from loadtasks.results.run_browser import ScenarioValues
from loadtasks.results.topic import TopicEvent

MAX_SCENARIOS = 40
"""That a digest shows, the worst ones."""
MAX_LINES = 30
"""Of what happened; and as many runs in a sparkline."""
_NOISE = 0.03
"""A smaller change from week to week of a scenario that passes is shown in grey: by default none is reported."""


@dataclass(frozen=True)
class ScenarioWeek:
    """One scenario in a week."""

    scenario: str
    verdict: Verdict | None
    """That of the newest run that measured it; None where that was not judged."""
    p95_s: float | None
    """The median over the runs of the week."""
    before_s: float | None
    """The median over the runs of the week before."""
    values_s: Sequence[float | None]
    """The p95 of the last runs, the oldest first."""

    @property
    def name(self) -> str:
        """Its name, made plain."""
        return label(self.scenario)

    @property
    def mark(self) -> str:
        """The symbol of its verdict."""
        return SYMBOL[self.verdict] if self.verdict is not None else "·"

    @property
    def p95(self) -> str:
        """The median p95 of the week with its unit."""
        return units.duration(self.p95_s)

    @property
    def change(self) -> str:
        """The same against the week before."""
        return units.change(self.p95_s / self.before_s) if self.p95_s and self.before_s else units.MISSING

    @property
    def is_noise(self) -> bool:
        """Whether that is no change to look at."""
        if not self.p95_s or not self.before_s:
            return True
        return self.verdict in (None, Verdict.PASS) and abs(self.p95_s / self.before_s - 1) < _NOISE

    @property
    def blocks(self) -> str:
        """The p95 of the last runs in block characters."""
        return sparkline.blocks(self.values_s)


@dataclass(frozen=True)
class Week:
    """The seven days before a run, and that run."""

    end: datetime
    runs: Sequence[tuple[Run, Verdict | None]]
    """Those of the week, oldest first."""
    missed: int
    """How many scheduled runs never came."""
    happened: Sequence[str]
    """What the mails of the week have reported, and what this run adds, a line each."""
    began: int
    """How much of that began."""
    open_ones: int
    """How much is open at its end."""
    scenarios: Sequence[ScenarioWeek]
    """The worst first."""
    scenarios_left_out: int = 0
    """How many more there are, none of them worse."""

    @property
    def span(self) -> str:
        """`week to 29 Nov`."""
        return f"week to {phrases.day(self.end)}"

    @property
    def tally(self) -> str:
        """`7 runs (5 pass, 2 fail), 1 that never came`."""
        counts = Counter(verdict for _, verdict in self.runs)
        verdicts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]]
        unjudged = [f"{counts[None]} not judged"] if counts[None] else []
        said = f"{units.plural(len(self.runs), 'run')} ({', '.join([*verdicts, *unjudged])})"
        return f"{said}, {self.missed} that never came" if self.missed else said

    @property
    def lines(self) -> list[str]:
        """What happened, the newest of it where there is too much."""
        left_out = len(self.happened) - MAX_LINES
        earlier = [f"{left_out} earlier ones are left out"] if left_out > 0 else []
        return [*earlier, *self.happened[-MAX_LINES:]]

    @property
    def plain_table(self) -> str:
        """The scenarios in columns, narrow enough for a mail."""
        rows = [(f"{one.mark} {one.name}", one.p95, one.change, one.blocks) for one in self.scenarios]
        return columns([("  scenario", "p95", "vs week before", "last runs"), *rows], left=(0, 3))

    @property
    def marks(self) -> str:
        """The verdict of each run as a symbol: `✓ ✓ ▲ ▲ ✓`."""
        return " ".join(SYMBOL[verdict] if verdict is not None else "·" for _, verdict in self.runs[-MAX_LINES:])

    @property
    def sentence(self) -> str:
        """The week in one sentence without its full stop, for the headline and the subject."""
        news = units.plural(self.began, "new problem") if self.began else "nothing new"
        return f"{self.span}: {self.tally}, {news}, {self.open_ones or 'nothing'} open"


def happened_in(
    messages: Iterable[ReportedMessage], now: Iterable[RenderedTopic], at: datetime
) -> Iterator[tuple[str, bool]]:
    """What mails have reported, and what a run at some time adds: a line each, and whether it says that it began."""
    reported = ((message.run_started_at, [RenderedTopic(topic) for topic in message.topics]) for message in messages)
    for moment, topics in (*reported, (at, list(now))):
        day = phrases.day(moment)
        for rendered in topics:
            if rendered.topic.event is TopicEvent.BEGAN:
                yield f"{day}: {rendered.in_short}", True
        over = [rendered for rendered in topics if rendered.topic.event is TopicEvent.ENDED]
        yield from ((f"{day}: {line}", False) for line in (lines_of_over(over) if over else ()))


def scenarios_of(values: Sequence[ScenarioValues], week: Sequence[str], before: Sequence[str]) -> list[ScenarioWeek]:
    """Every scenario that the last runs have measured, the worst first.

    Args:
        values: What the last runs have measured, oldest first.
        week: The ids of the runs of the week.
        before: Those of the week before.
    """
    by_scenario: dict[str, list[ScenarioValues]] = {}
    for value in values:
        by_scenario.setdefault(value.scenario, []).append(value)
    made = [_scenario(name, of_it, set(week), set(before)) for name, of_it in by_scenario.items()]
    measured = [one for one in made if one.p95_s is not None or one.verdict is not None]
    return sorted(measured, key=lambda one: (_rank(one.verdict), -_growth(one)))


def _scenario(name: str, values: Sequence[ScenarioValues], week: set[str], before: set[str]) -> ScenarioWeek:
    valid = [value for value in values if value.verdict is not Verdict.INVALID]
    newest = values[-1].verdict if values[-1].run_id in week else None
    return ScenarioWeek(
        scenario=name,
        verdict=newest,
        p95_s=_median_s(value for value in valid if value.run_id in week),
        before_s=_median_s(value for value in valid if value.run_id in before),
        values_s=[value.p95_s if value.verdict is not Verdict.INVALID else None for value in values[-MAX_LINES:]],
    )


def _median_s(values: Iterable[ScenarioValues]) -> float | None:
    known = [value.p95_s for value in values if value.p95_s is not None]
    return median(known) if known else None


def _rank(verdict: Verdict | None) -> int:
    return WORST_FIRST.index(verdict) if verdict is not None else len(WORST_FIRST)


def _growth(one: ScenarioWeek) -> float:
    return one.p95_s / one.before_s if one.p95_s and one.before_s else 0.0


def begin_of(run: Run, day: int) -> datetime:
    """The begin of the newest such day of the week (0: Monday) at or before a run, in UTC."""
    midnight = run.started_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=(midnight.weekday() - day) % 7)
