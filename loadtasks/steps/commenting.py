"""Commenting on a pull request: within a time, and never at the cost of the job that does it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

from loadtasks.ci_variables import CiVariables
from loadtasks.code_hosts.comments import CodeHost, Posted, PullRequest, post
from loadtasks.code_hosts.rest import CodeHostError
from loadtasks.code_hosts.review_place import NoPlaceError, Platform, ReviewPlace, connect, find_pull_request
from loadtasks.plain_text import plain
from loadtasks.redaction.redactor import Redactor

DEADLINE_S = 120.0
"""How long all of it may take: two waits that an API asks for, and a server that sends a byte now and then."""
_NAMES = {Platform.GITHUB: "GitHub", Platform.GITLAB: "GitLab"}
_HINTS = {
    (Platform.GITHUB, 401): "GITHUB_TOKEN is wrong or has expired",
    (Platform.GITHUB, 403): (
        "the job needs `permissions: pull-requests: write`, which no job of a pull request from a fork has: comment "
        "from a workflow that runs on `workflow_run`"
    ),
    (Platform.GITHUB, 404): "there is no such pull request, or the token may not see it",
    (
        Platform.GITLAB,
        401,
    ): "GITLAB_TOKEN has to be an access token of the project with the scope api; a job's own token may not comment",
    (Platform.GITLAB, 403): "the token needs the scope api and at least the role Reporter",
    (Platform.GITLAB, 404): "there is no such merge request, or the token may not see it",
}
_T = TypeVar("_T")


class NotPostedError(Exception):
    """Why a comment was not posted: a whole sentence, without secrets."""


def comment(place: ReviewPlace, variables: CiVariables, text: str, deadline_s: float = DEADLINE_S) -> str:
    """Post a comment, or update the one of the same key. Returns what was done, as a sentence.

    Raises:
        NotPostedError: it was not posted.
    """
    tokens = (variables.github_token, variables.gitlab_token, variables.ci_job_token)
    redact = Redactor(token.get_secret_value() for token in tokens if token is not None)
    try:
        host = connect(place, variables)
        pull, posted = _within(deadline_s, lambda: _post(host, place, text))
    except NoPlaceError as error:
        raise NotPostedError(redact(plain(f"No comment: {error}."))) from None
    except CodeHostError as error:
        hint = _HINTS.get((place.platform, error.status or 0), "")
        reason = f"The comment was not posted: {_NAMES[place.platform]} ({error}){f'; {hint}' if hint else ''}."
        raise NotPostedError(redact(plain(reason))) from None
    where = f"{pull.repository}{'#' if place.platform is Platform.GITHUB else '!'}{pull.number}"
    if posted is None:
        return plain(f"No comment: {where} has moved on from {place.sha}, whose results these are.")
    done = "posted" if posted.created else "updated"
    return redact(plain(f"Comment {done} on {where}{f': {posted.url}' if posted.url else ''}"))


def _post(host: CodeHost, place: ReviewPlace, text: str) -> tuple[PullRequest, Posted | None]:
    pull = find_pull_request(place, host)
    return pull, post(host, pull, text, place.sha)


def _within(deadline_s: float, work: Callable[[], _T]) -> _T:
    """Do something in a thread that is given up after a time: a timeout of the network is that of each wait alone.

    Raises:
        CodeHostError: the time is over.
        Exception: what it raises itself.
    """
    outcome: Future[_T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(deadline_s)
    except FutureTimeoutError:
        if outcome.done():
            raise
    raise CodeHostError(f"it was not done within {deadline_s:g} s")
