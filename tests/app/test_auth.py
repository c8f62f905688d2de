import hashlib
import time
from datetime import timedelta

import pytest
import requests
from sqlalchemy import select

from app.auth import Tokens
from app.models import Token
from tests.app.service import SESSIONS, STATS, Service


@pytest.mark.parametrize("header", [None, "Basic dTpw", "Bearer", "Bearer ", "Bearer wrong", "wrong"])
def test_no_valid_token_no_answer(service: Service, header: str | None):
    headers = {"Authorization": header} if header else {}
    answer = requests.get(service.url + STATS, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["status"] == 401


def test_scopes(service: Service):
    reader = service.new_token("read")
    assert service.get(SESSIONS, token=reader).status_code == 200
    refused = service.call("POST", SESSIONS, token=reader, json={"model": "bert-base", "technique": "pruning"})
    assert refused.status_code == 403
    assert 'scope="write"' in refused.headers["WWW-Authenticate"]
    assert service.get(SESSIONS, token=service.new_token("write")).status_code == 403


def test_an_expired_token_is_refused_although_it_was_remembered(database):
    tokens = Tokens(database)
    token = tokens.issue("me", ttl=timedelta(seconds=1))
    assert tokens.check(token)
    deadline = time.monotonic() + 10
    while tokens.check(token):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_a_digest_is_kept(database):
    token = Tokens(database).issue("me")
    with database.read() as connection:
        row = connection.execute(select(Token.__table__).where(Token.name == "me")).one()
    assert row.sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token not in map(str, row)


def test_revoked_tokens_are_refused(database):
    token, other = Tokens(database).issue("me"), Tokens(database).issue("you")
    assert Tokens(database).check(token).scopes == {"read", "write"}
    assert Tokens(database).revoke("me") == 1
    assert Tokens(database).revoke("me") == 0
    assert Tokens(database).check(token) is None
    assert Tokens(database).check(other) is not None


def test_a_given_token_is_the_only_one_of_its_name(database):
    somebody, old = Tokens(database).issue("somebody"), Tokens(database).issue("me")
    for token in ("a" * 32, "b" * 32, "b" * 32, "a" * 32):  # the second start, and one with an earlier token
        Tokens(database).accept(token, "me")
        assert Tokens(database).check(token).scopes == {"read", "write"}
    assert Tokens(database).check("b" * 32) is None
    assert Tokens(database).check(old) is None
    assert Tokens(database).check(somebody) is not None


def test_a_revocation_reaches_a_process_that_remembers_the_token(database, monkeypatch):
    monkeypatch.setattr("app.auth.REMEMBERED_S", 0.0)
    tokens = Tokens(database)
    token = tokens.issue("me")
    assert tokens.check(token)
    Tokens(database).revoke("me")
    assert tokens.check(token) is None
