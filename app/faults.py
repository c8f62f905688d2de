"""Faults to inject on purpose, so that one can see how a performance pipeline reports them.

`APP_FAULTS` holds faults separated by `;`, each of the form `ROUTE:KIND[=VALUE][@SHARE]`:

* ROUTE: `dashboard`, `sessions`, `config` or `events`.
* KIND: `slow=3s` or `slow=250ms` waits before the request is processed. `query=50ms` waits before the request's first
  database statement while it holds the connection, like a slow query. `cpu=0.5ms` computes before the request is
  processed, for as much CPU time as given (calibrated when the service starts). `fail` or `fail=503` responds with that
  status, 400 to 599 (default 503), instead of processing the request. `cut` closes the connection in the middle of the
  response body (of a WebSocket: right after the handshake, without a close frame).
* SHARE: above 0 and up to 1, the share of the route's requests that get the fault (default 1). 0.2 means every fifth
  request: requests are counted, not drawn at random, so that equal runs meet equal faults.

For example `dashboard:slow=3s;sessions:fail=503@0.2;config:cut@0.1`. Faults apply to requests with a valid token,
and to WebSockets that send their token in the first message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ROUTES = ("dashboard", "sessions", "config", "events")
UNITS_S = {"s": 1.0, "ms": 0.001}
DEFAULT_STATUS = 503
FORM = re.compile(r"(?P<route>[^:]*):(?P<kind>[a-z]+)(=(?P<value>[^@]*))?(@(?P<share>.*))?")


@dataclass(frozen=True)
class Fault:
    """One fault of `APP_FAULTS`."""

    text: str
    """The fault as written in the setting."""
    route: str
    """The blueprint whose requests get the fault."""
    kind: str
    """`slow`, `query`, `cpu`, `fail` or `cut`."""
    delay_s: float = 0.0
    """Seconds that `slow` and `query` wait, or seconds of CPU time that `cpu` uses."""
    status: int = DEFAULT_STATUS
    """Status that `fail` responds with."""
    share: float = 1.0
    """Share of the route's requests that get the fault."""


def parse_faults(text: str) -> list[Fault]:
    """Parse `APP_FAULTS`.

    Raises:
        ValueError: A fault has another form than the module describes; the message names it.
    """
    return [_parse_fault(part.strip()) for part in text.split(";") if part.strip()]


def _parse_fault(text: str) -> Fault:
    match = FORM.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not of the form ROUTE:KIND[=VALUE][@SHARE]")
    route, kind, value = match["route"], match["kind"], match["value"]
    if route not in ROUTES:
        raise ValueError(f"'{text}' has none of the routes {', '.join(ROUTES)}")
    share = _parse_share(text, match["share"])
    if kind in ("slow", "query", "cpu"):
        return Fault(text, route, kind, delay_s=_parse_delay(text, value), share=share)
    if kind == "fail":
        return Fault(text, route, kind, status=_parse_status(text, value), share=share)
    if kind == "cut" and value is None:
        return Fault(text, route, kind, share=share)
    raise ValueError(f"'{text}' has none of the kinds slow=TIME, query=TIME, cpu=TIME, fail[=STATUS], cut")


def _parse_share(text: str, value: str | None) -> float:
    if value is None:
        return 1.0
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError(f"'{text}' needs a share above 0 and up to 1 after the @")
    return share


def _parse_delay(text: str, value: str | None) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|ms)", value or "")
    if not match:
        raise ValueError(f"'{text}' needs a time such as slow=3s or query=250ms")
    return float(match[1]) * UNITS_S[match[2]]


def _parse_status(text: str, value: str | None) -> int:
    if value is None:
        return DEFAULT_STATUS
    if not re.fullmatch(r"[45]\d\d", value):
        raise ValueError(f"'{text}' needs a status from 400 to 599 after fail=")
    return int(value)
