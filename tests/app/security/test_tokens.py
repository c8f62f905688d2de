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
from app.security.tokens import MAX_CACHED_TOKENS, MAX_TOKEN_BYTES, TokenVerifier, issue_token

pytestmark = pytest.mark.every_database

KEY, OTHER = "k" * 32, "o" * 32
CLAIMS = {"sub": "me", "scope": "read", "iat": 1.5}
MISSING = object()
NEVER = 9e9


class NoneRevoked(Revocations):
    def __init__(self) -> None:
        pass

    def is_revoked(self, subject: str, issued_at: float) -> bool:
        return False


@pytest.fixture(params=[(KEY,), (KEY, OTHER), (OTHER, KEY)], ids=["alone", "first", "second"])
def tokens(request: pytest.FixtureRequest) -> TokenVerifier:
    return TokenVerifier(request.param, NoneRevoked())


def encoded(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def made(header: Any, claims: Any, key: str = KEY, digest: str = "sha256") -> str:
    """A correctly signed token with any header and claims."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(key.encode(), signed.encode(), digest))}"


def test_what_a_token_allows(tokens: TokenVerifier):
    grant = tokens.verify(issue_token(KEY, "Zoë at work", ("read", "load-test")))
    assert (grant.name, grant.scopes) == ("Zoë at work", {"read", "load-test"})
    assert tokens.verify(issue_token(KEY, "me")).scopes == {"read", "write"}


def test_anybody_who_has_the_key_may_make_one(tokens: TokenVerifier):
    assert tokens.verify(made({"alg": "HS256"}, CLAIMS | {"iat": int(time.time())})).name == "me"


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
        made({"alg": "HS256"}, CLAIMS | {"pad": "x" * MAX_TOKEN_BYTES}),
    ],
)
def test_invalid_tokens_are_refused(tokens: TokenVerifier, token: str):
    assert tokens.verify(token) is None


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
def test_signed_tokens_with_invalid_claims_are_refused(tokens: TokenVerifier, claim: str, value: Any):
    claims = {name: given for name, given in (CLAIMS | {claim: value}).items() if given is not MISSING}
    assert tokens.verify(made({"alg": "HS256"}, CLAIMS))
    assert tokens.verify(made({"alg": "HS256"}, claims)) is None


def test_an_expired_token_is_refused_although_it_was_cached():
    tokens = TokenVerifier((KEY,), NoneRevoked())
    token = issue_token(KEY, "me", ttl=timedelta(seconds=0.1))  # whole seconds, rounded up
    assert tokens.verify(token)
    deadline = time.monotonic() + 10
    while tokens.verify(token):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_invalid_names_are_refused(name: str):
    with pytest.raises(ValueError, match="1 to 64 printable"):
        issue_token(KEY, name)


def test_all_keys_verify():
    old, new = issue_token(OTHER, "me"), issue_token(KEY, "me")
    rotated = TokenVerifier((KEY, OTHER), NoneRevoked())
    assert rotated.verify(old)
    assert rotated.verify(new)
    assert rotated.verify(issue_token("x" * 32, "me")) is None
    assert TokenVerifier((KEY,), NoneRevoked()).verify(old) is None


def test_a_revocation_covers_all_tokens_of_a_user_until_now(database):
    revocations = Revocations(database)
    earlier, theirs = issue_token(KEY, "me"), issue_token(KEY, "you")
    revocations.revoke("me")
    later = issue_token(KEY, "me")
    assert [bool(TokenVerifier((KEY,), revocations).verify(token)) for token in (earlier, theirs, later)] == [
        False,
        True,
        True,
    ]
    revocations.revoke("me")
    assert TokenVerifier((KEY,), revocations).verify(later) is None


def test_a_revocation_reaches_a_process_that_cached_the_token(database, monkeypatch):
    tokens = TokenVerifier((KEY,), Revocations(database))
    token, fresh = issue_token(KEY, "me"), issue_token(KEY, "me")
    assert tokens.verify(token)
    Revocations(database).revoke("me")
    assert tokens.verify(token)
    assert tokens.verify(fresh) is None
    soon = time.monotonic() + module.CACHED_S
    monkeypatch.setattr("app.security.tokens.time.monotonic", lambda: soon)
    assert tokens.verify(token) is None


def test_a_cached_token_costs_neither_a_signature_nor_a_query(tokens: TokenVerifier, monkeypatch):
    token = issue_token(KEY, "me")
    tokens.verify(token)
    monkeypatch.setattr(jwt, "decode", lambda *_: pytest.fail("verified again"))
    monkeypatch.setattr(NoneRevoked, "is_revoked", lambda *_: pytest.fail("looked up again"))
    assert tokens.verify(token).name == "me"


def test_the_number_of_cached_tokens_is_bounded():
    tokens = TokenVerifier((KEY,), NoneRevoked())
    for number in range(MAX_CACHED_TOKENS + 2):
        assert tokens.verify(issue_token(KEY, f"user {number}"))
        tokens.verify(f"wrong {number}")
    assert len(tokens._cached) <= MAX_CACHED_TOKENS


def test_only_a_digest_of_a_token_is_cached():
    tokens = TokenVerifier((KEY,), NoneRevoked())
    token = issue_token(KEY, "me")
    tokens.verify(token)
    assert list(tokens._cached) == [hashlib.sha256(token.encode()).digest()]
