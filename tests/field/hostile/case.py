"""A hostile behaviour, and what a run against it has to come to."""

import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.servers import Handler

SCHEDULED = 20
"""Requests, WebSockets or deliveries of each case."""
TIMEOUT_S = 0.5
"""Of the scenarios that are meant to time out. The others get `PATIENT_S`, which a busy machine doesn't exceed."""
PATIENT_S = 10
OnConnection = Callable[[socket.socket], None]
"""What is done with a connection in place of reading requests from it."""


class Kind(StrEnum):
    """What the scenario of a case is."""

    HTTP = "http"
    CONNECTIONS = "connections"
    BROADCAST = "broadcast"


_LOADS: Mapping[Kind, dict[str, Any]] = {
    Kind.HTTP: {"workers": 4, "requests": SCHEDULED},
    Kind.CONNECTIONS: {"connections": SCHEDULED, "hold_s": 0.2},
    Kind.BROADCAST: {"listeners": 4, "events": SCHEDULED // 4, "rate": 50},
}


@dataclass(frozen=True)
class Case:
    """One hostile behaviour under a scenario of 20 requests.

    It is shown by requests for a path (`respond`), by connections once the load begins (`on_connection`), or by the
    pages that are asked before and after a load (`pages`).
    """

    name: str
    family: str
    respond: Handler | None = None
    on_connection: OnConnection | None = None
    pages: Mapping[str, Handler] = field(default_factory=dict)
    expected: frozenset[str] = frozenset()
    """Codes of the errors that have to be recorded; none: every request succeeds."""
    possible: frozenset[str] = frozenset()
    """Codes of errors that may be recorded as well: which one comes first is a matter of luck."""
    completes: bool = False
    """Whether requests may succeed though there are errors, as with duplicate events."""
    exit_code: int = 1
    measured: bool = True
    """Whether the load is sent at all."""
    kind: Kind = Kind.HTTP
    load: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    scenario: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment of the run."""
    costly: bool = False
    """Whether it takes seconds of CPU, so that only the tool tries it."""
    tls: bool = False
    """Whether the target is an https address; the handler then gets the connection before the TLS handshake."""

    @property
    def alone(self) -> bool:
        """Whether it needs a target of its own."""
        return bool(self.respond is None or self.settings or self.tls)

    @property
    def _timeout_s(self) -> float:
        return TIMEOUT_S if self.expected & {"timeout", "missed", "connect_timeout"} else PATIENT_S

    def problems(self, counts: Mapping[str, int], codes: Collection[str]) -> list[str]:
        """What is wrong with the account of a measurement: its counts by name, and the codes of its errors."""
        problems = []
        ended = sum(number for name, number in counts.items() if name != "scheduled")
        if not counts["scheduled"] == ended == SCHEDULED:
            problems.append(f"{counts['scheduled']} scheduled and {ended} accounted for, of {SCHEDULED}")
        found = frozenset(codes)
        if not self.expected <= found <= self.expected | self.possible:
            problems.append(f"errors {sorted(found)}, expected {sorted(self.expected)}")
        if self.expected and counts["completed"] and not self.completes:
            problems.append(f"{counts['completed']} completed")
        return problems

    def scenario_of(self, workers: int | None = None) -> dict[str, Any]:
        """The scenario, as a scenario file has it."""
        load = dict(self.load or _LOADS[self.kind])
        if workers is not None and "workers" in load:
            load["workers"] = workers
        common = {
            "load": load,
            "timeout_s": self._timeout_s,
            "connect_timeout_s": 1 if "connect_timeout" in self.expected else PATIENT_S,
            **self.scenario,
        }
        path = f"/{self.name}"
        match self.kind:
            case Kind.HTTP:
                return {"warmup_requests": 2, **common, "request": {"path": path, **self.request}}
            case Kind.CONNECTIONS:
                return {**common, "websocket": path}
            case Kind.BROADCAST:
                return {
                    **common,
                    "websocket": path,
                    "publish": {"request": {"method": "POST", "path": path}, "id": "id"},
                    "event": {"where": {"type": "made"}, "id": "id", **self.event},
                }


CASES: dict[str, Case] = {}
"""Every case by name, in the order of the modules."""


def hostile(*expected: str, **fields: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a case of a function: of a handler of requests, or, with `connection=True`, of one of connections.

    The case has the name of the function and the family of its module.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        key = "on_connection" if fields.pop("connection", False) else "respond"
        add(function.__name__.strip("_"), function.__module__, *expected, **{key: function}, **fields)
        return function

    return register


def add(name: str, module: str, *expected: str, **fields: Any) -> None:
    """Add a case; without errors expected the run is good (exit code 0) unless `exit_code` says otherwise."""
    if name in CASES:
        raise ValueError(f"two cases are named {name}")
    fields.setdefault("exit_code", 1 if expected else 0)
    CASES[name] = Case(
        name=name,
        family=module.rpartition(".")[2],
        expected=frozenset(expected),
        possible=frozenset(fields.pop("possible", ())),
        **fields,
    )
