"""Which earlier mail a mail belongs to, so that a mail program shows both as one thread."""

from collections.abc import Sequence

from loadtasks.results.message import ReportedMessage
from loadtasks.results.news import News
from loadtasks.results.topic import TopicEvent, TopicKey, TopicKind


def thread_of(news: News, messages: Sequence[ReportedMessage]) -> str | None:
    """The Message-ID of the mail that reported what a new mail goes on about; None where it begins a thread.

    A mail that reports something for the first time begins one. Any other belongs to the mail that reported what it is
    about first of all: what changed, else what is over, else what has been open longest without an answer.

    Args:
        news: What the new mail says.
        messages: What people know, oldest first.
    """
    if any(topic.event is TopicEvent.BEGAN for topic in news.new):
        return None
    roots: dict[TopicKey, str] = {}
    for message in messages:
        for topic in message.topics:
            if topic.event is TopicEvent.BEGAN or (topic.event.is_new and topic.key not in roots):
                roots[topic.key] = message.message_id
    open_ones = sorted(news.still_open, key=lambda topic: (topic.acknowledged_by is not None, topic.since))
    over = sorted(news.over, key=lambda topic: topic.kind is not TopicKind.REGRESSION)
    topics = news.new or over or open_ones
    return next((roots[topic.key] for topic in topics if roots.get(topic.key)), None)
