"""Response headers that restrict what browsers do with a response, and CORS headers for other origins.

It wraps the WSGI application, since that costs less than Flask's hooks and covers every response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from app.web.auth import PROTECTED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

CONTENT_SECURITY_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SECURITY_HEADERS: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
TRANSPORT_SECURITY = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
# Only the client itself may cache a response to its token, and must revalidate it before each use.
CACHING = ("Cache-Control", "private, no-cache")

ALLOWED_METHODS = "GET, POST, PUT"
ALLOWED_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match"
EXPOSED_HEADERS = "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Server-Timing"
PREFLIGHT_MAX_AGE_S = 600


def add_security_headers(wsgi_app: WSGIApplication, origins: frozenset[str], *, behind_tls: bool) -> WSGIApplication:
    """Wrap a WSGI application so that every response has the security and CORS headers.

    Args:
        wsgi_app: The application.
        origins: Origins whose pages may call it. If empty, none may, and preflight requests go to the application.
        behind_tls: Whether clients reach it by TLS only; responses then forbid plain HTTP (HSTS).
    """
    fixed_headers = [*SECURITY_HEADERS, TRANSPORT_SECURITY] if behind_tls else SECURITY_HEADERS

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        cors_headers = _cors_headers(environ.get("HTTP_ORIGIN", ""), origins)
        protected = environ.get("PATH_INFO", "").startswith(PROTECTED)

        def start(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
            present = {name for name, _ in headers}
            if "Content-Security-Policy" not in present:
                headers.append(("Content-Security-Policy", CONTENT_SECURITY_POLICY))
            if protected and "Cache-Control" not in present:
                headers.append(CACHING)
            headers += fixed_headers
            headers += cors_headers
            return start_response(status, headers, exc_info)

        if origins and _is_preflight(environ):
            start("204 No Content", _preflight_headers() if len(cors_headers) > 1 else [])
            return []
        return wsgi_app(environ, start)

    return application


def _is_preflight(environ: WSGIEnvironment) -> bool:
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        and "HTTP_ORIGIN" in environ
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )


def _cors_headers(origin: str, origins: frozenset[str]) -> Headers:
    """The CORS headers for an origin. Responses to every origin vary with it."""
    if not origins:
        return []
    if origin not in origins:
        return [("Vary", "Origin")]
    return [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", EXPOSED_HEADERS),
    ]


def _preflight_headers() -> Headers:
    return [
        ("Access-Control-Allow-Methods", ALLOWED_METHODS),
        ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
        ("Access-Control-Max-Age", str(PREFLIGHT_MAX_AGE_S)),
    ]
