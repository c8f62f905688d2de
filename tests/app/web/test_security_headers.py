import re
from base64 import b64encode
from hashlib import sha256

import pytest
import requests

from tests.app.service import CRITERIA, SESSIONS, STATS, Service

PAGE = "https://dashboard.example.com"
OTHER = "https://example.org"
PREFLIGHT = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", STATS, 200),
        ("GET", "/docs", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", STATS, 405),
        ("PUT", CRITERIA, 415),
        ("OPTIONS", STATS, 200),
    ],
)
def test_every_response_has_the_security_headers(service: Service, method: str, path: str, status: int):
    response = service.call(method, path)
    assert response.status_code == status
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in response.headers


@pytest.mark.parametrize(("path", "caching"), [(STATS, "private, no-cache"), (SESSIONS, "private, no-cache")])
def test_protected_responses_are_private(service: Service, path: str, caching: str):
    assert service.get(path).headers["Cache-Control"] == caching


def test_the_policy_of_the_page_lets_its_style_through(service: Service):
    response = requests.get(service.url + "/docs", timeout=10)
    style = re.search("<style>(.*?)</style>", response.text, re.DOTALL)[1]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["Content-Security-Policy"]
    assert " style=" not in response.text


def test_without_the_setting_no_origin_may_read(service: Service):
    response = service.get(STATS, headers={"Origin": PAGE})
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("Access-Control-")]
    assert requests.options(service.url + STATS, headers={"Origin": PAGE} | PREFLIGHT, timeout=10).status_code == 401


def test_origins_of_the_setting_may_and_others_may_not(start):
    service = start(APP_CORS_ORIGINS=f"http://127.0.0.1:3000, {PAGE}", APP_BEHIND_TLS="1")
    own = service.get(STATS, headers={"Origin": PAGE})
    assert own.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Server-Timing" in own.headers["Access-Control-Expose-Headers"]
    assert "Origin" in own.headers["Vary"]
    assert own.headers["Strict-Transport-Security"].startswith("max-age=")
    refused = requests.get(service.url + STATS, headers={"Origin": PAGE}, timeout=10)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, PAGE)
    for origin in (OTHER, "null", PAGE + ".evil.example"):
        other = service.get(STATS, headers={"Origin": origin})
        assert "Origin" in other.headers["Vary"]
        assert "Access-Control-Allow-Origin" not in other.headers

    allowed = requests.options(service.url + CRITERIA, headers={"Origin": PAGE} | PREFLIGHT, timeout=10)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["Access-Control-Allow-Origin"] == PAGE
    assert "PUT" in allowed.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    denied = requests.options(service.url + CRITERIA, headers={"Origin": OTHER} | PREFLIGHT, timeout=10)
    assert not [name for name in denied.headers if name.startswith("Access-Control-")]
