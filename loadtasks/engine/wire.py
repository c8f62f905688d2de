"""A scenario's request as the bytes that `requests` would send, made once and written as they are, again and again."""

import os
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from loadtasks.engine.target import Target
from loadtasks.scenarios.model import Request


@dataclass(frozen=True, slots=True)
class Wire:
    """One request, ready to be written."""

    data: bytes
    request: Request
    line: str
    """Method and path, for people."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the bytes go."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, target: Target) -> "Address":
        """The address of a target; TLS verifies against the bundle that `requests` would use."""
        parts = urlsplit(target.url)
        secure = parts.scheme == "https"
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
        tls = ssl.create_default_context(cafile=bundle) if secure else None
        return cls(parts.hostname or "", parts.port or (443 if secure else 80), tls)


def write_down(request: Request, target: Target) -> Wire:
    """The bytes of a request to a target.

    `requests` decides URL, headers and body; the order on the wire is http.client's as urllib3 drives it: request line,
    Host, then the prepared headers.
    """
    with requests.Session() as session:
        session.trust_env = False
        prepared = session.prepare_request(
            requests.Request(
                request.method,
                target.url + request.path,
                params=request.query,
                headers={**target.headers(), **request.headers},
                json=request.json_body,
            )
        )
    parts = urlsplit(prepared.url or "")
    head = [f"{prepared.method} {prepared.path_url} HTTP/1.1"]
    if "Host" not in prepared.headers:
        head.append(f"Host: {_host(parts.hostname or '', parts.port, parts.scheme)}")
    head += [f"{name}: {_text(value)}" for name, value in prepared.headers.items()]
    body = prepared.body or b""
    data = "\r\n".join([*head, "", ""]).encode("latin-1") + (body.encode() if isinstance(body, str) else body)
    return Wire(data, request, f"{prepared.method} {prepared.path_url}")


def _host(name: str, port: int | None, scheme: str) -> str:
    bracketed = f"[{name}]" if ":" in name else name
    default = {"http": 80, "https": 443}[scheme]
    return bracketed if port in (None, default) else f"{bracketed}:{port}"


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
