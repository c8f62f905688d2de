"""One comment on a pull request: posted, or updated where it is there already, whichever the platform."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from loadtasks.code_hosts.rest import CodeHostError

MAX_LISTED = 500
"""Open pull requests among which one is looked for by its head."""


@dataclass(frozen=True)
class PullRequest:
    """A pull request, of GitLab a merge request."""

    repository: str
    """`OWNER/NAME`; of GitLab also the id of the project."""
    number: int


@dataclass(frozen=True)
class Posted:
    """What became of a comment."""

    created: bool
    """Whether it is new; else an earlier one was updated."""
    url: str
    """Its page; empty where the API names none."""


class CodeHost(Protocol):
    """What a platform has to be asked."""

    name: str

    def head(self, pull: PullRequest) -> str | None:
        """The commit at the head of a pull request; None where the API doesn't say it."""

    def find(self, repository: str, sha: str, branch: str = "") -> int | None:
        """The number of the open pull request with this commit at its head; None where there is none.

        `branch`: where the commit is, as `OWNER:BRANCH`, if that is known.
        """

    def comments(self, pull: PullRequest) -> Iterator["Comment"]:
        """The comments of a pull request."""

    def is_own(self, comment: "Comment") -> bool:
        """Whether a comment is that of the token's owner: anybody can write one that begins with our marker."""

    def create(self, pull: PullRequest, text: str) -> str:
        """Post a comment. Returns its page."""

    def update(self, pull: PullRequest, comment: "Comment", text: str) -> str:
        """Replace the text of a comment. Returns its page."""


@dataclass(frozen=True)
class Comment:
    """A comment that is there."""

    id: int
    text: str
    author: str
    """The name of the account."""
    by_bot: bool = False
    """Whether it is the account of an app, as that of a job's token; nobody writes by hand with one."""


def post(host: CodeHost, pull: PullRequest, text: str, sha: str = "") -> Posted | None:
    """Post a comment, or update the one that begins with the same line. None where the pull request has moved on.

    Args:
        host: The platform.
        pull: The pull request.
        text: The comment; its first line tells it from others.
        sha: The commit that it is about; empty: whichever is at the head.

    Raises:
        CodeHostError: it could not be posted.
    """
    if sha:
        head = _head(host, pull)
        if head is not None and head != sha:
            return None
    marker = text.partition("\n")[0]
    for comment in host.comments(pull):
        if comment.text.lstrip().startswith(marker) and host.is_own(comment):
            return Posted(created=False, url=host.update(pull, comment, text))
    return Posted(created=True, url=host.create(pull, text))


def _head(host: CodeHost, pull: PullRequest) -> str | None:
    try:
        return host.head(pull)
    except CodeHostError as error:
        if error.status == 403:  # noqa: PLR2004 - it may comment all the same
            return None
        raise


def text_at(item: Any, *keys: str) -> str | None:
    """The text at a path of keys; None where there is none."""
    for key in keys:
        item = item.get(key) if isinstance(item, dict) else None
    return item if isinstance(item, str) else None


def number_at(item: dict[str, Any], key: str) -> int:
    """The whole number of a key.

    Raises:
        CodeHostError: there is none.
    """
    number = item.get(key)
    if not isinstance(number, int) or isinstance(number, bool):
        raise CodeHostError(f"it responded with an entry without {key}")
    return number


def page_of(item: Any) -> str:
    """The page of a comment; empty where the API names none."""
    url = text_at(item, "html_url") or ""
    return url if url.startswith(("http://", "https://")) and url.isprintable() else ""
