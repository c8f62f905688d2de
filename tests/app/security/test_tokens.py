import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest

from app.security import tokens as module
from app.security.revocations import Revocations
from app.security.tokens import REMEMBERED_TOKENS, TOKEN_BYTES_MAX, Tokens, sign

pytestmark = pytest.mark.every_database

KEY, OTHER = "k" * 32, "o" * 32
CLAIMS = {"sub": "me", "scope": "read", "iat": 1.5}
MISSING = object()
NEVER = 9e9


class NoneRevoked(Revocations):
    def __init__(self) -> None:
        pass

    def holds_for(self, subject: str, issued_at: float) -> bool:
        return False


@pytest.fixture(params=[(KEY,), (KEY, OTHER), (OTHER, KEY)], ids=["alone", "first", "second"])
def tokens(request: pytest.FixtureRequest) -> Tokens:
    return Tokens(request.param, NoneRevoked())


def encoded(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def made(header: Any, claims: Any, key: str = KEY, digest: str = "sha256") -> str:
    """A token that is signed as ours are, whatever it says."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(key.encode(), signed.encode(), digest))}"


def test_what_a_token_allows(tokens: Tokens):
    grant = tokens.check(sign(KEY, "Zoë at work", ("read", "load-test")))
    assert (grant.name, grant.scopes) == ("Zoë at work", {"read", "load-test"})
    assert tokens.check(sign(KEY, "me")).scopes == {"read", "write"}


def test_anybody_who_has_the_key_may_make_one(tokens: Tokens):
    assert tokens.check(made({"alg": "HS256"}, CLAIMS | {"iat": int(time.time())})).name == "me"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.ü.ß",
        "\ud800",
        made({"alg": "HS256"}, CLAIMS, "x" * 32),
        made({"alg": "none"}, CLAIMS),
        made({"alg": "none"}, CLAIMS).rpartition(".")[0] + ".",
        made({"alg": "HS512"}, CLAIMS, digest="sha512"),
        made({"alg": "RS256"}, CLAIMS),
        made({}, CLAIMS),
        made(b"[" * 2000, CLAIMS),
        made({"alg": "HS256"}, b"[" * 2000),
        made({"alg": "HS256"}, b"{}{"),
        made({"alg": "HS256"}, [CLAIMS]),
        made({"alg": "HS256"}, CLAIMS | {"pad": "x" * TOKEN_BYTES_MAX}),
    ],
)
def test_no_token_of_ours(tokens: Tokens, token: str):
    assert tokens.check(token) is None


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", MISSING),
        ("sub", ""),
        ("sub", 7),
        ("sub", "x" * 65),
        ("sub", "a\0b"),
        ("sub", "\ud800"),
        ("scope", MISSING),
        ("scope", ["read"]),
        ("iat", MISSING),
        ("iat", "1"),
        ("iat", True),
        ("iat", float("nan")),
        ("iat", NEVER),
        ("exp", 1),
        ("exp", float("inf")),
        ("exp", "never"),
        ("exp", None),
        ("nbf", NEVER),
        ("aud", "somebody else"),
    ],
)
def test_signed_but_not_as_we_do(tokens: Tokens, claim: str, value: Any):
    claims = {name: given for name, given in (CLAIMS | {claim: value}).items() if given is not MISSING}
    assert tokens.check(made({"alg": "HS256"}, CLAIMS))
    assert tokens.check(made({"alg": "HS256"}, claims)) is None


def test_an_expired_token_is_refused_although_it_was_remembered():
    tokens = Tokens((KEY,), NoneRevoked())
    token = sign(KEY, "me", ttl=timedelta(seconds=0.1))  # whole seconds, rounded up
    assert tokens.check(token)
    deadline = time.monotonic() + 10
    while tokens.check(token):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_nobody_is_called_that(name: str):
    with pytest.raises(ValueError, match="1 to 64 printable"):
        sign(KEY, name)


def test_all_keys_verify():
    old, new = sign(OTHER, "me"), sign(KEY, "me")
    rotated = Tokens((KEY, OTHER), NoneRevoked())
    assert rotated.check(old)
    assert rotated.check(new)
    assert rotated.check(sign("x" * 32, "me")) is None
    assert Tokens((KEY,), NoneRevoked()).check(old) is None


def test_revoked_are_all_of_a_user_until_now(database):
    revocations = Revocations(database)
    earlier, theirs = sign(KEY, "me"), sign(KEY, "you")
    revocations.revoke("me")
    later = sign(KEY, "me")
    assert [bool(Tokens((KEY,), revocations).check(token)) for token in (earlier, theirs, later)] == [False, True, True]
    revocations.revoke("me")
    assert Tokens((KEY,), revocations).check(later) is None


def test_a_revocation_reaches_a_process_that_remembers_the_token(database, monkeypatch):
    tokens = Tokens((KEY,), Revocations(database))
    token, fresh = sign(KEY, "me"), sign(KEY, "me")
    assert tokens.check(token)
    Revocations(database).revoke("me")
    assert tokens.check(token)
    assert tokens.check(fresh) is None
    soon = time.monotonic() + module.REMEMBERED_S
    monkeypatch.setattr("app.security.tokens.time.monotonic", lambda: soon)
    assert tokens.check(token) is None


def test_a_remembered_token_costs_neither_a_signature_nor_a_query(tokens: Tokens, monkeypatch):
    token = sign(KEY, "me")
    tokens.check(token)
    monkeypatch.setattr(jwt, "decode", lambda *_: pytest.fail("verified again"))
    monkeypatch.setattr(NoneRevoked, "holds_for", lambda *_: pytest.fail("looked up again"))
    assert tokens.check(token).name == "me"


def test_no_more_are_remembered_than_a_bound():
    tokens = Tokens((KEY,), NoneRevoked())
    for number in range(REMEMBERED_TOKENS + 2):
        assert tokens.check(sign(KEY, f"user {number}"))
        tokens.check(f"wrong {number}")
    assert len(tokens._remembered) <= REMEMBERED_TOKENS


def test_of_a_remembered_token_only_a_digest_is_kept():
    tokens = Tokens((KEY,), NoneRevoked())
    token = sign(KEY, "me")
    tokens.check(token)
    assert list(tokens._remembered) == [hashlib.sha256(token.encode()).digest()]
