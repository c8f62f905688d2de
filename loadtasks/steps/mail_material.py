"""What a mail has besides the news of a run: trends of what it is about, and the week where that is due."""

from datetime import timedelta
from itertools import islice

from loadtasks.report.topics import RenderedTopic
from loadtasks.report.trend import MAX_PICTURES, MAX_RUNS, Trend, make_trend
from loadtasks.report.week import MAX_SCENARIOS, Week, begin_of, happened_in, scenarios_of
from loadtasks.results.document import ResultsDocument
from loadtasks.results.message import MessageKind
from loadtasks.results.news import News, Reported
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.results.topic import Topic, TopicKind
from loadtasks.setting_values import DIGEST_DAYS

_WITH_TREND = (TopicKind.REGRESSION, TopicKind.REFERENCE, TopicKind.CREEP)
_WEEK = timedelta(days=7)
_MAX_RUNS = 400
"""Of which a digest knows: two weeks of a run every hour."""


def trends_of(store: Store, document: ResultsDocument, news: News) -> list[Trend]:
    """The trends of the gravest that a mail is about: what is new, else what is over, else what is still open."""
    about = [RenderedTopic(topic, document) for topic in news.new or news.over or news.still_open]
    about = [one for one in about if one.topic.kind in _WITH_TREND and one.worst.finding.metric]
    worst = sorted(about, key=lambda one: one.worst.excess, reverse=True)
    made = (_trend(store, document.run, one.topic, one.worst.finding.metric) for one in worst)
    return list(islice((trend for trend in made if trend is not None), MAX_PICTURES))


def week_due(store: Store, document: ResultsDocument, news: News, reported: Reported, day: str) -> Week | None:
    """The digest, if it is due with a run: with the first since a day of the week began, unless it is the very first.

    A run that a later one has overtaken has none.
    """
    run = document.run
    if day not in DIGEST_DAYS or (reported.runs and reported.runs[-1].id != run.id):
        return None
    due = begin_of(run, DIGEST_DAYS.index(day))
    digests = [message for message in reported.messages if message.kind is MessageKind.DIGEST]
    is_made = any(message.run_started_at >= due or message.run_id == run.id for message in digests)
    if is_made or not any(place.started_at < due for place in reported.runs):
        return None
    begin, before = run.started_at - _WEEK, run.started_at - 2 * _WEEK
    runs = store.browser.newest_runs(run.service, _MAX_RUNS)
    of_week = [(one, verdict) for one, verdict in runs if one.started_at > begin]
    earlier = [one.id for one, _ in runs if before < one.started_at <= begin]
    ids = [one.id for one, _ in of_week]
    shown = [one.id for one, _ in runs[-MAX_RUNS:]]
    values = store.browser.values(list(dict.fromkeys([*earlier, *shown, *ids])))
    messages = [message for message in reported.messages if message.run_started_at > begin and message.run_id != run.id]
    now = [RenderedTopic(topic, document) for topic in (*news.new, *news.over)]
    happened = list(happened_in([one for one in messages if one.kind.has_news], now, run.started_at))
    missed = {message.run_id for message in messages if message.kind is MessageKind.MISSED}
    scenarios = scenarios_of(values, ids, earlier)
    return Week(
        end=run.started_at,
        runs=of_week,
        missed=len(missed),
        happened=[line for line, _ in happened],
        began=sum(began for _, began in happened),
        open_ones=len(news.new) + len(news.still_open),
        scenarios=scenarios[:MAX_SCENARIOS],
        scenarios_left_out=max(0, len(scenarios) - MAX_SCENARIOS),
    )


def _trend(store: Store, run: Run, topic: Topic, metric: str) -> Trend | None:
    history = store.history(run.service, topic.scenario, MAX_RUNS, topic.part)
    ids = [entry.run_id for entry in history]
    until = ids.index(run.id) if run.id in ids else 0  # runs that were opened later are no part of it
    return make_trend(run.service, topic, metric, history[until:])
