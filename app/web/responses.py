"""JSON responses, with the time that making them took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Response

from app.observability.server_timing import phase

# A page of sessions takes it 10 us, and the standard library 75.
_encode = msgspec.json.Encoder().encode


def encode(payload: Any) -> str:
    """Write a payload as compact JSON."""
    return _encode(payload).decode()


def encode_timed(payload: Any) -> bytes:
    """Write a payload as compact JSON in UTF-8; the making counts as the phase ``serialise``."""
    with phase("serialise"):
        return _encode(payload)


def json_response(
    payload: Any, status: int = 200, *, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    """Make a JSON response; its making counts as the phase ``serialise``."""
    return Response(encode_timed(payload), status, headers, content_type=media_type)
