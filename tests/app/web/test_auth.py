import jwt
import pytest
import requests

from app.security.tokens import MAX_TOKEN_BYTES, issue_token
from tests.app.service import SECRET_KEY, SESSIONS, STATS, Service

CLAIMS = {"sub": "me", "scope": "read", "iat": 1}


def get(service: Service, header: str | None) -> requests.Response:
    headers = {"Authorization": header} if header else {}
    return requests.get(service.url + STATS, headers=headers, timeout=10)


@pytest.mark.parametrize("header", [None, "Basic dTpw", "Bearer", "Bearer ", "Bearer wrong", "wrong"])
def test_no_valid_token_no_response(service: Service, header: str | None):
    response = get(service, header)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["status"] == 401


@pytest.mark.parametrize(
    "token",
    [
        issue_token("another key of as many characters", "me"),
        jwt.encode(CLAIMS, None, "none"),
        jwt.encode(CLAIMS, SECRET_KEY, "HS384"),
        jwt.encode(CLAIMS | {"exp": 1}, SECRET_KEY),
        jwt.encode({"scope": "read", "iat": 1}, SECRET_KEY),
        jwt.encode({"sub": "me", "iat": 1}, SECRET_KEY),
        jwt.encode(CLAIMS | {"pad": "x" * MAX_TOKEN_BYTES}, SECRET_KEY),
    ],
    ids=["another key", "alg none", "another alg", "expired", "without sub", "without scope", "too long"],
)
def test_a_token_that_is_not_right_is_refused_without_saying_why(service: Service, token: str):
    assert get(service, f"Bearer {jwt.encode(CLAIMS, SECRET_KEY)}").status_code == 200
    refused = get(service, f"Bearer {token}")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"] == "The token is invalid, expired or revoked."


def test_scopes(service: Service):
    reader = service.new_token("read")
    assert service.get(SESSIONS, token=reader).status_code == 200
    refused = service.call("POST", SESSIONS, token=reader, json={"model": "bert-base", "technique": "pruning"})
    assert refused.status_code == 403
    assert 'scope="write"' in refused.headers["WWW-Authenticate"]
    assert service.get(SESSIONS, token=service.new_token("write")).status_code == 403
    assert service.get(SESSIONS, token=service.new_token("load-test")).status_code == 403
