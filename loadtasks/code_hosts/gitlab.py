"""GitLab's API of merge requests and their notes (https://docs.gitlab.com/api/notes)."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from loadtasks.code_hosts.comments import MAX_LISTED, Comment, PullRequest, number_at, page_of, text_at
from loadtasks.code_hosts.rest import RestApi


@dataclass
class GitLab:
    """GitLab, on gitlab.com or on a host of its own."""

    api: RestApi
    name = "GitLab"
    _login: str | None = None

    def head(self, pull: PullRequest) -> str | None:
        """The commit at the head of a pull request."""
        return text_at(self.api.call("GET", self._merge_request(pull)), "sha")

    def find(self, repository: str, sha: str, branch: str = "") -> int | None:
        """The number of the open pull request with this commit at its head; None where there is none."""
        path = f"/projects/{quote(repository, safe='')}/merge_requests"
        for number, request in enumerate(self.api.pages(path, state="opened", order_by="updated_at", sort="desc")):
            if text_at(request, "sha") == sha:
                return number_at(request, "iid")
            if number >= MAX_LISTED:
                break
        return None

    def comments(self, pull: PullRequest) -> Iterator[Comment]:
        """The comments of a pull request, oldest first."""
        for item in self.api.pages(f"{self._merge_request(pull)}/notes", order_by="created_at", sort="asc"):
            if not item.get("system"):
                yield Comment(
                    number_at(item, "id"), text_at(item, "body") or "", text_at(item, "author", "username") or ""
                )

    def is_own(self, comment: Comment) -> bool:
        """Whether a comment is that of the token's owner."""
        if self._login is None:
            self._login = text_at(self.api.call("GET", "/user"), "username") or ""
        return comment.author == self._login != ""

    def create(self, pull: PullRequest, text: str) -> str:
        """Post a comment. Returns its page."""
        return page_of(self.api.call("POST", f"{self._merge_request(pull)}/notes", content={"body": text}))

    def update(self, pull: PullRequest, comment: Comment, text: str) -> str:
        """Replace the text of a comment. Returns its page."""
        path = f"{self._merge_request(pull)}/notes/{comment.id}"
        return page_of(self.api.call("PUT", path, content={"body": text}))

    @staticmethod
    def _merge_request(pull: PullRequest) -> str:
        return f"/projects/{quote(pull.repository, safe='')}/merge_requests/{pull.number}"
