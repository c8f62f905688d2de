"""A code host of our own: the endpoints of GitHub and of GitLab that a comment needs, over real HTTP."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests import servers
from tests.servers import Handler, ScriptedServer

TOKEN = "ghs_" + "s3cret" * 5
HEAD = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"
Answer = tuple[str, Any]


@dataclass
class FakeCodeHost:
    """One pull request (7) of `acme/shop`, whose head is `HEAD`, with its comments."""

    own_login: str | None = None
    """What `/user` says; None: 403, as to the token of a job."""
    comments: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[str, str], Answer | bytes | None] = lambda _method, _path: None
    """Says something else to a request, by its method and path; None where it doesn't."""
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""

    def add(self, text: str, login: str = "someone", kind: str = "User") -> dict[str, Any]:
        number = len(self.comments) + 1
        made = {
            "id": number,
            "body": text,
            "user": {"login": login, "type": kind},
            "author": {"username": login},
            "system": False,
            "html_url": f"https://github.test/acme/shop/pull/7#c{number}",
        }
        self.comments.append(made)
        return made

    def handle(self, connection: socket.socket, request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        method, target, _ = line.split()
        named = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in headers)}
        self.tokens |= {
            f"{key}: {named[key]}" for key in ("authorization", "private-token", "job-token") if key in named
        }
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append(f"{method} {unquote(parts.path)}")
        said = self.answer(method, parts.path) or self._respond(
            method, unquote(parts.path), query, json.loads(body) if body else {}
        )
        if isinstance(said, bytes):
            connection.sendall(said)
            return False
        status, content = said
        connection.sendall(servers.ok(json.dumps(content).encode(), status=status))
        return True

    def _respond(  # noqa: PLR0911 - an endpoint a line
        self, method: str, path: str, query: dict[str, str], content: dict[str, Any]
    ) -> Answer:
        if path.endswith("/user"):
            known = {"login": self.own_login, "username": self.own_login}
            return ("200 OK", known) if self.own_login else ("403 Forbidden", {"message": "not by integration"})
        pull = {"number": 7, "iid": 7, "sha": HEAD, "head": {"sha": HEAD}}
        other = {"number": 6, "iid": 6, "sha": "0" * 40, "head": {"sha": "0" * 40}}
        if path.endswith(("/pulls/7", "/merge_requests/7")):
            return "200 OK", pull
        if path.endswith(("/pulls", "/merge_requests")):
            return "200 OK", [] if "head" in query and "fork" not in query["head"] else [other, pull]
        if path.endswith(("/issues/7/comments", "/merge_requests/7/notes")):
            if method == "POST":
                return "201 Created", self.add(content["body"], self.own_login or "github-actions[bot]", "Bot")
            size = int(query["per_page"])
            return "200 OK", self.comments[size * (int(query["page"]) - 1) :][:size]
        number = int(path.rpartition("/")[2]) if path.rpartition("/")[2].isdigit() else 0
        if method in ("PATCH", "PUT") and 0 < number <= len(self.comments):
            self.comments[number - 1]["body"] = content["body"]
            return "200 OK", self.comments[number - 1]
        return "404 Not Found", {"message": "Not Found"}


@contextlib.contextmanager
def serving(host: FakeCodeHost) -> Iterator[ScriptedServer]:
    """Run a code host on a free port."""
    handler: Handler = host.handle
    with servers.scripted(handler) as server:
        host.url = server.url
        yield server
