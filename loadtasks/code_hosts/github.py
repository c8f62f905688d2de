"""GitHub's API of pull requests and their comments (https://docs.github.com/rest)."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from loadtasks.code_hosts.comments import MAX_LISTED, Comment, PullRequest, number_at, page_of, text_at
from loadtasks.code_hosts.rest import CodeHostError, RestApi


@dataclass
class GitHub:
    """GitHub, GitHub Enterprise Server, and what is compatible with their API."""

    api: RestApi
    name = "GitHub"
    _login: str | None = None

    def head(self, pull: PullRequest) -> str | None:
        """The commit at the head of a pull request."""
        return text_at(self.api.call("GET", f"/repos/{_path(pull.repository)}/pulls/{pull.number}"), "head", "sha")

    def find(self, repository: str, sha: str, branch: str = "") -> int | None:
        """The number of the open pull request with this commit at its head; None where there is none."""
        path = f"/repos/{_path(repository)}/pulls"
        tries: list[dict[str, str]] = [{"head": branch}] if branch else []
        for query in (*tries, {"sort": "updated", "direction": "desc"}):
            for number, pull in enumerate(self.api.pages(path, state="open", **query)):
                if text_at(pull, "head", "sha") == sha:
                    return number_at(pull, "number")
                if number >= MAX_LISTED:
                    break
        return None

    def comments(self, pull: PullRequest) -> Iterator[Comment]:
        """The comments of a pull request, oldest first."""
        for item in self.api.pages(f"/repos/{_path(pull.repository)}/issues/{pull.number}/comments"):
            yield Comment(
                number_at(item, "id"),
                text_at(item, "body") or "",
                text_at(item, "user", "login") or "",
                by_bot=text_at(item, "user", "type") == "Bot",
            )

    def is_own(self, comment: Comment) -> bool:
        """Whether a comment is that of the token's owner."""
        return comment.by_bot or comment.author == self._own_login()

    def _own_login(self) -> str | None:
        """The account of the token; None where it belongs to an app, as that of a job, which has none."""
        if self._login is None:
            try:
                self._login = text_at(self.api.call("GET", "/user"), "login") or ""
            except CodeHostError as error:
                if error.status not in (401, 403, 404):
                    raise
                self._login = ""
        return self._login or None

    def create(self, pull: PullRequest, text: str) -> str:
        """Post a comment. Returns its page."""
        path = f"/repos/{_path(pull.repository)}/issues/{pull.number}/comments"
        return page_of(self.api.call("POST", path, content={"body": text}))

    def update(self, pull: PullRequest, comment: Comment, text: str) -> str:
        """Replace the text of a comment. Returns its page."""
        path = f"/repos/{_path(pull.repository)}/issues/comments/{comment.id}"
        return page_of(self.api.call("PATCH", path, content={"body": text}))


def _path(repository: str) -> str:
    return quote(repository, safe="/")
