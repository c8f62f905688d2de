"""The content of a scenario under names that never change: what its hash is made of.

Measurements are compared where their scenarios' hashes are equal, so a hash has to outlive releases. The names in the
content are therefore written out, here and for loads in `load.py`, and are not those of the models' fields or of the
keys in a scenario file, which may be renamed. A field that is added later stands in the content only where it is given,
so that the hashes of scenarios without it stay. The headers that the engine sends of its own accord are part of every
hash (`client_headers`). `name` is not part of a scenario's own content: a renamed scenario
sends the same.
"""

import hashlib
import json

from loadtasks.scenarios.client_headers import hash_with_client_headers
from loadtasks.scenarios.load import Content
from loadtasks.scenarios.model import (
    CONNECT_TIMEOUT_S,
    BroadcastScenario,
    ConnectionsScenario,
    HttpScenario,
    JsonCheck,
    MixedScenario,
    PartScenario,
    Request,
    Scenario,
)


def scenario_hash(scenario: Scenario) -> str:
    """Hash of all that a scenario sends and of its load: 12 hex digits."""
    canonical = json.dumps(content_of(scenario), sort_keys=True)
    return hash_with_client_headers(hashlib.sha256(canonical.encode()).hexdigest()[:12])


def content_of(scenario: Scenario) -> Content:
    """All that a scenario sends, and its load, as JSON values."""
    if isinstance(scenario, MixedScenario):
        parts = {name: {"name": part.name} | _part(part) for name, part in scenario.parts.items()}
        return _common(scenario) | {"kind": "mixed", "parts": parts}
    return _part(scenario)


def _part(part: PartScenario) -> Content:
    match part:
        case HttpScenario():
            return _common(part) | _http(part)
        case ConnectionsScenario():
            return _common(part) | {"kind": "connections", "path": part.path, "load": part.load.content()}
        case BroadcastScenario():
            return _common(part) | {
                "kind": "broadcast",
                "path": part.path,
                "load": part.load.content(),
                "publish": {"request": _request(part.publish.request), "id": part.publish.id},
                "event": {"where": part.event.where, "id": part.event.id},
            }


def _common(scenario: Scenario) -> Content:
    content: Content = {"endpoint": scenario.endpoint, "timeout_s": scenario.timeout_s}
    if scenario.connect_timeout_s != CONNECT_TIMEOUT_S:
        content["connect_timeout_s"] = scenario.connect_timeout_s
    return content


def _http(scenario: HttpScenario) -> Content:
    content: Content = {
        "kind": "http",
        "requests": [_request(request) for request in scenario.requests],
        "load": scenario.load.content(),
        "warmup_requests": scenario.warmup_requests,
        "read_back": None if scenario.read_back is None else {"path": scenario.read_back.path},
    }
    if not scenario.scales:
        content["scales"] = False
    if (feeder := scenario.feeder) is not None:
        content["feeder"] = {"order": feeder.order, "seed": feeder.seed, "content": feeder.content}
    return content


def _request(request: Request) -> Content:
    checks = request.checks
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": request.headers,
        "json_body": request.json_body,
        "checks": {
            "status": checks.status,
            "headers": checks.headers,
            "json_values": {path: _json_check(check) for path, check in checks.json_values.items()},
            "body_matches": checks.body_matches,
        },
    }


def _json_check(check: JsonCheck) -> Content:
    return {
        "equals": check.equals,
        "type": check.type,
        "minimum": check.minimum,
        "maximum": check.maximum,
        "length": check.length,
    }
