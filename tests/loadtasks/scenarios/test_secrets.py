"""What of a scenario must never be shown."""

from pathlib import Path
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.secrets import secrets_of
from loadtasks.scenarios.values import is_secret_name


def secrets_in(folder: Path, text: str) -> set[str]:
    (folder / "thing.yaml").write_text(f"endpoint: thing\nscenarios:\n  one: {text}\n")
    (folder / "users.csv").write_text("name,key,pin\nann,key-of-ann,1234\nbob,key-of-bob,5678\n")
    (scenario,) = read_scenarios(folder).values()
    return set(secrets_of(scenario))


def http(request: str, more: str = "") -> str:
    return f"{{load: {{workers: 1, requests: 1}}, request: {{{request}}}{more}}}"


@pytest.mark.parametrize(
    ("scenario", "secrets"),
    [
        (http("path: /"), set()),
        (http("path: /, headers: {X-Team: red, X-API-Key: abc}"), {"abc"}),
        (http("path: /, headers: {Authorization: Bearer abc}"), {"Bearer abc", "abc"}),
        (
            http("path: /, headers: {proxy-authorization: Basic dXNlcjpwYXNz}"),
            {"Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "pass"},
        ),
        (http("path: /, headers: {Authorization: Basic a2V5OTk6}"), {"Basic a2V5OTk6", "a2V5OTk6", "key99"}),
        (
            http("path: /, headers: {Cookie: lang=en; session=abcdefgh12}"),
            {"lang=en; session=abcdefgh12", "abcdefgh12"},
        ),
        (http('path: "/a?api_key=abc&page=2&access_token=d%20e"'), {"abc", "d e"}),
        (http("path: /, query: {key: abc, sort: up, token: [t1, t2]}"), {"abc", "t1", "t2"}),
        (
            http("method: POST, path: /, json: {user: ann, max_tokens: 100, auth: {password: pw, tokens: [t1]}}"),
            {"pw", "t1"},
        ),
        (
            http("path: '/{{name}}'", ", feeder: {file: users.csv, secret: [key, pin]}"),
            {"key-of-ann", "key-of-bob", "1234", "5678"},
        ),
        (
            http("path: /, headers: {X-Api-Key: 'no {{key}}'}", ", feeder: {file: users.csv}"),
            {"no key-of-ann", "no key-of-bob"},
        ),
        ("{load: {connections: 1, hold_s: 0}, websocket: '/ws?token=abc'}", {"abc"}),
        (
            "{load: {listeners: 1, rate: 1, duration_s: 1}, websocket: '/ws?token=abc', event: {id: id}, "
            "publish: {id: id, request: {method: POST, path: /, headers: {X-Token: def}}}}",
            {"abc", "def"},
        ),
    ],
)
def test_values_whose_name_says_so_are_secrets(tmp_path: Path, scenario: str, secrets: set[str]) -> None:
    found = secrets_in(tmp_path, scenario)
    assert found == secrets


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *(
            (name, True)
            for name in ("Authorization", "Cookie", "X-CSRF-Token", "client_secret", "apikey", "X-Auth", "pwd")
        ),
        *((name, False) for name in ("author", "Accept", "Content-Type", "page", "monkey", "sort_key", "X-Request-ID")),
    ],
)
def test_names(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


@pytest.mark.parametrize(
    ("feeder", "words"),
    [
        ("{file: users.csv, secret: [email]}", "no column `email`, which `secret` names; it has name, key, pin"),
        ("{file: users.csv, secret: key}", "scenarios.one.feeder.secret"),
    ],
)
def test_an_unknown_secret_column_is_refused(tmp_path: Path, feeder: Any, words: str) -> None:
    with pytest.raises(BadInputError) as raised:
        secrets_in(tmp_path, http("path: '/{{name}}'", f", feeder: {feeder}"))
    assert words in str(raised.value)
