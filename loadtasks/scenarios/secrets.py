"""What a scenario sends that must never be shown: secret columns of its feeder, and values whose name says so.

A name says so in a header, in a query and in the keys of a JSON body: `Authorization`, `X-API-Key`, `?api_key=`,
`{"password": ...}`.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from loadtasks.scenarios.model import BroadcastScenario, ConnectionsScenario, HttpScenario, Request, Scenario, parts_of
from loadtasks.scenarios.template import Row, columns_in, fill_text
from loadtasks.scenarios.values import is_secret_name

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,} +(?=\S)")
"""Of an Authorization header (RFC 9110, section 11.4): `Bearer `, `Basic `."""
_MIN_COOKIE = 8
"""Characters from which a cookie is a secret by itself; a shorter one holds a language or the like."""
_NO_ROW: Row = {}


def secrets_of(scenario: Scenario) -> frozenset[str]:
    """The texts among what a scenario sends that must never be shown."""
    return frozenset(secret for part in parts_of(scenario).values() for secret in _secrets(part) if secret)


def _secrets(part: Scenario) -> Iterator[str]:
    match part:
        case HttpScenario(feeder=feeder):
            rows = feeder.rows if feeder is not None else (_NO_ROW,)
            texts = [text for request in part.requests for text in _of_request(request)]
            if part.read_back is not None:
                texts += _of_path(part.read_back.path)
            for text in texts:
                for row in rows if any(columns_in(text)) else (_NO_ROW,):
                    yield from _variants(fill_text(text, row))
            if feeder is not None:
                yield from feeder.secret_values()
        case BroadcastScenario():
            for text in (*_of_path(part.path), *_of_request(part.publish.request)):
                yield from _variants(text)
        case ConnectionsScenario():
            for text in _of_path(part.path):
                yield from _variants(text)


def _of_request(request: Request) -> list[str]:
    """The secret texts of a request, its placeholders not filled."""
    named = [(name, value) for name, value in request.headers.items()]
    for name, given in request.query.items():
        named += [(name, str(value)) for value in (given if isinstance(given, list) else [given])]
    found = [value for name, value in named if is_secret_name(name)]
    return found + _of_path(request.path) + list(_of_json(request.json_body))


def _of_path(path: str) -> list[str]:
    query = parse_qsl(urlsplit(path).query, keep_blank_values=True)
    return [value for name, value in query if is_secret_name(name)]


def _of_json(value: Any, name: str = "") -> Iterator[str]:
    """The secret texts of a JSON value; numbers are none, as `max_tokens` shows."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _of_json(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _of_json(item, name)
    elif isinstance(value, str) and is_secret_name(name):
        yield value


def _variants(text: str) -> Iterator[str]:
    """The text; what follows the scheme of an Authorization header, with a password that is in it; single cookies."""
    yield text
    if scheme := _SCHEME.match(text):
        credentials = text[scheme.end() :]
        yield credentials
        yield from _password(credentials)
    for cookie in text.split(";"):
        _, is_named, value = cookie.partition("=")
        if is_named and len(value.strip()) >= _MIN_COOKIE:
            yield value.strip()


def _password(credentials: str) -> Sequence[str]:
    """The password of Basic authentication; the user where there is no password, since a key may be sent as a user."""
    try:
        user, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ()
    return (password or user,) if colon else ()
