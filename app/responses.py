"""JSON responses, with the time that making them took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response

from app.timing import phase

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(payload: Any) -> str:
    """Write a payload as compact JSON."""
    return _encode(payload)


def encode_timed(payload: Any) -> bytes:
    """Write a payload as compact JSON in UTF-8; the making counts as the phase ``serialise``."""
    with phase("serialise"):
        return _encode(payload).encode()


def json_response(
    payload: Any, status: int = 200, *, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    """Make a JSON response; its making counts as the phase ``serialise``."""
    return Response(encode_timed(payload), status, headers, content_type=media_type)
