"""Scenario hashes from before the client's own headers were part of them, turned into those of today.

Databases before revision 0011 and results files of version 5 hold such hashes. What stands here never changes, whatever
later hashes are made of.
"""

import hashlib
import json
from typing import Any

_CLIENT_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": "loadtasks",
}
_FIELD = "scenario_hash"


def with_client_headers(old: str) -> str:
    """The hash that replaces an old one: the same requests, sent with the client's own headers."""
    sent = json.dumps({"client": _CLIENT_HEADERS, "content": old}, sort_keys=True)
    return hashlib.sha256(sent.encode()).hexdigest()[:12]


def measurement(raw: dict[str, Any]) -> dict[str, Any]:
    """A measurement as JSON, with its hash replaced."""
    return raw | {_FIELD: with_client_headers(raw[_FIELD])} if isinstance(raw.get(_FIELD), str) else raw


def finding(raw: dict[str, Any]) -> dict[str, Any]:
    """A finding as JSON, with the hashes replaced that it names as different (`not_comparable`)."""
    parameters = raw.get("parameters")
    if raw.get("code") != "not_comparable" or not isinstance(parameters, dict) or parameters.get("field") != "scenario":
        return raw
    sides = {side: with_client_headers(str(parameters[side])) for side in ("now", "before") if parameters.get(side)}
    return raw | {"parameters": parameters | sides}
